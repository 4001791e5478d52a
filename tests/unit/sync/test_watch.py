"""Who is to be watched, told to the watchers, and what their nudges become."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from connector.model import Location, Mailbox, Nudge, Phase, Session
from connector.source.base import Coverage
from connector.store.memory import MemoryStore
from connector.sync.watch import WatchList, pass_on
from tests.contract.store_nouns import NOW, entry


class FakeWatcher:
    """Remembers the sets it was told; streams everybody it knows of."""

    def __init__(self) -> None:
        self.sets: list[set[str]] = []
        self.told = threading.Event()

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        self.sets.append({one.id for one in mailboxes})
        self.told.set()

    def run(self, stop: threading.Event, nudge: Callable[[Nudge], None]) -> None:
        stop.wait()

    def rest(self, until: datetime | None) -> None:
        """Nothing is asked here anyway."""

    def coverage(self) -> Coverage:
        streamed = frozenset(self.sets[-1] if self.sets else ())
        return Coverage(len(streamed), streamed, frozenset(), {})

    def unsubscribe_all(self) -> int:
        return 0


class Room:
    """A store, two sources with their watchers, and the list between them."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.watchers = {"hq": FakeWatcher(), "brand": FakeWatcher()}
        self.lost: list[frozenset[str]] = []
        self.list = WatchList(self.store, self.watchers, self.lost.append)

    def add(self, name: str, phase: Phase, *, source: str = "hq", located: bool = True) -> Mailbox:
        location = Location("https://one", "g") if located else None
        mailbox = Mailbox(name, source, f"{name}@example.com", "staff", "manual", location=location)
        self.store.add_mailbox(mailbox, Session(name, phase, NOW), entry())
        return mailbox


@pytest.fixture
def room() -> Room:
    return Room()


def test_those_that_are_read_are_watched(room: Room) -> None:
    """Loading and live ones, each at its own source; no others, and none that was not located."""
    for phase in Phase:
        room.add(phase.name, phase)
    room.add("elsewhere", Phase.LIVE, source="brand")
    room.add("unlocated", Phase.LIVE, located=False)
    room.list.refresh()
    assert room.watchers["hq"].sets == [{"LIVE", "LOADING"}]
    assert room.watchers["brand"].sets == [{"elsewhere"}]


def test_a_watcher_is_told_only_what_is_new_to_it(room: Room) -> None:
    """Thousands of subscriptions are not gone through for nothing."""
    room.add("m1", Phase.LIVE)
    room.list.refresh()
    room.list.refresh()
    room.add("m2", Phase.LIVE)
    room.list.refresh()
    assert room.watchers["hq"].sets == [{"m1"}, {"m1", "m2"}]
    assert room.watchers["brand"].sets == [set()]


@pytest.mark.parametrize("change", ["address", "location"])
def test_a_mailbox_that_moved_is_told_again(room: Room, change: str) -> None:
    """A new server or a new address needs a new subscription."""
    mailbox = room.add("m1", Phase.LIVE)
    room.list.refresh()
    moved = (
        replace(mailbox, address="new@example.com")
        if change == "address"
        else replace(mailbox, location=Location("https://two", "g"))
    )
    room.store.change_mailbox(moved)
    room.list.refresh()
    assert len(room.watchers["hq"].sets) == 2


def test_who_leaves_is_taken_out(room: Room) -> None:
    """So that the watcher gives the subscription back before the rows are deleted."""
    room.add("m1", Phase.LIVE)
    room.list.refresh()
    session = room.store.session("m1")
    assert session is not None
    room.store.change_session(replace(session, phase=Phase.LEAVING))
    room.list.refresh()
    assert room.watchers["hq"].sets == [{"m1"}, set()]


def test_who_is_streamed_is_known_by_the_last_look(room: Room) -> None:
    """Asked at every step, so it must cost nothing."""
    room.add("m1", Phase.LIVE)
    room.list.refresh()
    assert not room.list.streamed("m1")
    room.list.look()
    assert room.list.streamed("m1")
    assert not room.list.streamed("m2")
    assert room.list.coverage()["hq"].streams == 1


def test_a_change_is_taken_up_while_it_runs(room: Room) -> None:
    """Without waiting for the next regular look; the stop ends it."""
    watcher, stop = room.watchers["hq"], threading.Event()
    thread = threading.Thread(target=room.list.run, args=(stop,))
    thread.start()
    assert watcher.told.wait(20)
    watcher.told.clear()
    room.add("m1", Phase.LIVE)
    room.list.changed()
    assert watcher.told.wait(20)
    stop.set()
    room.list.changed()
    thread.join(20)
    assert not thread.is_alive()
    assert watcher.sets[-1] == {"m1"}


def test_a_nudge_only_wakes() -> None:
    """Whatever the stream said, the mailbox is looked at, and that is all."""
    heard: list[tuple[str, str]] = []
    pass_on(lambda *nudged: heard.append(nudged))(Nudge("m1", "ModifiedEvent"))
    assert heard == [("m1", "stream")]


def test_those_who_lose_their_stream_are_told_of_once(room: Room) -> None:
    """Whoever polls them has planned for a stream that tells of every change."""
    for name in ("m1", "m2"):
        room.add(name, Phase.LIVE)
    room.list.refresh()
    room.list.look()
    room.watchers["hq"].sets.append({"m2"})
    room.list.look()
    room.list.look()
    assert room.lost == [frozenset({"m1"})]
