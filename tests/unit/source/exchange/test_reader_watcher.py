"""The watcher: who sits where, who leaves, what is given back, and what dies aloud."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import AccessDenied, MailboxMoved, Scope, Transient, Verdict
from connector.model import Identity, Location, Mailbox, Nudge
from connector.source.exchange.patience import Tuning
from connector.source.exchange.settings import ExchangeSettings, Limits
from connector.source.exchange.watcher import ExchangeWatcher
from tests.unit.source.exchange.fake_exchange import (
    BRANCH,
    HQ,
    PATIENCE,
    FakeExchange,
    FakeStream,
    MovingClock,
    Nudges,
    Shelf,
    dice,
    mailbox,
)
from tests.unit.source.exchange.streaming_documents import failure, heartbeat, notification

TUNING = Tuning(
    first_wait=0.001,
    longest_wait=0.01,
    crowded_wait=0.001,
    taken_wait=0.001,
    settle=0.0,
    tick=0.005,
    subscribe_share=1e3,
)
ANNA, BERT, CARL = mailbox("anna"), mailbox("bert"), mailbox("carl")


class Places:
    """Locator with answers of the test's making."""

    def __init__(self) -> None:
        self.answers: dict[str, Location | Verdict] = {}
        self.asked: list[str] = []

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        self.asked += addresses
        found: dict[str, Identity | Verdict] = {}
        for address in addresses:
            answer = self.answers.get(address, HQ)
            found[address] = answer if isinstance(answer, Verdict) else Identity(address, "", answer)
        return found


class Rig:
    """A running watcher."""

    def __init__(self, shelf: Shelf | None = None, tuning: Tuning = TUNING, **options: Any) -> None:
        self.server = FakeExchange()
        self.clock = MovingClock()
        self.places = Places()
        self.shelf = shelf or Shelf()
        self.nudges: Callable[[Nudge], None] = Nudges()
        self.stop = Event()
        self.death: list[BaseException] = []
        told = ExchangeSettings("hq", "cal-01", "svc", lambda: "secret", **options)
        self.watcher = ExchangeWatcher(
            told,
            self.server,
            self.places,
            self.shelf,
            self.clock.now,
            tuning,
            self.clock.monotonic,
            dice(),
        )
        self.thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.watcher.run(self.stop, self.nudges)
        except BaseException as death:  # noqa: BLE001 - what it dies of is looked at by the test
            self.death.append(death)

    def watch(self, *mailboxes: Mailbox) -> None:
        self.watcher.watch(mailboxes)
        if not self.thread.ident:
            self.thread.start()

    def streams(self, count: int) -> dict[tuple[str, ...], FakeStream]:
        """The next streams by the names on them."""
        found = {}
        for _ in range(count):
            stream = self.server.next_stream()
            stream.feed(heartbeat())
            found[self.names(stream)] = stream
        return found

    def names(self, stream: FakeStream) -> tuple[str, ...]:
        return tuple(self.server.held[one][0].partition("@")[0] for one in stream.ids)

    def until(self, fact: Callable[[], bool]) -> None:
        """Wait for a fact that no queue announces."""
        pause = Event()
        for _ in range(int(PATIENCE * 100)):
            if fact():
                return
            pause.wait(0.01)
        raise AssertionError("it never came true")

    def end(self) -> None:
        self.stop.set()
        if self.thread.ident:
            self.thread.join(PATIENCE)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.end()


def test_groups_stream_apart(rig: Rig) -> None:
    """Mailboxes of one group share a connection, those of another have their own; all count as streamed."""
    dora = mailbox("dora", BRANCH)
    rig.watch(ANNA, BERT, dora)
    assert set(rig.streams(2)) == {("anna", "bert"), ("dora",)}
    rig.until(lambda: len(rig.watcher.coverage().streamed) == 3)
    coverage = rig.watcher.coverage()
    assert (coverage.streams, coverage.polled, dict(coverage.broken)) == (2, frozenset(), {})


