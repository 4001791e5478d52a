"""Faults of streams by their codes, and how a watcher rests."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from connector.model import Location
from connector.source.exchange.reader import GONE
from tests.lab.fault_table import MOVED, SUBSCRIPTION_DEAD, TOO_MANY, Row
from tests.unit.source.exchange.fake_exchange import mailbox
from tests.unit.source.exchange.streaming_documents import failure, heartbeat
from tests.unit.source.exchange.test_reader import Rig as Reading
from tests.unit.source.exchange.test_reader_watcher import Rig as Watching

ANNA, BERT, CARL = mailbox("anna"), mailbox("bert"), mailbox("carl")


@pytest.fixture
def reading() -> Iterator[Reading]:
    """One connection."""
    made = Reading()
    yield made
    made.end()


def as_time_passes(rig: Watching, fact: Callable[[], bool]) -> None:
    """Wait for a fact while the rig's clock goes on."""

    def later() -> bool:
        rig.clock.seconds += 1
        return fact()

    rig.until(later)


def named(row: Row) -> str:
    """A row's name in the report."""
    return row.code


@pytest.mark.parametrize("row", SUBSCRIPTION_DEAD, ids=named)
def test_dead_subscription_is_replaced_alone(reading: Reading, row: Row) -> None:
    """The one that is named gets a new one and a look; its neighbours keep theirs and are left in peace."""
    reading.flowing(ANNA, BERT, CARL).feed(failure(row.code, "sub-2", status="OK"))
    assert reading.server.next_stream().ids == ["sub-1", "sub-4", "sub-3"]
    assert reading.nudges.take() == [("id-bert", "stream-opened")]
    assert reading.nudges.empty()
    assert (row.code in GONE) == ("sub-2" not in {one.id for one in reading.reader.enrolment.take_stale()})


@pytest.mark.parametrize("row", TOO_MANY, ids=named)
def test_too_many_streams_are_charged_to_somebody_else(reading: Reading, row: Row) -> None:
    """Budgets are counted by charged mailbox: the next attempt goes to another one's."""
    first = reading.flowing(ANNA, BERT)
    first.feed(failure(row.code))
    second = reading.server.next_stream()
    assert (first.call.acting, second.call.acting) == (ANNA.address, BERT.address)
    assert second.ids == first.ids


@pytest.mark.parametrize("row", MOVED, ids=named)
def test_failover_makes_nobody_lose_the_subscription(reading: Reading, row: Row) -> None:
    """The stream is opened again with the same ids; where its members live is asked again."""
    first = reading.flowing(ANNA, BERT)
    first.feed(failure(row.code))
    second = reading.server.next_stream()
    assert second.ids == first.ids
    assert reading.reader.enrolment.take_moved() == {"id-anna", "id-bert"}


def test_resting_watcher_asks_for_nothing_and_comes_back_with_what_it_had() -> None:
    """Streams are closed, subscriptions kept; on its return everybody is looked at and nobody subscribed anew."""
    rig = Watching()
    rig.watch(ANNA, BERT)
    rig.streams(1)
    rig.until(lambda: bool(rig.watcher.coverage().streamed))
    until = rig.clock.now() + timedelta(hours=1)
    rig.watcher.rest(until)
    rig.until(lambda: not rig.watcher.coverage().streamed)
    asked = len(rig.server.calls)
    rig.watcher.watch((ANNA, BERT, CARL))
    rig.watcher.rest(until)
    assert len(rig.server.calls) == asked
    rig.clock.seconds += 3600
    as_time_passes(rig, lambda: len(rig.server.of("Subscribe")) == 3)
    stream = rig.server.next_stream()
    stream.feed(heartbeat())
    assert set(stream.ids) >= {"sub-1", "sub-2"}
    assert len(rig.server.of("Subscribe")) == 3
    rig.stop.set()
    rig.thread.join(5)
    assert rig.death == []


def test_rest_ends_when_it_is_taken_back() -> None:
    """Resumed by hand, before its time."""
    rig = Watching()
    rig.watch(ANNA)
    rig.streams(1)
    rig.until(lambda: bool(rig.watcher.coverage().streamed))
    rig.watcher.rest(rig.clock.now() + timedelta(hours=1))
    rig.until(lambda: not rig.watcher.coverage().streamed)
    rig.watcher.rest(None)
    as_time_passes(rig, lambda: not rig.server.streams.empty())
    rig.stop.set()
    rig.thread.join(5)


def test_mailbox_that_moved_to_another_group_is_seated_there() -> None:
    """Autodiscover's new answer regroups it: subscribed at the new place, given back at the old, neighbours undisturbed."""
    rig = Watching()
    rig.watch(ANNA, BERT)
    first = rig.streams(1)[("anna", "bert")]
    rig.places.answers[BERT.address] = Location(ANNA.location.endpoint if ANNA.location else "", "G2")
    first.feed(failure("ErrorMailboxMoveInProgress"))
    rig.until(lambda: any(call.anchor == BERT.address for call in rig.server.of("Subscribe")))
    assert rig.server.unsubscribed.get(timeout=20) == "sub-2"
    rig.stop.set()
    rig.thread.join(5)
    assert "sub-1" in rig.server.held
