"""What stands in the items counts: exceptions with a text of their own, databases set back, orders cut short."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import Transient
from connector.model import Conference, ConferenceOrder, IntentState
from connector.operations import meetings
from connector.seal.opening import open_meeting
from connector.store.memory import MemoryStore
from connector.sync import gate
from tests.fakes.conference import MemoryProvider, finder
from tests.unit.sync.test_keywords import BOB, HOUR, Desk, office

WEEK = timedelta(days=7)
COPIES = [frozenset(), frozenset({"body"}), frozenset({"marks"}), frozenset({"body", "marks"})]


class Weekly(Desk):
    """A series of three; ``copies`` is what a client writes into an exception beside what was changed."""

    def __init__(self, copies: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.calendar.copies = copies
        self.starts = [self.start + WEEK * week for week in range(3)]
        self.series = ""

    def begin(self, location: str) -> None:
        self.series = self.add(location, *self.starts[1:])

    def rooms(self) -> list[str]:
        """The room that each occurrence names, "" for none."""
        occurrences = sorted(self.calendar.items[self.series].occurrences.items())
        return [
            next((word.rpartition("/")[2] for word in one.body.split() if "rooms.example.com" in word), "")
            for _, one in occurrences
        ]

    def standing(self) -> set[str]:
        return {*self.provider.standing, *self.other.standing}


def memory(desk: Desk) -> MemoryStore:
    store = desk.house.store
    assert isinstance(store, MemoryStore)
    return store


@contextmanager
def forgotten(desk: Desk) -> Iterator[None]:
    """What is done inside is not in the database any more when it starts again."""
    store = memory(desk)
    backup, epoch = store.clone(), store.epoch()
    yield
    store.restore(backup)
    store.raise_epoch(epoch + 1, desk.house.clock())
    desk.house.engine = desk.house.fresh_engine()


def start(desk: Desk) -> None:
    desk.house.engine.start(resync=True)
    desk.house.forward(HOUR)


@pytest.mark.parametrize("copies", COPIES)
@pytest.mark.parametrize(("location", "rooms"), [("Room 12", [""] * 3), ("@webex", ["other-1"] * 3)])
def test_an_exception_goes_with_its_series(copies: frozenset[str], location: str, rooms: list[str]) -> None:
    """Renamed by itself, with a text of its own or without: its block is replaced, or goes, as that of its series does."""
    desk = Weekly(copies)
    desk.begin("@meet")
    desk.edit(desk.series, desk.starts[1], subject="Lunch")
    desk.edit(desk.series, location=location)
    assert desk.rooms() == rooms
    assert desk.standing() == {room for room in rooms if room}


@pytest.mark.parametrize("copies", COPIES)
def test_an_exception_of_its_own_keyword_outlives_that_of_its_series(copies: frozenset[str]) -> None:
    """Each place has what its own location asks for."""
    desk = Weekly(copies)
    desk.begin("@meet")
    desk.edit(desk.series, desk.starts[1], location="@webex")
    assert desk.rooms() == ["memory-1", "other-1", "memory-1"]
    desk.edit(desk.series, location="Room 12")
    assert desk.rooms() == ["", "other-1", ""]
    desk.edit(desk.series, desk.starts[1], location="Room 5")
    assert desk.rooms() == [""] * 3
    assert desk.standing() == set()


def test_what_an_exception_inherits_is_not_written_again() -> None:
    """It has the block from its series: one write, one mail, and all three show the way in."""
    desk = Weekly()
    desk.begin("Room 12")
    desk.edit(desk.series, desk.starts[1], subject="Lunch")
    desk.edit(desk.series, location="@meet")
    assert desk.rooms() == ["memory-1"] * 3
    assert len(desk.calendar.sent) == 1
    desk.edit(desk.series, desk.starts[1], subject="Dinner")
    assert len(desk.calendar.sent) == 1
    assert shown(desk) == ["https://rooms.example.com/memory-1"] * 3


def shown(desk: Desk) -> list[str]:
    """The way in that the hub was sent last for each meeting."""
    found: dict[str, str] = {}
    for queued in desk.house.peek():
        envelope = queued.envelope
        if envelope.kind.value == "meeting.put":
            opened = open_meeting(envelope.data, lambda uri: desk.house.keys.opening_key(uri, desk.ada.id))
            found[envelope.meeting_id or ""] = opened["link"].url if "link" in opened else ""
    return list(found.values())


@pytest.mark.parametrize("copies", COPIES)
def test_an_edited_text_of_an_exception_is_respected(copies: frozenset[str]) -> None:
    """What somebody wrote into the block of one occurrence is theirs, whatever becomes of the series."""
    desk = Weekly(copies)
    desk.begin("@meet")
    text = desk.calendar.items[desk.series].occurrences[desk.starts[1]].body
    edited = text.replace("memory-1", "memory-1 (ask Bob)", 1)
    desk.edit(desk.series, desk.starts[1], body=edited)
    desk.edit(desk.series, location="@webex")
    assert desk.calendar.items[desk.series].occurrences[desk.starts[1]].body == edited
    assert [desk.rooms()[0], desk.rooms()[2]] == ["other-1"] * 2


def test_a_series_that_shows_exceptions_alone_is_looked_at_itself() -> None:
    """No plain occurrence tells of its location any more: its own item does."""
    desk = Weekly()
    desk.begin("@meet")
    for at in desk.starts:
        desk.edit(desk.series, at, location="Room 12")
    assert desk.rooms() == [""] * 3
    assert desk.standing() == {"memory-1"}
    desk.edit(desk.series, location="Canteen")
    assert desk.standing() == set()


def test_an_exception_that_is_none_any_more_has_nothing_of_its_own() -> None:
    """Exchange drops the exceptions of a series that is given another time: their conferences end."""
    desk = Weekly()
    desk.begin("Room 12")
    desk.edit(desk.series, desk.starts[1], location="@meet")
    assert desk.standing() == {"memory-1"}
    desk.calendar.move(desk.series, HOUR)
    desk.settle()
    assert desk.rooms() == [""] * 3
    assert desk.standing() == set()


def test_an_exception_that_is_taken_back_has_nothing_of_its_own() -> None:
    """The same where the occurrence keeps its time, as when the rule of a series is given another end."""
    desk = Weekly()
    desk.begin("Room 12")
    desk.edit(desk.series, desk.starts[1], location="@meet")
    desk.calendar.move(desk.series, timedelta())
    desk.settle()
    assert desk.rooms() == [""] * 3
    assert desk.standing() == set()


@pytest.mark.parametrize(
    ("location", "standing"),
    [("@meet", {"memory-1"}), ("Room 12 @meet", {"memory-1"}), ("Room 12", set()), ("@webex", {"other-1"})],
)
def test_a_database_from_before_the_keyword(location: str, standing: set[str]) -> None:
    """The item tells of the conference: it is kept, replaced or ended, as the location asks by now."""
    desk = Weekly()
    with forgotten(desk):
        desk.begin("@meet")
    desk.calendar.edit(desk.series, location=location)
    start(desk)
    assert desk.standing() == standing
    assert set(desk.rooms()) == (standing or {""})


@pytest.mark.parametrize("copies", COPIES)
def test_a_database_from_before_the_keyword_of_an_occurrence(copies: frozenset[str]) -> None:
    """The same of one occurrence by itself."""
    desk = Weekly(copies)
    desk.begin("Room 12")
    with forgotten(desk):
        desk.edit(desk.series, desk.starts[1], location="@meet")
    desk.calendar.edit(desk.series, desk.starts[1], location="")
    start(desk)
    assert desk.rooms() == [""] * 3
    assert desk.standing() == set()


def test_a_database_from_before_the_keyword_was_changed() -> None:
    """The later conference counts, the earlier one has ended already."""
    desk = Weekly()
    desk.begin("@meet")
    with forgotten(desk):
        desk.edit(desk.series, location="@webex")
    start(desk)
    assert desk.standing() == {"other-1"}
    assert desk.rooms() == ["other-1"] * 3
    assert desk.other.made == 1


def test_a_database_from_before_the_keyword_went_and_came() -> None:
    """What it holds has ended meanwhile: it is made anew, and nobody is led into a room that is not there."""
    desk = Desk()
    item = desk.add("@meet")
    with forgotten(desk):
        desk.edit(item, location="Room 12")
    desk.calendar.edit(item, location="@meet")
    start(desk)
    (room,) = desk.provider.standing
    assert room in desk.body(item)


def test_a_write_of_another_life_is_not_taken_for_ours() -> None:
    """A database that was set back counts its writes anew; what they are called differs."""
    desk = Desk()
    item = desk.add("@meet", body="Bring figures.")
    with forgotten(desk):
        desk.edit(item, location="Room 12")
        desk.edit(item, location="@meet")
    desk.calendar.edit(item, location="Room 5")
    start(desk)
    assert desk.body(item) == "Bring figures."
    assert desk.provider.standing == {}


class Killed(Exception):
    """The process is gone."""


class Mortal(MemoryProvider):
    """The process is killed right after the next conference was made."""

    armed = True

    def make(self, order: ConferenceOrder) -> Conference:
        made = super().make(order)
        if self.armed:
            self.armed = False
            raise Killed
        return made


@pytest.mark.parametrize(("location", "standing"), [("Room 12", set()), ("@webex", {"other-1"})])
def test_an_order_cut_short_is_known(location: str, standing: set[str]) -> None:
    """Killed when the conference was made and not yet noted, the keyword gone before the start: it is found and ended."""
    desk = Weekly()
    desk.provider = Mortal()
    desk.configure()
    item = desk.calendar.add("Plan", desk.start, desk.start + HOUR)
    desk.calendar.edit(item, location="@meet")
    with pytest.raises(Killed):
        desk.settle()
    assert desk.standing() == {"memory-1"}
    desk.calendar.edit(item, location=location)
    desk.house.engine = desk.house.fresh_engine()
    start(desk)
    assert desk.standing() == standing


def test_a_meeting_moved_while_its_order_was_cut_short_is_moved_at_the_provider() -> None:
    """What was made was made for the time before."""
    desk = Desk()
    desk.provider = Mortal()
    desk.configure()
    item = desk.calendar.add("Plan", desk.start, desk.start + HOUR)
    desk.calendar.edit(item, location="@meet")
    with pytest.raises(Killed):
        desk.settle()
    desk.calendar.edit(item, start=desk.start + HOUR, end=desk.start + 2 * HOUR)
    desk.house.engine = desk.house.fresh_engine()
    start(desk)
    ((_, order),) = desk.provider.standing.values()
    assert order.start == desk.start + HOUR


def test_an_occurrence_waits_for_its_series_and_no_longer() -> None:
    """The provider of the series fails for a while: the occurrence, which asks for the same, makes none of its own."""
    desk = Weekly(frozenset({"body"}))
    desk.begin("Room 12")
    desk.edit(desk.series, desk.starts[1], subject="Lunch")
    desk.provider.faults += [Transient("timeout")] * 3
    desk.edit(desk.series, location="@meet")
    desk.house.forward(2 * HOUR)
    assert desk.rooms() == ["memory-1"] * 3
    assert desk.provider.made == 1


def test_what_is_left_of_a_series_is_left_of_its_exceptions() -> None:
    """Undecorated, no occurrence makes a conference of its own."""
    desk = Weekly(frozenset({"body", "marks"}))
    desk.begin("@meet")
    desk.edit(desk.series, desk.starts[1], subject="Lunch")
    intents = desk.house.store.intents(desk.ada.id)
    assert {one.state for one in intents} <= {IntentState.DONE}
    meetings.undecorate(office(desk), ["ada@example.com"])
    desk.house.forward(timedelta(minutes=5))
    desk.edit(desk.series, desk.starts[1], subject="Dinner")
    assert desk.standing() == set()
    assert desk.provider.made == 1


def test_a_keyword_that_is_given_another_meaning_writes_nothing_by_itself() -> None:
    """Read anew from the beginning, series and exceptions stay as they are until somebody changes them."""
    desk = Weekly(frozenset({"body", "marks"}))
    desk.begin("@meet")
    desk.edit(desk.series, desk.starts[1], body="")
    assert desk.rooms() == ["memory-1"] * 3
    mails = len(desk.calendar.sent)
    rules = desk.house.context.rules
    remapped = replace(rules.keywords, find=finder({"@meet": "other"}))
    desk.house.context = replace(desk.house.context, rules=replace(rules, keywords=remapped))
    desk.house.engine = desk.house.fresh_engine()
    start(desk)
    assert desk.rooms() == ["memory-1"] * 3
    assert len(desk.calendar.sent) == mails
    desk.edit(desk.series, subject="Other plan")
    assert desk.rooms() == ["other-1"] * 3


def test_an_activation_carries_out_what_stands_there_already() -> None:
    """One write and one mail for each keyword that was typed before; too many of them stop at the brake, and go on when it is released."""
    desk = Desk()
    desk.house.context = replace(desk.house.context, brake=replace(desk.house.context.brake, per_mailbox=2))
    desk.configure()
    calendar = desk.house.source.calendar("bob@example.com")
    items = [calendar.add("Plan", desk.start + HOUR * n, desk.start + HOUR * n + HOUR / 2) for n in range(4)]
    for item in items:
        calendar.edit(item, location="@meet", attendees=(BOB,))
    desk.house.activate("bob@example.com")
    desk.house.forward(timedelta(minutes=3))
    assert len(calendar.sent) == 2
    assert gate.release(desk.house.context)
    desk.house.forward(timedelta(minutes=3))
    bodies = [one.body for item in items for one in calendar.items[item].occurrences.values()]
    assert sum("rooms.example.com" in body for body in bodies) == 4
    assert len(calendar.sent) == 4


def refusing(desk: Desk) -> None:
    """The other provider refuses whatever it is asked for."""
    desk.other.refuses = True


def test_a_block_does_not_outlive_its_conference_when_the_next_is_refused() -> None:
    """Another keyword whose service refuses: nobody is led into a room that has ended, and one mail says so."""
    desk = Desk()
    item = desk.add("@meet")
    refusing(desk)
    desk.edit(item, location="@webex")
    assert "rooms.example.com" not in desk.body(item)
    assert desk.provider.standing == {}
    assert (desk.intent().state, desk.code()) == (IntentState.LEFT, "conference-attribute-missing")
    assert len(desk.calendar.sent) == 2
    desk.house.forward(HOUR)
    assert len(desk.calendar.sent) == 2


@pytest.mark.parametrize("copies", COPIES)
def test_no_exception_names_a_conference_that_ended_when_the_next_is_refused(copies: frozenset[str]) -> None:
    """What became of the series becomes of its exceptions."""
    desk = Weekly(copies)
    desk.begin("@meet")
    desk.edit(desk.series, desk.starts[1], subject="Lunch")
    refusing(desk)
    desk.edit(desk.series, location="@webex")
    assert desk.rooms() == [""] * 3
    assert desk.standing() == set()


def test_a_block_that_its_user_changed_stays_when_the_next_is_refused() -> None:
    """What a user has written into it is the user's."""
    desk = Desk()
    item = desk.add("@meet")
    desk.edit(item, body=desk.body(item).replace("memory-1", "memory-1 (ask for Bob)"))
    refusing(desk)
    desk.edit(item, location="@webex")
    assert "ask for Bob" in desk.body(item)


def test_the_next_keyword_works_after_a_refusal() -> None:
    """A refusal is no end."""
    desk = Desk()
    item = desk.add("@meet")
    refusing(desk)
    desk.edit(item, location="@webex")
    desk.edit(item, location="@meet")
    assert "memory-2" in desk.body(item)
    assert set(desk.provider.standing) == {"memory-2"}