def test_before_a_stream_flows_everybody_is_polled(rig: Rig) -> None:
    """Coverage promises nothing that is not there yet."""
    rig.watch(ANNA)
    assert rig.watcher.coverage().polled == {"id-anna"}


def test_who_leaves_is_given_back(rig: Rig) -> None:
    """A mailbox that left the set is unsubscribed at the server and taken off the shelf, the others stream on."""
    rig.watch(ANNA, BERT)
    rig.streams(1)
    rig.watch(BERT)
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-1"
    assert set(rig.streams(1)) == {("bert",)}
    rig.until(lambda: list(rig.shelf.rows) == ["id-bert"])
    assert rig.watcher.coverage().polled | rig.watcher.coverage().streamed == {"id-bert"}


def test_a_group_without_anybody_is_closed(rig: Rig) -> None:
    """When the last one leaves, the connection ends and the reader with it."""
    rig.watch(ANNA)
    (stream,) = rig.streams(1).values()
    rig.watch()
    assert stream.closed.wait(PATIENCE)
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-1"


def test_giving_back_is_tried_again(rig: Rig) -> None:
    """A server that is away is asked again later; until then the subscription stays on the shelf."""
    away = Transient("unreachable", "refused", scope=Scope.SERVER)
    rig.server.refuse("Unsubscribe", "", away)
    rig.watch(ANNA, BERT)
    rig.streams(1)
    rig.watch(BERT)
    rig.until(lambda: len(rig.server.of("Unsubscribe")) == 1)
    assert "id-anna" in rig.shelf.rows
    rig.clock.seconds += 31
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-1"
    rig.until(lambda: "id-anna" not in rig.shelf.rows)


def test_one_that_the_server_does_not_know_is_forgotten(rig: Rig) -> None:
    """There is nothing to give back when the server has forgotten it by itself."""
    rig.server.refuse("Unsubscribe", "", Transient("subscription-lost", "ErrorSubscriptionNotFound"))
    rig.watch(ANNA, BERT)
    rig.streams(1)
    rig.watch(BERT)
    rig.until(lambda: list(rig.shelf.rows) == ["id-bert"])


def test_a_restart_uses_what_is_kept_and_gives_back_the_rest() -> None:
    """The next process opens the kept ids without a Subscribe; who left in between is unsubscribed."""
    before = Rig()
    before.watch(ANNA, BERT, CARL)
    before.streams(1)
    before.end()
    assert before.server.of("Unsubscribe") == []
    after = Rig(shelf=before.shelf)
    after.server.held = before.server.held
    after.watch(ANNA, BERT)
    assert set(after.streams(1)) == {("anna", "bert")}
    assert after.server.of("Subscribe") == []
    assert after.server.unsubscribed.get(timeout=PATIENCE) == "sub-3"
    after.end()


def test_a_moved_mailbox_changes_connections(rig: Rig) -> None:
    """A new location means a new subscription there; the old one is given back by its old route."""
    rig.watch(ANNA, BERT)
    rig.streams(1)
    rig.watch(ANNA, mailbox("bert", BRANCH))
    assert set(rig.streams(2)) == {("anna",), ("bert",)}
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-2"
    assert rig.shelf.rows["id-bert"].group == "G2 1"


def test_a_mailbox_that_moved_is_looked_for(rig: Rig) -> None:
    """MailboxMoved asks Autodiscover again, and the mailbox is seated where it lives now."""
    rig.server.refuse("Subscribe", "bert", MailboxMoved("mailbox-moving", "ErrorMailboxMoveInProgress"))
    rig.places.answers[BERT.address] = BRANCH
    rig.watch(ANNA, BERT)
    seen: set[tuple[str, ...]] = set()
    while ("bert",) not in seen:
        seen |= set(rig.streams(1))
    assert seen == {("anna",), ("bert",)}
    assert rig.places.asked == [BERT.address]


def test_mailboxes_without_a_place_are_asked_for(rig: Rig) -> None:
    """A location that nobody knows yet is asked for; one that can't be found is polled."""
    rig.places.answers[CARL.address] = AccessDenied("address-unknown")
    rig.watch(mailbox("anna", None), mailbox("carl", None))
    assert set(rig.streams(1)) == {("anna",)}
    rig.until(lambda: bool(rig.watcher.coverage().streamed))
    assert rig.watcher.coverage().polled == {"id-carl"}


