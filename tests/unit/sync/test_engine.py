"""Turns of the workers: order, holds, room, and what the rest of the process is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from connector.errors import AccessDenied, CredentialRefused, Scope, StoreError, Transient, Verdict
from connector.model import AuditEntry, Commit, Identity, Mailbox, Phase, Session
from connector.source.memory import MemorySource
from connector.store.memory import MemoryStore
from connector.sync.engine import Engine
from connector.sync.holds import Holds
from tests.fakes.clock import ManualClock
from tests.fakes.house import House

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Told:
    """Counts how often the watch list was told to look."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1

    def take(self) -> int:
        times, self.times = self.times, 0
        return times


class Site(House):
    """A house whose engine says when the set of watched mailboxes may have changed."""

    def __init__(self, **parts: object) -> None:
        self.watch = Told()
        super().__init__(**parts)  # type: ignore[arg-type]

    def fresh_engine(self) -> Engine:
        holds = Holds(self.clock, lambda: 0.5)
        return Engine(self.context, holds, self.journal, workers=4, watched_changed=self.watch)

    def change(self, mailbox: Mailbox, **fields: object) -> None:
        """As an administrator's verb does."""
        session = self.store.session(mailbox.id)
        assert session is not None
        self.store.change_session(replace(session, **fields))  # type: ignore[arg-type]
        self.engine.changed(mailbox.id)


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def ada(site: Site) -> Mailbox:
    mailbox = site.activate()
    site.run()
    site.watch.take()
    return mailbox


def empty(site: House) -> None:
    site.store.acknowledge([one.envelope.id for one in site.store.claim(10_000, site.clock())])


# --- what is done, and in which order


def test_a_command_goes_before_the_feed_and_the_feed_before_presence(site: Site, ada: Mailbox) -> None:
    """A step does the first thing that is due; a person waits for the command."""
    before = len(site.source.calls)
    site.clock.forward(13 * HOUR)
    site.engine.wake(ada.id, "stream")
    site.run()
    assert [operation for operation, _ in site.source.calls[before:]] == ["delta", "presence"]


def test_a_step_meanwhile_woken_is_followed_by_another(site: Site, ada: Mailbox) -> None:
    """A nudge during a step is not lost."""
    calendar = site.source.calendar(ada.address)
    for number in range(10):
        calendar.add(f"M{number}", site.clock() + HOUR, site.clock() + 2 * HOUR)
    site.engine.wake(ada.id, "stream")
    site.run()
    assert len(site.subjects(ada)) == 10


def test_a_restart_asks_every_live_mailbox_for_a_delta(site: Site, ada: Mailbox) -> None:
    """What happened while the process was away is caught up on, without a nudge."""
    site.source.calendar(ada.address).add("Missed", site.clock() + HOUR, site.clock() + 2 * HOUR)
    site.engine = site.fresh_engine()
    site.engine.start(resync=True)
    site.run()
    assert site.subjects(ada) == {"Missed"}


def test_a_reload_asks_for_nothing(site: Site, ada: Mailbox) -> None:
    """Only a start of the process may have missed something."""
    calls = len(site.source.calls)
    site.engine = site.fresh_engine()
    site.engine.start(resync=False)
    site.run()
    assert len(site.source.calls) == calls


def test_a_restart_goes_on_with_what_was_requested(site: Site) -> None:
    """A wish recorded while no daemon ran is carried out at its start."""
    site.source.calendar("ada@example.com")
    mailbox = Mailbox("f" * 32, site.source.name, "ada@example.com", "staff", "manual")
    wish = Session(mailbox.id, Phase.REQUESTED, site.clock())
    site.store.add_mailbox(mailbox, wish, AuditEntry(site.clock(), "test", "mailbox.activate"))
    site.engine.start(resync=True)
    site.run()
    assert site.phase(mailbox) is Phase.LIVE


