"""One streaming connection against an Exchange in memory."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread

import pytest

from connector.errors import AccessDenied, CredentialRefused, MailboxMoved, Scope, Throttled, Transient
from connector.model import Mailbox
from connector.source.exchange.enrolment import Enrolment
from connector.source.exchange.errors import code_verdict
from connector.source.exchange.groups import Seat
from connector.source.exchange.patience import End, Patience, Sort, Tuning
from connector.source.exchange.reader import Reader, Report
from connector.source.exchange.subscriptions import Ledger, Pace, Subscriber
from tests.unit.source.exchange.fake_exchange import (
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

SEAT = Seat(HQ.endpoint, HQ.group, 1)
TUNING = Tuning(
    first_wait=0.001, longest_wait=0.01, crowded_wait=0.001, taken_wait=0.001, subscribe_share=1e3
)
ANNA, BERT, CARL = mailbox("anna"), mailbox("bert"), mailbox("carl")


class Rig:
    """A reader with everything it needs, in a thread of its own."""

    def __init__(self, tuning: Tuning = TUNING, shelf: Shelf | None = None) -> None:
        self.server = FakeExchange()
        self.clock = MovingClock()
        self.shelf = shelf or Shelf()
        self.nudges = Nudges()
        chance = dice()
        ledger = Ledger("hq", self.shelf)
        subscriber = Subscriber("hq", self.server, self.clock.now)
        enrolment = Enrolment(
            subscriber, ledger, Pace(lambda: 1e6), self.clock.now, self.clock.monotonic, chance
        )
        self.reader = Reader(SEAT, self.server, enrolment, self.nudges, tuning, self.clock.monotonic, chance)
        self.stop = Event()
        self.thread = Thread(target=self.reader.run, args=(self.stop,), daemon=True)

    def start(self, *members: Mailbox) -> None:
        self.reader.seat_members(members)
        self.thread.start()

    def flowing(self, *members: Mailbox) -> FakeStream:
        """Started, opened, and the first nudges taken."""
        self.start(*members)
        stream = self.server.next_stream()
        stream.feed(heartbeat())
        self.nudges.take(len(members))
        return stream

    def settled(self, stream: FakeStream) -> None:
        """Everything fed so far has been heard: an event of ours has come through."""
        stream.feed(notification(stream.ids[0]))
        self.nudges.take()

    def end(self) -> None:
        self.stop.set()
        self.reader.retire()
        self.thread.join(PATIENCE)


class SlowClock(Patience):
    """Lets eleven seconds pass between two connections."""

    def __init__(self, clock: MovingClock) -> None:
        super().__init__(TUNING, dice())
        self._clock = clock

    def after(self, end: End, lasted: float) -> float:
        self._clock.seconds += 11
        return 0.0


class Standstill(Patience):
    """Waits for the test's end after any connection."""

    def __init__(self) -> None:
        super().__init__(TUNING, dice())
        self.reached = Event()

    def after(self, end: End, lasted: float) -> float:
        self.reached.set()
        return PATIENCE


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.end()


def test_the_affinity_walk_through(rig: Rig) -> None:
    """The anchor subscribes alone, the others with its anchor and cookie, acting for themselves; the stream takes all ids.

    These are the five steps of Microsoft's "How to: Maintain affinity".
    """
    rig.start(ANNA, BERT, CARL)
    stream = rig.server.next_stream()
    first, *others = rig.server.of("Subscribe")
    assert (first.acting, first.anchor, dict(first.cookies)) == (ANNA.address, ANNA.address, {})
    cookies = {"X-BackEndOverrideCookie": f"server-of-{ANNA.address}"}
    assert [(one.acting, one.anchor, one.cookies) for one in others] == [
        (BERT.address, ANNA.address, cookies),
        (CARL.address, ANNA.address, cookies),
    ]
    assert (stream.call.acting, stream.call.anchor, stream.call.cookies) == (
        ANNA.address,
        ANNA.address,
        cookies,
    )
    assert stream.ids == ["sub-1", "sub-2", "sub-3"]
    assert all(one.headers == {"X-PreferServerAffinity": "true"} for one in rig.server.calls)


def test_new_subscriptions_are_nudged_after_the_stream_is_open(rig: Rig) -> None:
    """Subscribe, open, then sync again: no nudge goes out before the stream is there."""
    rig.server.before_answer = threading.Event()
    rig.start(ANNA, BERT)
    assert rig.server.asked.get(timeout=PATIENCE) == "Subscribe"
    assert rig.nudges.empty()
    rig.server.before_answer.set()
    rig.server.next_stream()
    assert rig.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]


def test_an_event_nudges_its_mailbox(rig: Rig) -> None:
    """An event of one mailbox wakes that mailbox alone, ids of nobody are passed over."""
    stream = rig.flowing(ANNA, BERT)
    stream.feed(notification("sub-99", "sub-2"))
    assert rig.nudges.take() == [("id-bert", "event")]