def test_per_mailbox_streams_have_a_limit() -> None:
    """One connection each, at most so many; the rest is polled."""
    rig = Rig(stream="per-mailbox", tuning=Tuning(per_mailbox=2, settle=0.0, tick=0.005, subscribe_share=1e3))
    rig.watch(ANNA, BERT, CARL)
    assert set(rig.streams(2)) == {("anna",), ("bert",)}
    rig.until(lambda: rig.watcher.coverage().streams == 2)
    assert rig.watcher.coverage().polled == {"id-carl"}
    rig.end()


def test_new_subscriptions_keep_to_half_of_the_limit_and_to_what_the_server_bears(rig: Rig) -> None:
    """``limits.requests`` leaves room for those who are looked at meanwhile; a server that is busy halves the pace again."""
    quiet = ExchangeWatcher(
        ExchangeSettings("hq", "i", "svc", password=str, limits=Limits(requests=20)),
        rig.server,
        rig.places,
        Shelf(),
        rig.clock.now,
    )
    assert quiet._subscribes() == 10.0
    rig.server.bears = 0.5
    assert quiet._subscribes() == 5.0


def test_off_means_polling_and_nothing_is_left_behind() -> None:
    """Without streams everybody is polled, and subscriptions of an earlier mode are given back."""
    before = Rig()
    before.watch(ANNA)
    before.streams(1)
    before.end()
    rig = Rig(shelf=before.shelf, stream="off")
    rig.watch(ANNA, BERT)
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-1"
    assert rig.watcher.coverage().polled == {"id-anna", "id-bert"}
    assert rig.server.of("GetStreamingEvents") == []
    rig.end()


def test_unsubscribe_all_gives_back_everything(rig: Rig) -> None:
    """All subscriptions go back to the server, streams end, and the number of those given back is told."""
    dora = mailbox("dora", BRANCH)
    rig.watch(ANNA, BERT, dora)
    streams = rig.streams(2)
    assert rig.watcher.unsubscribe_all() == 3
    assert all(stream.closed.wait(PATIENCE) for stream in streams.values())
    assert rig.server.held == {}
    assert rig.shelf.rows == {}


def test_unsubscribe_all_works_without_a_running_watcher() -> None:
    """A command may give back what a stopped daemon has left on the shelf."""
    before = Rig()
    before.watch(ANNA, BERT)
    before.streams(1)
    before.end()
    command = Rig(shelf=before.shelf)
    assert command.watcher.unsubscribe_all() == 2
    assert before.shelf.rows == {}


def test_a_reader_that_dies_ends_the_watcher(rig: Rig) -> None:
    """A failure nobody foresaw is raised by run, so that the process ends and is started anew."""

    def broken(nudge: Nudge) -> None:
        raise RuntimeError("the scheduler is gone")

    rig.nudges = broken
    rig.watch(ANNA)
    rig.thread.join(PATIENCE)
    assert [str(death) for death in rig.death] == ["the scheduler is gone"]


def test_stop_ends_blocked_readers(rig: Rig) -> None:
    """Stopping wakes readers out of their reads, and the subscriptions stay at the server for the next start."""
    rig.watch(ANNA)
    (stream,) = rig.streams(1).values()
    rig.stop.set()
    rig.thread.join(PATIENCE)
    assert not rig.thread.is_alive()
    assert stream.closed.is_set()
    assert list(rig.server.held) == ["sub-1"]
    assert list(rig.shelf.rows) == ["id-anna"]


def test_events_reach_the_core(rig: Rig) -> None:
    """From the wire to the nudge, through watcher and reader."""
    nudges = Nudges()
    rig.nudges = nudges
    rig.watch(ANNA, BERT)
    (stream,) = rig.streams(1).values()
    nudges.take(2)
    stream.feed(notification("sub-2"))
    assert nudges.take() == [("id-bert", "event")]


