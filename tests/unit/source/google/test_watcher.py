"""Channels: made before the old one is stopped, given back, tried again, and never more than a hint."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, Thread

import pytest

from connector.errors import Transient
from connector.model import Mailbox, Nudge
from connector.source.base import Subscription
from connector.source.google.push import Channels, HubReceiver, Route
from connector.source.google.watcher import NEVER, RETRY, PolledWatcher, PushWatcher
from connector.store.memory import MemoryStore
from tests.unit.source.google.twin import Twin


class Office:
    """A watcher over the lab, with a hub that can be away."""

    def __init__(self, users: int = 2) -> None:
        self.twin = Twin(users=users)
        self.store = MemoryStore()
        self.told: list[tuple[str, str]] = []
        self.away = False
        self.left: list[str] = []
        self.nudges: list[Nudge] = []
        self.tick = 0.0
        receiver = HubReceiver("https://hub.example.net/", self._send)
        self.channels = Channels("brand", self.twin.source.services, receiver, self.twin.clock)
        self.watcher = self.fresh()
        self.everybody = [self.twin.mailbox(number + 1) for number in range(users)]

    def fresh(self) -> PushWatcher:
        """As after a restart."""
        return PushWatcher(
            "brand", self.channels, self.store, self.twin.clock, self._leave, lambda: self.tick
        )

    def work(self) -> None:
        """One look at what is due."""
        self.watcher._say_farewell()
        for mailbox in self.watcher._due():
            self.watcher._subscribe(mailbox, self.nudges.append)
        self.watcher._say_farewell()

    def open(self) -> dict[str, str]:
        """Living channels at Google by id, and whose calendar each is."""
        return {one.id: one.calendar for one in self.twin.lab.push.channels.values()}

    def _send(self, path: str, members: object) -> None:
        if self.away:
            raise Transient("unreachable", "the hub")
        assert isinstance(members, dict)
        self.told.append((path.rpartition("/")[2], members["id"]))

    def _leave(self, mailbox: Mailbox) -> None:
        self.left.append(mailbox.id)


def test_each_calendar_gets_a_channel() -> None:
    """The hub is told before Google, a nudge follows, and from then on the slow sweep is enough."""
    office = Office()
    office.watcher.watch(office.everybody)
    office.work()
    assert sorted(office.open().values()) == [one.address for one in office.everybody]
    assert [path for path, _ in office.told] == ["channels", "channels"]
    assert {one.mailbox_id for one in office.nudges} == {"m1", "m2"}
    assert office.watcher.coverage().streamed == {"m1", "m2"}
    office.work()
    assert len(office.told) == 2


def test_the_next_channel_is_made_before_the_old_one_is_stopped() -> None:
    """A day or two before the end; the store never holds a channel that is gone."""
    office = Office(1)
    office.watcher.watch(office.everybody)
    office.work()
    (before,) = office.open()
    office.twin.clock.advance(timedelta(days=4))
    office.work()
    assert set(office.open()) == {before}
    office.twin.clock.advance(timedelta(days=2, hours=1))
    office.work()
    (after,) = office.open()
    assert after != before
    (kept,) = office.store.subscriptions("brand")
    assert kept.id == after
    assert office.told[-1] == ("forget", before)


def test_a_renewal_that_fails_keeps_the_old_channel() -> None:
    """The stored one is not overwritten, and it is tried again with growing patience."""
    office = Office(1)
    office.watcher.watch(office.everybody)
    office.work()
    before = office.store.subscriptions("brand")
    office.twin.clock.advance(timedelta(days=6, hours=1))
    office.twin.lab.faults.order(kind="backendError", operation="events.watch", times=2)
    office.work()
    assert office.store.subscriptions("brand") == before
    office.work()
    assert office.twin.lab.faults.pending() == 1
    office.tick = RETRY + 1
    office.work()
    assert office.twin.lab.faults.pending() == 0
    office.tick = 4 * RETRY
    office.work()
    assert office.store.subscriptions("brand") != before


def test_whoever_leaves_is_stopped_and_forgotten() -> None:
    """In the leaver's own name, which the roster still lets through for that."""
    office = Office(2)
    office.watcher.watch(office.everybody)
    office.work()
    office.watcher.watch(office.everybody[:1])
    assert office.watcher.leaving(office.everybody[1].address)
    office.work()
    assert list(office.open().values()) == [office.everybody[0].address]
    assert [one.mailbox_id for one in office.store.subscriptions("brand")] == ["m1"]
    assert office.left == ["m2"]
    assert not office.watcher.leaving(office.everybody[1].address)