def test_what_flows_is_reported(rig: Rig) -> None:
    """After a good document all subscribed members count as streamed."""
    rig.settled(rig.flowing(ANNA, BERT))
    assert rig.reader.report().streamed == {"id-anna", "id-bert"}
    assert not rig.reader.report().trouble


def test_a_planned_end_is_reopened_without_a_nudge(rig: Rig) -> None:
    """After ConnectionStatus Closed the same ids are opened at once; the server's queue has kept the events."""
    first = rig.flowing(ANNA, BERT)
    first.feed(heartbeat("Closed"))
    second = rig.server.next_stream()
    assert second.ids == first.ids
    second.feed(heartbeat(), notification("sub-1"))
    assert rig.nudges.take() == [("id-anna", "event")]
    assert rig.reader.report().streamed == {"id-anna", "id-bert"}
    assert len(rig.server.of("Subscribe")) == 2


def test_a_planned_end_reopened_late_nudges_everybody(rig: Rig) -> None:
    """Ten seconds without a connection are too long to trust the server's queue."""
    first = rig.flowing(ANNA, BERT)
    rig.reader._patience = SlowClock(rig.clock)
    first.feed(heartbeat("Closed"))
    rig.server.next_stream()
    assert rig.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]


@pytest.mark.parametrize(
    "end",
    [
        b"",
        heartbeat()[:50],
        b"<html><body>Service Unavailable</body></html></Envelope>",
        b"\x00garbage",
        Transient("timeout", "nothing for 95 s"),
        Transient("unreachable", "reset"),
        failure("ErrorInternalServerError"),
    ],
)
def test_any_other_end_is_reopened_with_a_nudge_for_all(rig: Rig, end: bytes | Transient) -> None:
    """Cut, silent, garbled or failed: opened again with the same ids, and everybody is looked at."""
    first = rig.flowing(ANNA, BERT)
    first.feed(end, b"")
    second = rig.server.next_stream()
    assert second.ids == first.ids
    assert rig.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]


def test_a_stream_that_only_drips_is_stalled(rig: Rig) -> None:
    """Bytes that never make a document do not count as a heartbeat."""
    first = rig.flowing(ANNA)
    rig.settled(first)
    rig.clock.seconds += 96
    first.feed(b"<")
    assert rig.server.next_stream().ids == first.ids
    assert rig.nudges.take() == [("id-anna", "stream-opened")]


def test_only_the_dead_id_is_replaced(rig: Rig) -> None:
    """ErrorSubscriptionIds names one: it gets a new subscription and a nudge, the others go on with theirs."""
    first = rig.flowing(ANNA, BERT, CARL)
    first.feed(failure("ErrorSubscriptionNotFound", "sub-2", status="OK"))
    second = rig.server.next_stream()
    assert second.ids == ["sub-1", "sub-4", "sub-3"]
    assert rig.nudges.take() == [("id-bert", "stream-opened")]
    replacement = rig.server.of("Subscribe")[-1]
    assert (replacement.acting, replacement.anchor) == (BERT.address, ANNA.address)
    assert rig.shelf.rows["id-bert"].id == "sub-4"


def test_a_dead_anchor_s_route_goes_on(rig: Rig) -> None:
    """When the anchor's own subscription dies, the others' route is kept: they still live on that server."""
    rig.flowing(ANNA, BERT).feed(failure("ErrorInvalidSubscription", "sub-1", status="OK"))
    rig.server.next_stream()
    replacement = rig.server.of("Subscribe")[-1]
    assert replacement.cookies == {"X-BackEndOverrideCookie": f"server-of-{ANNA.address}"}


def test_a_dead_connection_without_ids_replaces_all(rig: Rig) -> None:
    """ErrorInvalidSubscription without ids is what servers with one mailbox to a stream send."""
    rig.flowing(ANNA, BERT).feed(failure("ErrorInvalidSubscription"))
    assert rig.server.next_stream().ids == ["sub-3", "sub-4"]
    assert rig.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]


def test_a_server_that_never_takes_a_mailbox_is_not_asked_without_end(rig: Rig) -> None:
    """A mailbox whose subscriptions die as soon as they are made is polled and tried again later."""
    stream = rig.flowing(ANNA, BERT)
    for _ in range(3):
        stream.feed(failure("ErrorSubscriptionAccessDenied", stream.ids[1], status="OK"))
        stream = rig.server.next_stream()
    assert stream.ids == ["sub-1"]
    stream.feed(heartbeat())
    rig.nudges.take(2)
    rig.settled(stream)
    assert rig.reader.report().streamed == {"id-anna"}
    rig.clock.seconds += 3600
    rig.reader.look()
    assert rig.server.next_stream().ids == ["sub-1", "sub-5"]