CAST = [ANNA, BERT, CARL, mailbox("dora", BRANCH), mailbox("emil", BRANCH)]
STEPS = st.one_of(
    st.tuples(st.just("watch"), st.sets(st.integers(0, 4), max_size=5)),
    st.tuples(st.just("die"), st.integers(0, 4)),
    st.tuples(st.just("break"), st.integers(0, 4)),
    st.tuples(st.just("close"), st.integers(0, 4)),
    st.tuples(st.just("restart"), st.none()),
)


class Story:
    """Plays steps on a rig; the last stream that carries a mailbox is the one that counts."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.nudges = Nudges()
        self.rig.nudges = self.nudges
        self.opened: list[FakeStream] = []
        self.wanted = [ANNA]
        self.rig.watch(*self.wanted)

    def play(self, step: str, what: Any) -> None:
        self.settle()
        if step == "watch":
            self.wanted = [CAST[one] for one in sorted(what)]
            self.rig.watch(*self.wanted)
        elif step == "restart":
            self.restart()
        elif CAST[what] in self.wanted:
            self.spoil(step, CAST[what])

    def spoil(self, step: str, one: Mailbox) -> None:
        self.rig.clock.seconds += 61
        stream = self.stream_of(one)
        assert stream
        if step == "die":
            dead = self.rig.shelf.rows[one.id].id
            del self.rig.server.held[dead]
            stream.feed(failure("ErrorSubscriptionNotFound", dead, status="OK"))
        else:
            stream.feed(b"" if step == "break" else heartbeat("Closed"))
        assert stream.closed.wait(PATIENCE)

    def restart(self) -> None:
        self.rig.end()
        server, shelf, clock = self.rig.server, self.rig.shelf, self.rig.clock
        self.rig = Rig(shelf=shelf)
        self.rig.server.held, self.rig.server.numbers = server.held, server.numbers
        self.rig.clock.seconds = clock.seconds
        self.rig.nudges = self.nudges
        self.opened = []
        self.rig.watch(*self.wanted)

    def stream_of(self, one: Mailbox) -> FakeStream | None:
        """The open stream that carries the mailbox's kept subscription."""
        while not self.rig.server.streams.empty():
            self.opened.append(self.rig.server.streams.get())
            self.opened[-1].feed(heartbeat())
        row = self.rig.shelf.rows.get(one.id)
        living = [stream for stream in self.opened if not stream.closed.is_set()]
        return next((stream for stream in living if row and row.id in stream.ids), None)

    def settle(self) -> None:
        """Wait for the order of things: server, shelf and streams hold exactly the wanted mailboxes, once each."""
        addresses = sorted(one.address for one in self.wanted)
        ids = {one.id for one in self.wanted}
        rig = self.rig
        rig.until(lambda: all(self.stream_of(one) for one in self.wanted))
        rig.until(lambda: sorted(address for address, _ in list(rig.server.held.values())) == addresses)
        rig.until(lambda: {row.id for row in rig.shelf.rows.values()} == set(rig.server.held))
        rig.until(lambda: bool(self.all_streamed(ids)))

    def all_streamed(self, ids: set[str]) -> bool:
        for one in self.wanted:
            self.stream_of(one)
        return self.rig.watcher.coverage().streamed == ids

    def hear_everybody(self) -> None:
        """An event of each mailbox comes through."""
        while not self.nudges.empty():
            self.nudges.take()
        for one in self.wanted:
            stream = self.stream_of(one)
            assert stream
            stream.feed(notification(self.rig.shelf.rows[one.id].id))
            while (heard := self.nudges.take()) != [(one.id, "event")]:
                assert [reason for _, reason in heard] == ["stream-changed"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=8))
def test_whatever_happens_the_streams_come_right(steps: list[tuple[str, Any]]) -> None:
    """After any mixture of joins, leaves, dead ids, breaks, planned ends and restarts nothing is doubled, lost or left over."""
    story = Story()
    try:
        for step, what in steps:
            story.play(step, what)
        story.settle()
        story.hear_everybody()
        assert story.rig.death == []
    finally:
        story.rig.end()
