"""What faults do to the work of the others: storms, uneven servers, pauses, lost bookmarks, moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from connector.errors import CursorExpired, MailboxMoved, Scope, Throttled, Transient
from connector.model import Location, Mailbox, Phase
from connector.source.base import Notice
from connector.sync.context import Context
from connector.sync.engine import Engine
from connector.sync.holds import UNEVEN_FOR, VAIN, Holds
from connector.sync.storms import LEAK, SLOW, Storms, Turn
from tests.fakes.clock import ManualClock
from tests.fakes.house import House

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def streamed(context: Context) -> Context:
    """Everybody has a stream, so that nothing is polled."""
    return replace(context, streamed=lambda _: True)


class Listening(House):
    """A house that keeps the engine's notices."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        super().__init__(guard=streamed)

    def fresh_engine(self) -> Engine:
        return Engine(
            self.context,
            Holds(self.clock, lambda: 0.5),
            self.journal,
            workers=4,
            watched_changed=lambda: None,
            noticed=lambda _, notice: self.notices.append(notice),
        )

    def deltas(self, mailbox: Mailbox) -> int:
        """How often its changes were asked for."""
        return self.source.calls.count(("delta", mailbox.address))


# --- storms


def test_storm_is_slowed_down_told_of_and_ends() -> None:
    """A mailbox nudged every second is soon looked at once a minute, others at once; calm ends it by itself."""
    house = Listening()
    ada, bob = house.activate("ada@example.com"), house.activate("bob@example.com")
    house.run()
    for _ in range(300):
        house.engine.nudge(ada.id, "stream")
        house.forward(SECOND)
    assert house.notices == [Notice("notification-storm", ada.address)]
    before = house.deltas(ada)
    for _ in range(600):
        house.engine.nudge(ada.id, "stream")
        house.forward(SECOND)
    assert 8 <= house.deltas(ada) - before <= 12
    seen = house.deltas(bob)
    house.engine.nudge(bob.id, "stream")
    house.forward(3 * SECOND)
    assert house.deltas(bob) == seen + 1
    house.forward(15 * MINUTE)
    assert house.notices[1:] == [Notice("notification-storm", ada.address, over=True)]
    seen = house.deltas(ada)
    house.engine.nudge(ada.id, "stream")
    house.forward(3 * SECOND)
    assert house.deltas(ada) == seen + 1


def test_days_work_and_an_import_are_no_storm() -> None:
    """Bursts of eight events a change, and a hundred meetings within a minute, pass at full speed."""
    house = Listening()
    ada = house.activate()
    house.run()
    for _ in range(60):
        for _ in range(8):
            house.engine.nudge(ada.id, "stream")
        house.forward(MINUTE)
    for _ in range(100):
        house.engine.nudge(ada.id, "stream")
        house.forward(0.5 * SECOND)
    assert house.notices == []


@given(some.lists(some.floats(0, 30), max_size=300))
def test_storm_begins_and_ends_in_turn(gaps: list[float]) -> None:
    """Whatever comes: never two beginnings without an end between, and slow nudges never begin one."""
    storms, now, raging = Storms(), datetime(2026, 11, 21), False  # noqa: DTZ001 - only differences count
    for gap in gaps:
        now += timedelta(seconds=gap)
        if storms.look("m", now) is Turn.ENDED:
            assert raging
            raging = False
        if storms.nudge("m", now) is Turn.BEGAN:
            assert not raging
            raging = True
        assert storms.raging("m") == raging
    if all(gap >= 1 / LEAK for gap in gaps):
        assert not raging


def test_storm_costs_no_more_than_a_look_a_minute() -> None:
    """The cap by its figure."""
    assert SLOW == MINUTE


# --- servers that answer some and not others

HERE = Location("https://mail.example.com/EWS/Exchange.asmx", "g")
ILL, WELL = (
    Mailbox(name, "hq", f"{name}@example.com", "staff", "manual", location=HERE) for name in ("ill", "well")
)
PAGE = Transient("server-error", "HTTP 500", scope=Scope.SERVER)


def vain_holds(holds: Holds, clock: ManualClock) -> None:
    """As many holds as it takes, each ended by the first who tries."""
    for _ in range(VAIN):
        hold = holds.meet(ILL, PAGE)
        assert hold is not None
        clock.now = hold.until
        holds.claim_probe(WELL)
        assert holds.passed(WELL)