def test_missed_events_keep_the_subscription(rig: Rig) -> None:
    """ErrorMissedNotificationEvents only asks for a look; the same stream goes on."""
    stream = rig.flowing(ANNA, BERT)
    stream.feed(failure("ErrorMissedNotificationEvents", "sub-2", status="OK"), notification("sub-1"))
    assert rig.nudges.take(2) == [("id-anna", "event"), ("id-bert", "events-missed")]
    assert rig.server.streams.empty()


def test_a_taken_over_stream_gives_way() -> None:
    """Somebody else streams the same ids: the older connection ends and its mailboxes are polled, for long."""
    rig = Rig()
    waiting = rig.reader._patience = Standstill()
    rig.flowing(ANNA).feed(failure("ErrorNewEventStreamConnectionOpened", "sub-1"))
    assert waiting.reached.wait(PATIENCE)
    assert rig.reader.report() == Report(frozenset(), "stream-taken-over")
    assert rig.server.streams.empty()
    rig.end()


def test_too_many_connections_are_charged_to_somebody_else(rig: Rig) -> None:
    """A spent budget of the anchor: poll, and later try with another member's budget."""
    fault = code_verdict("ErrorExceededConnectionCount", "You have exceeded the available connections.")
    rig.server.refuse("GetStreamingEvents", "anna", fault)
    rig.start(ANNA, BERT)
    stream = rig.server.next_stream()
    assert (stream.call.acting, stream.call.anchor) == (BERT.address, ANNA.address)


def test_a_closed_payer_is_replaced(rig: Rig) -> None:
    """When the anchor can no longer be acted for, the connection is charged to the next member."""
    stream = rig.flowing(ANNA, BERT)
    rig.server.refuse("GetStreamingEvents", "anna", AccessDenied("mailbox-disabled", "ErrorAccountDisabled"))
    stream.feed(b"")
    assert rig.server.next_stream().call.acting == BERT.address


def test_one_closed_mailbox_does_not_stop_the_others(rig: Rig) -> None:
    """A member that can't be subscribed is left to polling, the others stream; the next one becomes the anchor."""
    rig.server.refuse("Subscribe", "anna", AccessDenied("impersonation-denied", "ErrorImpersonateUserDenied"))
    rig.start(ANNA, BERT, CARL)
    opened = rig.server.next_stream()
    assert rig.nudges.take(2) == [("id-bert", "stream-opened"), ("id-carl", "stream-opened")]
    assert opened.call.anchor == BERT.address
    opened.feed(heartbeat())
    rig.settled(opened)
    assert rig.reader.report().streamed == {"id-bert", "id-carl"}


def test_a_moved_mailbox_is_reported(rig: Rig) -> None:
    """A member that turns out to live elsewhere is named, so that its place is asked for again."""
    rig.server.refuse("Subscribe", "bert", MailboxMoved("mailbox-moving", "ErrorMailboxMoveInProgress"))
    rig.start(ANNA, BERT)
    rig.server.next_stream()
    assert rig.reader.enrolment.take_moved() == {"id-bert"}
    assert rig.reader.enrolment.take_moved() == frozenset()


@pytest.mark.parametrize("code", ["ErrorMailboxMoveInProgress", "ErrorMailboxFailover", "ErrorADUnavailable"])
def test_a_failover_makes_all_members_suspect(rig: Rig, code: str) -> None:
    """When the connection as a whole meets a move or a failover, the place of every member is asked for again."""
    rig.flowing(ANNA, BERT).feed(failure(code))
    rig.server.next_stream()
    assert rig.reader.enrolment.take_moved() == {"id-anna", "id-bert"}


def test_a_server_that_is_away_is_tried_again(rig: Rig) -> None:
    """A verdict about the server stops the round; nobody is counted as refused, and the round is repeated."""
    rig.server.refuse("Subscribe", "bert", Transient("unreachable", "refused", scope=Scope.SERVER))
    rig.start(ANNA, BERT)
    assert rig.server.next_stream().ids == ["sub-1", "sub-2"]
    assert [call.acting for call in rig.server.of("Subscribe")] == [
        ANNA.address,
        BERT.address,
        BERT.address,
    ]
    assert rig.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]


def test_kept_subscriptions_are_used_again() -> None:
    """After a restart the ids, anchor and cookie from the shelf are opened as they are, and everybody is looked at."""
    before = Rig()
    before.flowing(ANNA, BERT)
    before.end()
    after = Rig(shelf=before.shelf)
    after.start(ANNA, BERT)
    stream = after.server.next_stream()
    assert stream.ids == ["sub-1", "sub-2"]
    assert stream.call.cookies == {"X-BackEndOverrideCookie": f"server-of-{ANNA.address}"}
    assert after.server.of("Subscribe") == []
    assert after.nudges.take(2) == [("id-anna", "stream-opened"), ("id-bert", "stream-opened")]
    after.end()