def test_a_restart_keeps_a_back_off(site: Site, ada: Mailbox) -> None:
    """A server that asked for patience gets it from the next process too."""
    site.source.faults.append(Transient("timeout"))
    site.engine.wake(ada.id, "stream")
    site.run()
    calls = len(site.source.calls)
    site.engine = site.fresh_engine()
    site.engine.start(resync=True)
    site.run()
    assert len(site.source.calls) == calls


@pytest.mark.parametrize("attempts", [0, 3])
def test_a_restart_does_not_wait_for_a_clock_that_was_ahead(site: Site, ada: Mailbox, attempts: int) -> None:
    """What a clock that was wrong planned for another year: two hours at most, at once where there was no trouble."""
    year = timedelta(days=3650)
    then = site.clock() + year
    site.change(ada, due=then, synced_at=then, presence_at=then, attempts=attempts)
    site.source.calendar(ada.address).add("Missed", site.clock() + 5 * HOUR, site.clock() + 6 * HOUR)
    site.engine = site.fresh_engine()
    site.engine.start(resync=True)
    site.run()
    assert site.subjects(ada) == (set() if attempts else {"Missed"})
    site.clock.forward(2 * HOUR)
    site.run()
    assert site.subjects(ada) == {"Missed"}


def test_a_restart_meets_a_refused_password_again(site: Site, ada: Mailbox) -> None:
    """It is remembered and costs no logon; without a look, status would know of no trouble until the back-off ends."""
    site.source.faults.append(CredentialRefused("credential-refused"))
    site.engine.wake(ada.id, "stream")
    site.run()
    site.source.faults.append(CredentialRefused("credential-refused"))
    site.engine = site.fresh_engine()
    site.engine.start(resync=True)
    site.run()
    assert set(site.engine.holds.all()) == {ada.source}


def test_a_mailbox_that_loses_its_stream_is_polled_from_then_on(site: Site, ada: Mailbox) -> None:
    """Its next look was planned for a time when a stream would tell of every change."""
    site.streamed.add(ada.id)
    site.engine.wake(ada.id, "stream")
    site.run()
    calls = len(site.source.calls)
    site.streamed.clear()
    site.engine.unstreamed([ada.id])
    site.forward(MINUTE)
    assert ("delta", ada.address) in site.source.calls[calls:]


def test_a_stream_that_is_back_in_time_costs_nothing(site: Site, ada: Mailbox) -> None:
    """A short break is made good by the stream's own nudge."""
    site.streamed.add(ada.id)
    site.engine.wake(ada.id, "stream")
    site.run()
    calls = len(site.source.calls)
    site.engine.unstreamed([ada.id])
    site.forward(MINUTE)
    assert ("delta", ada.address) not in site.source.calls[calls:]


def test_a_new_life_of_the_store_is_begun_at_once(site: Site, ada: Mailbox) -> None:
    """Every list is to be sent anew; nobody waits for the next sweep."""
    empty(site)
    site.store.raise_epoch(2, site.clock())
    site.engine.renewed()
    site.run()
    assert site.phase(ada) is Phase.LIVE
    assert {"snapshot.begin", "snapshot.end"} <= set(site.sent())


# --- the outbox is bounded