def test_mailboxes_of_a_dead_back_end_do_not_hold_a_whole_server() -> None:
    """When others keep getting through, a server's error page is each one's own trouble for a while."""
    clock = ManualClock()
    holds = Holds(clock, lambda: 0.5)
    vain_holds(holds, clock)
    assert holds.meet(ILL, PAGE) is None
    assert holds.until(WELL) is None
    clock.forward(UNEVEN_FOR)
    assert holds.meet(ILL, PAGE) is not None


def test_what_a_server_asks_for_itself_is_always_obeyed() -> None:
    """Retry-After of an uneven server holds all the same."""
    clock = ManualClock()
    holds = Holds(clock, lambda: 0.5)
    vain_holds(holds, clock)
    patience = Throttled("busy", retry_after=MINUTE, scope=Scope.SERVER)
    assert holds.meet(ILL, patience) is not None


# --- pause, lost bookmark, move


def test_pause_asks_for_nothing_and_catches_up_spread() -> None:
    """Not a delta, look-up or absence while it lasts; afterwards everybody is looked at, not all in one moment."""
    house = Listening()
    everybody = [house.activate(f"p{n}@example.com") for n in range(20)]
    house.run()
    house.engine.holds.force(house.source.name, "source-paused", house.clock() + HOUR)
    calls, hints = len(house.source.calls), len(house.source.asked_absences)
    for mailbox in everybody:
        house.source.calendar(mailbox.address).add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
        house.engine.nudge(mailbox.id, "stream")
    house.forward(59 * MINUTE)
    assert len(house.source.calls) == calls
    assert len(house.source.asked_absences) == hints
    house.forward(2 * MINUTE)
    told = [one.envelope.mailbox_id for one in house.peek() if one.envelope.kind.value == "meeting.put"]
    assert sorted(told) == sorted(mailbox.id for mailbox in everybody)


def test_lost_bookmark_reads_afresh_without_a_flood() -> None:
    """The hub hears of no meeting that is as it was, only of what changed while the bookmark was worthless."""
    house = Listening()
    ada = house.activate()
    calendar = house.source.calendar(ada.address)
    for number in range(12):
        calendar.add(f"M{number}", house.clock() + number * HOUR, house.clock() + (number + 1) * HOUR)
    house.run()
    acknowledged = house.store.claim(10_000, house.clock())
    house.store.acknowledge([one.envelope.id for one in acknowledged])
    calendar.edit(next(iter(calendar.items)), subject="Changed")
    calendar.delete(list(calendar.items)[3])
    calendar.expire_cursors()
    house.engine.nudge(ada.id, "stream")
    house.forward(MINUTE)
    assert house.phase(ada) is Phase.LIVE
    assert sorted(house.sent()) == ["meeting.gone", "meeting.put"]


def test_server_that_forgets_every_bookmark_is_not_asked_in_a_loop() -> None:
    """A bookmark lost again during the full read is waited for, longer each time."""
    house = Listening()
    ada = house.activate()
    house.run()
    house.source.faults += [CursorExpired("cursor-expired")] * 500
    before = len(house.source.faults)
    house.engine.nudge(ada.id, "stream")
    house.forward(10 * MINUTE)
    assert before - len(house.source.faults) < 15


def test_moved_mailbox_is_looked_up_and_goes_on_at_its_new_place() -> None:
    """Asked for again, opened at the new place, its list neither read afresh nor sent again."""
    house = Listening()
    ada = house.activate()
    calendar = house.source.calendar(ada.address)
    calendar.add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    house.run()
    moved = Location("memory://other", "other")
    located = house.source.locate

    def elsewhere(addresses: list[str]) -> dict[str, object]:
        return {one: replace(found, location=moved) for one, found in located(addresses).items()}  # type: ignore[type-var]

    house.source.locate = elsewhere  # type: ignore[method-assign, assignment]
    views = [name for name, _ in house.source.calls].count("view")
    sent = len(house.peek())
    house.source.faults.append(MailboxMoved("mailbox-moving"))
    house.engine.nudge(ada.id, "stream")
    house.forward(5 * MINUTE)
    now = house.store.mailbox(ada.id)
    assert now is not None
    assert now.location == moved
    assert house.phase(ada) is Phase.LIVE
    assert [name for name, _ in house.source.calls].count("view") == views
    assert len(house.peek()) == sent