def test_a_joiner_is_added_without_disturbing_the_others(rig: Rig) -> None:
    """The connection is reopened with one id more; only the joiner is nudged."""
    first = rig.flowing(ANNA, CARL)
    rig.reader.seat_members((ANNA, BERT, CARL))
    second = rig.server.next_stream()
    assert second.ids == ["sub-1", "sub-3", "sub-2"]
    assert first.closed.is_set()
    assert rig.nudges.take() == [("id-bert", "stream-opened")]
    second.feed(heartbeat(), notification("sub-1"))
    assert rig.nudges.take() == [("id-anna", "event")]


def test_events_lost_with_a_connection_we_cut_are_made_up_for(rig: Rig) -> None:
    """Who was on a connection that a joiner or leaver ended is looked at once, when nobody has come or gone for half a minute."""
    rig.flowing(ANNA, BERT)
    rig.reader.keep_only({"id-bert"})
    rig.server.next_stream()
    rig.reader.seat_members((BERT, CARL))
    stream = rig.server.next_stream()
    assert rig.nudges.take() == [("id-carl", "stream-opened")]
    rig.settled(stream)
    rig.clock.seconds += TUNING.steady
    stream.feed(heartbeat(), heartbeat(), notification("sub-3"))
    assert rig.nudges.take(2) == [("id-bert", "stream-changed"), ("id-carl", "event")]


def test_a_leaver_is_not_streamed(rig: Rig) -> None:
    """Who left is neither on the next connection nor paid with, and counts as streamed no more."""
    rig.settled(rig.flowing(ANNA, BERT))
    rig.reader.keep_only({"id-bert"})
    assert rig.reader.report().streamed <= {"id-bert"}
    stream = rig.server.next_stream()
    assert stream.ids == ["sub-2"]
    assert (stream.call.acting, stream.call.anchor) == (BERT.address, ANNA.address)


def test_who_leaves_while_being_subscribed_is_unsubscribed(rig: Rig) -> None:
    """A subscription that comes about after its mailbox has left is given back at once."""
    rig.server.before_answer = threading.Event()
    rig.start(ANNA)
    assert rig.server.asked.get(timeout=PATIENCE) == "Subscribe"
    rig.reader.keep_only(())
    rig.server.before_answer.set()
    assert rig.server.unsubscribed.get(timeout=PATIENCE) == "sub-1"
    assert rig.shelf.rows == {}


def test_members_with_new_words_are_not_reconnected(rig: Rig) -> None:
    """A changed policy of a mailbox is no reason to open the stream anew."""
    stream = rig.flowing(ANNA, BERT)
    changed = Mailbox(BERT.id, "hq", BERT.address, "room", "manual", location=HQ)
    rig.reader.seat_members((ANNA, changed))
    rig.settled(stream)
    assert rig.server.streams.empty()


def test_retirement_ends_the_thread(rig: Rig) -> None:
    """A reader that is not needed any more leaves a blocked read at once."""
    stream = rig.flowing(ANNA)
    rig.reader.retire()
    rig.thread.join(PATIENCE)
    assert not rig.thread.is_alive()
    assert stream.closed.is_set()


def test_the_wait_grows_with_failures_and_is_spread() -> None:
    """Full jitter up to a doubling bound; a good connection starts the count anew, a server's own wish is kept."""
    patience = Patience(Tuning(first_wait=2, longest_wait=300), dice())
    broken = End(Sort.BROKEN, Transient("unreachable"))
    waits = [[patience.after(broken, 0) for _ in range(12)] for _ in range(40)]
    assert all(0 <= wait <= 300 for row in waits for wait in row)
    assert len({wait for row in waits for wait in row}) == 480
    assert patience.after(broken, lasted=31) <= 2
    asked = End(Sort.BROKEN, Throttled("busy", retry_after=timedelta(seconds=70)))
    assert patience.after(asked, 0) >= 70


def test_a_refused_account_looks_soon_whether_another_password_was_typed() -> None:
    """That costs no logon: the gate keeps a refused password back. It stays the same wait, however often."""
    patience = Patience(Tuning(), dice())
    refused = End(Sort.BROKEN, CredentialRefused("credential-refused"))
    assert [patience.after(refused, 0) for _ in range(9)] == [10] * 9


def test_a_server_that_always_closes_at_once_is_slowed_down() -> None:
    """Planned ends in quick succession are not followed at full speed for ever."""
    patience = Patience(Tuning(), dice())
    waits = [patience.after(End(Sort.PLANNED), 0.1) for _ in range(8)]
    assert waits[:3] == [0, 0, 0]
    assert all(wait > 0 for wait in waits[3:])
    assert patience.after(End(Sort.PLANNED), 1800) == 0