class Slow(MemorySource):
    """Takes a second for each answer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.time = clock

    def _enter(self, operation: str, address: str) -> None:
        self.time.forward(timedelta(seconds=1))
        super()._enter(operation, address)


def test_with_a_full_outbox_calendars_are_read_no_further() -> None:
    """The source keeps the backlog; when the hub takes events, reading goes on and nothing is missing."""
    clock = ManualClock()
    site = Site(clock=clock, source=Slow(clock))
    ada = site.activate()
    site.run()
    site.context = replace(site.context, outbox_limit=5)
    site.engine = site.fresh_engine()
    empty(site)
    site.engine.start(resync=False)
    calendar = site.source.calendar(ada.address)
    for number in range(40):
        calendar.add(f"M{number}", site.clock() + HOUR, site.clock() + 2 * HOUR)
    site.engine.wake(ada.id, "stream")
    most = 0
    shown: set[str] = set()
    for _ in range(60):
        site.forward(timedelta(seconds=20))
        waiting = site.store.outbox().waiting
        most, shown = max(most, waiting), shown | site.subjects(ada)
        empty(site)
    assert most <= 5 + site.source.page
    assert len(shown) == 40


# --- holds


def test_a_paused_source_is_asked_nothing(site: Site, ada: Mailbox) -> None:
    """Neither for mailboxes nor for new addresses, until the time is over; then everything goes on at once."""
    others = [site.activate(f"u{number}@example.com") for number in range(10)]
    site.run()
    site.engine.holds.force(site.source.name, "source-paused", site.clock() + HOUR)
    calls = len(site.source.calls)
    late = site.activate("late@example.com")
    for mailbox in [ada, *others]:
        site.engine.wake(mailbox.id, "stream")
    site.forward(59 * MINUTE)
    assert len(site.source.calls) == calls
    site.forward(2 * MINUTE)
    asked = {address for _, address in site.source.calls[calls:]}
    assert asked >= {mailbox.address for mailbox in [ada, *others, late]}
    assert site.phase(late) is Phase.LIVE


def test_a_resumed_source_goes_on_at_once(site: Site, ada: Mailbox) -> None:
    """And a wish made meanwhile is carried out."""
    site.engine.holds.force(site.source.name, "source-paused", site.clock() + HOUR)
    late = site.activate("late@example.com")
    site.run()
    site.engine.source_changed(site.source.name)
    site.run()
    assert site.phase(late) is Phase.LIVE


def test_a_held_mailbox_keeps_what_woke_it(site: Site, ada: Mailbox) -> None:
    """The nudge is answered when the hold is over."""
    empty(site)
    site.engine.holds.force(site.source.name, "source-paused", site.clock() + MINUTE)
    site.source.calendar(ada.address).add("Plan", site.clock() + HOUR, site.clock() + 2 * HOUR)
    site.streamed.add(ada.id)
    site.engine.wake(ada.id, "stream")
    site.forward(2 * MINUTE)
    assert site.subjects(ada) == {"Plan"}


# --- whose source is not there


@pytest.mark.parametrize("phase", [Phase.REQUESTED, Phase.VALIDATING, Phase.LIVE])
def test_a_mailbox_whose_source_is_not_configured_waits(site: Site, ada: Mailbox, phase: Phase) -> None:
    """It costs no turn and ends no process."""
    site.store.change_mailbox(replace(ada, source="gone"))
    site.change(ada, phase=phase, due=site.clock())
    assert site.run() <= 2
    assert site.phase(ada) is phase


def test_a_mailbox_whose_source_is_not_configured_can_still_leave(site: Site, ada: Mailbox) -> None:
    """The hub is told, for which no source is needed."""
    empty(site)
    site.store.change_mailbox(replace(ada, source="gone"))
    site.change(ada, phase=Phase.LEAVING, due=site.clock())
    site.forward(MINUTE)
    assert site.store.mailbox(ada.id) is None
    assert site.sent() == ["mailbox.gone"]


# --- what an administrator does during a step


class Meddled(MemorySource):
    """Something happens while it is asked for a delta."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = tuple

    def _enter(self, operation: str, address: str) -> None:
        if operation == "delta":
            meanwhile, self.meanwhile = self.meanwhile, tuple
            meanwhile()
        super()._enter(operation, address)