def test_a_channel_that_cannot_be_stopped_is_given_up() -> None:
    """It ends by itself; after three tries nobody asks any more."""
    office = Office(1)
    office.watcher.watch(office.everybody)
    office.work()
    office.twin.lab.faults.order(kind="backendError", operation="channels.stop", times=9)
    office.watcher.watch([])
    for _ in range(3):
        office.work()
    assert office.twin.lab.faults.pending() <= 6
    assert not office.watcher.leaving(office.everybody[0].address)
    assert office.store.subscriptions("brand") == ()


def test_a_calendar_without_notifications_is_polled() -> None:
    """Google says so once; it is asked again after a day."""
    office = Office(1)
    office.twin.lab.faults.order(kind="pushNotSupportedForRequestedResource", operation="events.watch")
    office.watcher.watch(office.everybody)
    office.work()
    assert office.watcher.coverage().polled == {"m1"}
    assert set(office.watcher.coverage().broken) == {"google-no-push"}
    office.tick = NEVER - 1
    office.work()
    assert office.open() == {}
    office.tick = NEVER + 1
    office.work()
    assert len(office.open()) == 1


def test_without_the_hub_google_is_not_asked() -> None:
    """A channel whose messages nobody would take is not made."""
    office = Office(1)
    office.away = True
    office.watcher.watch(office.everybody)
    office.work()
    assert office.open() == {}
    assert "events.watch" not in office.twin.operations()


def test_a_restart_goes_on_with_the_channels_it_has() -> None:
    """None is made anew; one of somebody who left meanwhile is dropped."""
    office = Office(2)
    office.watcher.watch(office.everybody)
    office.work()
    before = office.open()
    office.watcher = office.fresh()
    office.watcher.watch(office.everybody[:1])
    office.work()
    assert office.open() == before
    assert [one.mailbox_id for one in office.store.subscriptions("brand")] == ["m1"]


def test_everything_can_be_given_back() -> None:
    """``source unsubscribe`` says how many."""
    office = Office(2)
    office.watcher.watch(office.everybody)
    office.work()
    assert office.watcher.unsubscribe_all() == 2
    assert office.open() == {}


def test_the_thread_ends_when_it_is_told_to() -> None:
    """It makes what is due first, and rests while the source rests."""
    office = Office(1)
    office.watcher.rest(office.twin.clock() + timedelta(hours=1))
    office.watcher.watch(office.everybody)
    stop, heard = Event(), Event()

    def nudge(given: Nudge) -> None:
        office.nudges.append(given)
        heard.set()

    thread = Thread(target=office.watcher.run, args=(stop, nudge))
    thread.start()
    office.watcher.rest(None)
    assert heard.wait(20)
    stop.set()
    office.watcher.watch([])
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("route", ["", "{}", "[]", '{"resource": 1, "ends": "soon"}'])
def test_a_route_that_cannot_be_read_has_ended(route: str) -> None:
    """What an older version wrote leads to a new channel, not to a fault."""
    office = Office(1)
    kept = Subscription("brand", "m1", "old", "push", route, office.twin.clock())
    assert Route.of(kept).ends < office.twin.clock()


def test_without_push_everybody_is_polled() -> None:
    """And whoever leaves is told of, so that the tokens go."""
    left: list[str] = []
    watcher = PolledWatcher(lambda mailbox: left.append(mailbox.id))
    twin = Twin()
    watcher.watch([twin.mailbox(1), twin.mailbox(2)])
    assert watcher.coverage().polled == {"m1", "m2"}
    watcher.watch([twin.mailbox(2)])
    assert (left, watcher.unsubscribe_all()) == (["m1"], 0)