def test_who_waited_for_a_server_goes_on_when_one_got_through() -> None:
    """At once, and not when the patience with the one that looked is over."""
    site = Site(source=Meddled())
    ada, bob = site.activate(), site.activate("bob@example.com")
    site.run()
    source = cast("Meddled", site.source)
    source.faults.append(Transient("unreachable", scope=Scope.SERVER))
    for one in (ada, bob):
        site.engine.wake(one.id, "stream")
    site.run()
    asked = len(source.calls)
    site.clock.forward(MINUTE)
    source.meanwhile = site.engine.scheduler.run_due
    site.run()
    assert [operation for operation, _ in source.calls[asked:]].count("delta") == 2


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.LEAVING])
@pytest.mark.parametrize("fault", [None, AccessDenied("impersonation-denied"), Transient("timeout")])
def test_a_step_does_not_undo_what_was_changed_meanwhile(phase: Phase, fault: Verdict | None) -> None:
    """Whether it gets through or fails, the pause or the deactivation stands."""
    site = Site(source=Meddled())
    ada = site.activate()
    site.run()
    source = cast("Meddled", site.source)
    source.meanwhile = lambda: site.change(ada, phase=phase, due=site.clock())
    source.faults += [fault] if fault else []
    site.engine.wake(ada.id, "stream")
    site.forward(timedelta(seconds=1))
    assert site.phase(ada) is phase
    site.forward(HOUR)
    assert site.phase(ada) is (Phase.PAUSED if phase is Phase.PAUSED else None)


def test_a_paused_mailbox_takes_no_turn(site: Site, ada: Mailbox) -> None:
    """It is taken out of the agenda."""
    site.change(ada, phase=Phase.PAUSED)
    site.engine.wake(ada.id, "stream")
    assert site.run() == 0
    site.forward(timedelta(days=1))
    assert site.phase(ada) is Phase.PAUSED


# --- what the watch list is told


def test_the_watch_list_is_told_when_a_phase_changes_who_is_watched(site: Site) -> None:
    """A mailbox that begins to load, and one that is blocked."""
    ada = site.activate()
    assert site.watch.take() == 1
    site.run()
    assert site.watch.take() == 1
    site.source.faults.append(AccessDenied("impersonation-denied"))
    site.engine.wake(ada.id, "stream")
    site.run()
    assert site.watch.take() == 1


def test_the_watch_list_is_left_in_peace_otherwise(site: Site, ada: Mailbox) -> None:
    """Neither steps that go well nor faults that pass change who is watched."""
    site.source.faults.append(Transient("unreachable", scope=Scope.SERVER))
    site.engine.wake(ada.id, "stream")
    site.forward(HOUR)
    assert site.watch.take() == 0


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.LEAVING, Phase.REQUESTED])
def test_the_watch_list_is_told_of_what_administrators_do(site: Site, ada: Mailbox, phase: Phase) -> None:
    """At once, so that a subscription ends before the rows do."""
    site.change(ada, phase=phase)
    assert site.watch.take() == 1


# --- trouble of our own


class Broken(MemoryStore):
    """Takes no commit any more once told so."""

    broken = False

    def commit(self, commit: Commit, now: object) -> Session:
        if self.broken:
            raise StoreError("The disk is full.")
        return super().commit(commit, now)  # type: ignore[arg-type]


def test_a_store_that_fails_ends_the_worker() -> None:
    """Nothing may go on as if it had been kept."""
    store = Broken()
    site = Site(store=store)
    ada = site.activate()
    site.run()
    store.broken = True
    site.engine.wake(ada.id, "stream")
    with pytest.raises(StoreError):
        site.run()


class Crowd(MemorySource):
    """Notes how many mailboxes are asked for by each look-up."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        self.calls.append(("batch", str(len(addresses))))
        return super().locate(addresses)


def test_a_thousand_wishes_are_ten_look_ups() -> None:
    """A big roster costs the directory little."""
    site = Site(source=Crowd())
    for number in range(1000):
        site.source.calendar(f"u{number}@example.com")
        wish = Mailbox(f"{number:032x}", site.source.name, f"u{number}@example.com", "staff", "staff")
        site.store.add_mailbox(
            wish, Session(wish.id, Phase.REQUESTED, site.clock()), AuditEntry(site.clock(), "t", "a")
        )
    site.engine.start(resync=True)
    while site.store.count_mailboxes(Phase.REQUESTED):
        site.engine.scheduler.run_due()
    assert [size for operation, size in site.source.calls if operation == "batch"] == ["100"] * 10
