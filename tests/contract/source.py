"""What every calendar system keeps of the promises in ``connector.source.base``: change feed, expansion, view, writes.

Subclass ``SourceContract`` with a ``FarCalendar``: a calendar behind the source, as its owner edits it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from connector.errors import Conflict, CursorExpired, Refused, Verdict
from connector.model import (
    Attendee,
    Delta,
    Identity,
    Mailbox,
    Making,
    Meeting,
    MeetingUpdate,
    NewMeeting,
    QuickAdd,
    Removal,
    Reply,
    Response,
    Window,
)
from connector.source.base import Source

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
WINDOW = Window(START - WEEK, START + 5 * WEEK)


class FarCalendar(Protocol):
    """One person's calendar, edited the way people do."""

    @property
    def source(self) -> Source:
        """The source under test."""

    @property
    def mailbox(self) -> Mailbox:
        """Whose calendar it is."""

    @property
    def nowhere(self) -> str:
        """An id as the source has them that names nothing in the calendar."""

    def add(self, subject: str, start: datetime, repeats: int = 1) -> str:
        """An hour's meeting, or so many of them week by week; the id of what was made."""

    def rename(self, item: str, subject: str, original_start: datetime | None = None) -> None:
        """Change the subject of a meeting, or of one occurrence."""

    def drop(self, item: str, original_start: datetime | None = None) -> None:
        """Delete a meeting or series, or one occurrence."""

    def invited(self, subject: str, start: datetime) -> str:
        """An hour's meeting of somebody else's that the owner is invited to; its id in the owner's calendar."""

    def expire(self) -> None:
        """Make every bookmark worthless."""


class SourceContract(ABC):
    """The promises."""

    @pytest.fixture
    @abstractmethod
    def far(self) -> FarCalendar:
        """A fresh, empty calendar."""

    def test_an_address_of_ours_is_located(self, far: FarCalendar) -> None:
        """Every address has an answer: where it lives, or why not."""
        found = far.source.locate([far.mailbox.address, "nobody@elsewhere.example"])
        assert isinstance(found[far.mailbox.address], Identity)
        assert isinstance(found["nobody@elsewhere.example"], Verdict)

    def test_the_calendar_can_be_opened(self, far: FarCalendar) -> None:
        """Whose it is, is who was asked for."""
        assert far.source.probe(far.mailbox).address == far.mailbox.address

    def test_the_feed_ends_and_goes_on(self, far: FarCalendar) -> None:
        """Paged to its end it names everything; from there on only what changed."""
        items = {far.add(f"m{n}", START + n * HOUR) for n in range(7)}
        dirty, cursor = drained(far, None)
        assert items <= set(dirty)
        assert drained(far, cursor)[0] == ()
        late = far.add("late", START)
        assert drained(far, cursor)[0] == (late,)

    def test_the_same_cursor_gives_the_same_again(self, far: FarCalendar) -> None:
        """A page whose commit failed is asked for again, and nothing of it is lost."""
        _, cursor = drained(far, None)
        item = far.add("m", START)
        assert drained(far, cursor)[0] == drained(far, cursor)[0] == (item,)

    def test_a_worthless_cursor_says_so(self, far: FarCalendar) -> None:
        """The mailbox is read afresh then, which works at once."""
        item = far.add("m", START)
        _, cursor = drained(far, None)
        far.expire()
        with pytest.raises(CursorExpired):
            far.source.delta(far.mailbox, cursor)
        assert item in drained(far, None)[0]

    def test_a_dirty_meeting_expands_to_itself(self, far: FarCalendar) -> None:
        """Its times, its words and its own UID."""
        _, cursor = drained(far, None)
        far.add("Plan", START)
        (meeting,) = changed(far, cursor)
        assert (meeting.subject, meeting.start, meeting.end) == ("Plan", START, START + HOUR)
        assert (meeting.original_start, meeting.recurring) == (START, False)
        assert meeting.uid
        assert meeting.change_key

    def test_a_dirty_series_expands_to_all_its_occurrences(self, far: FarCalendar) -> None:
        """One UID, one home, each at its own start."""
        _, cursor = drained(far, None)
        far.add("Weekly", START, 4)
        found = changed(far, cursor)
        assert [one.original_start for one in found] == [START + n * WEEK for n in range(4)]
        assert len({one.uid for one in found}) == len({one.home_id for one in found}) == 1

    def test_one_changed_occurrence_brings_its_series(self, far: FarCalendar) -> None:
        """An exception keeps its original start; its neighbours are as they were."""
        item = far.add("Weekly", START, 4)
        _, cursor = drained(far, None)
        far.rename(item, "Other", START + WEEK)
        assert [one.subject for one in changed(far, cursor)] == ["Weekly", "Other", "Weekly", "Weekly"]

    def test_one_deleted_occurrence_leaves_its_series(self, far: FarCalendar) -> None:
        """What is missing from the expansion is gone."""
        item = far.add("Weekly", START, 4)
        _, cursor = drained(far, None)
        far.drop(item, START + 2 * WEEK)
        assert [one.start for one in changed(far, cursor)] == [START, START + WEEK, START + 3 * WEEK]

    def test_a_deleted_meeting_is_gone(self, far: FarCalendar) -> None:
        """The feed says so, or the expansion does."""
        item = far.add("Plan", START)
        _, cursor = drained(far, None)
        far.drop(item)
        page = far.source.delta(far.mailbox, cursor)
        gone = set(page.gone)
        if page.dirty:
            gone |= set(far.source.expand(far.mailbox, page.dirty, WINDOW).gone)
        assert item in gone

    def test_the_window_bounds_what_is_seen(self, far: FarCalendar) -> None:
        """A series is cut to the window; its view and its expansion agree."""
        _, cursor = drained(far, None)
        far.add("Weekly", START, 4)
        narrow = Window(START + WEEK, START + 2 * WEEK + HOUR)
        page = far.source.delta(far.mailbox, cursor)
        expanded = starts(far.source.expand(far.mailbox, page.dirty, narrow).series)
        assert expanded == [START + WEEK, START + 2 * WEEK]
        assert starts(far.source.view(far.mailbox, narrow).series) == expanded

    def test_what_was_never_there_is_gone(self, far: FarCalendar) -> None:
        """An unknown id is no error: it names nothing any more."""
        unknown = far.nowhere
        assert far.source.expand(far.mailbox, [unknown], WINDOW).gone == (unknown,)

    def test_a_new_meeting_is_made_once(self, far: FarCalendar) -> None:
        """The same key again finds the first."""
        order = NewMeeting(
            "key-1", "uid-1", "New", START, START + HOUR, "Room", attendees=(Attendee("b@x.example"),)
        )
        first = far.source.apply(far.mailbox, order)
        again = far.source.apply(far.mailbox, order)
        assert (first.repeated, again.repeated, again.item_id) == (False, True, first.item_id)
        assert [one.subject for one in seen(far)] == ["New"]

    def test_an_update_is_made_once(self, far: FarCalendar) -> None:
        """The same key again writes nothing; another one does."""
        item = far.add("Plan", START)
        order = MeetingUpdate("key-1", item, location="Room 1")
        first, again = (far.source.apply(far.mailbox, order) for _ in range(2))
        assert (first.repeated, again.repeated) == (False, True)
        far.source.apply(far.mailbox, MeetingUpdate("key-2", item, location="Room 2"))
        assert [(one.subject, one.location) for one in seen(far)] == [("Plan", "Room 2")]

    def test_an_update_of_what_is_gone_is_refused(self, far: FarCalendar) -> None:
        """It will never be carried out."""
        item = far.add("Plan", START)
        far.drop(item)
        with pytest.raises((Refused, Conflict)):
            far.source.apply(far.mailbox, MeetingUpdate("key-1", item, location="Room 1"))

    @pytest.mark.parametrize("response", [Response.ACCEPTED, Response.TENTATIVE])
    def test_an_invitation_is_answered_once(self, far: FarCalendar, response: Response) -> None:
        """The meeting says so; the same answer again writes nothing, whatever it is called."""
        item = far.invited("Plan", START)
        first, again = (far.source.apply(far.mailbox, Reply(key, item, response)) for key in ("k1", "k2"))
        assert (first.repeated, again.repeated) == (False, True)
        assert [one.response for one in seen(far)] == [response]

    def test_a_decline_is_an_answer(self, far: FarCalendar) -> None:
        """The meeting says so, or is not there any more."""
        item = far.invited("Plan", START)
        far.source.apply(far.mailbox, Reply("k", item, Response.DECLINED))
        assert {one.response for one in seen(far)} <= {Response.DECLINED}

    def test_nobody_answers_a_meeting_of_his_own(self, far: FarCalendar) -> None:
        """There is nothing to answer, and it is said so."""
        with pytest.raises(Refused, match="not-invited"):
            far.source.apply(far.mailbox, Reply("k", far.add("Plan", START), Response.ACCEPTED))

    def test_an_own_meeting_is_deleted(self, far: FarCalendar) -> None:
        """It is gone, which is said of a second try by its name."""
        item = far.add("Plan", START)
        far.source.apply(far.mailbox, Removal("k1", item))
        assert seen(far) == []
        with pytest.raises(Refused, match="item-not-found"):
            far.source.apply(far.mailbox, Removal("k2", item))

    def test_one_occurrence_is_deleted(self, far: FarCalendar) -> None:
        """The others stay."""
        far.add("Weekly", START, 3)
        second = next(one for one in seen(far) if one.original_start == START + WEEK)
        far.source.apply(far.mailbox, Removal("k1", second.item_id))
        assert sorted(one.start for one in seen(far)) == [START, START + 2 * WEEK]
        with pytest.raises(Refused, match="item-not-found"):
            far.source.apply(far.mailbox, Removal("k2", second.item_id))

    def test_a_guest_deletes_nothing(self, far: FarCalendar) -> None:
        """Only the owner's own items are deleted."""
        with pytest.raises(Refused, match="attendee-copy"):
            far.source.apply(far.mailbox, Removal("k", far.invited("Plan", START)))
        assert len(seen(far)) == 1

    def test_a_sentence_is_read_or_refused(self, far: FarCalendar) -> None:
        """As the source says of itself; a second try finds what the first made."""
        order = QuickAdd("k", "Tea with Bea", START - 10 * WEEK)
        if not far.source.quick_adds:
            with pytest.raises(Refused, match="quick-add-needs-google"):
                far.source.apply(far.mailbox, order)
            return
        first, again = (far.source.apply(far.mailbox, order) for _ in range(2))
        assert (first.repeated, again.repeated, again.item_id) == (False, True, first.item_id)

    def test_an_item_is_read_whole(self, far: FarCalendar) -> None:
        """Whose it is, and that its calendar has made no conference for it."""
        own = far.source.read(far.mailbox, far.add("Plan", START))
        theirs = far.source.read(far.mailbox, far.invited("Other", START + 2 * HOUR))
        assert (own.own, theirs.own) == (True, False)
        assert (own.meeting.subject, own.hosted) == ("Plan", None)

    def test_a_conference_is_made_by_the_calendar_or_refused(self, far: FarCalendar) -> None:
        """As the item says of its calendar; it is made once, and goes again."""
        item = far.add("Plan", START)
        order = MeetingUpdate("k1", item, conference="tag-1")
        if not far.source.read(far.mailbox, item).hosts:
            with pytest.raises(Refused, match="conference-needs-google"):
                far.source.apply(far.mailbox, order)
            return
        far.source.apply(far.mailbox, order)
        hosted = far.source.read(far.mailbox, item).hosted
        assert hosted is not None
        assert (hosted.tag, hosted.making) == ("tag-1", Making.MADE)
        assert hosted.conference is not None
        far.source.apply(far.mailbox, MeetingUpdate("k2", item, conference=""))
        assert far.source.read(far.mailbox, item).hosted is None

    def test_free_busy_answers_each_address(self, far: FarCalendar) -> None:
        """One answer per address in their order, an unknown one with its reason."""
        far.add("Plan", START)
        asked = [far.mailbox.address, "nobody@brand.example"]
        own, other = far.source.availability(far.mailbox, asked, WINDOW)
        assert [(span.start, span.end) for span in own.busy] == [(START, START + HOUR)]
        assert other.code or not other.busy

    def test_nobody_is_away_by_default(self, far: FarCalendar) -> None:
        """Without automatic replies the owner is there."""
        assert not far.source.presence(far.mailbox).away


def drained(far: FarCalendar, cursor: str | None) -> tuple[tuple[str, ...], str]:
    """What is dirty from a cursor to the end, and the cursor there."""
    dirty: list[str] = []
    for _ in range(50):
        page: Delta = far.source.delta(far.mailbox, cursor)
        dirty += page.dirty
        cursor = page.cursor
        if not page.more:
            return tuple(dict.fromkeys(dirty)), cursor
    raise AssertionError("the feed does not end")


def changed(far: FarCalendar, cursor: str) -> list[Meeting]:
    """The meetings of everything that is dirty since a cursor."""
    dirty, _ = drained(far, cursor)
    found = far.source.expand(far.mailbox, dirty, WINDOW).series
    return sorted((one for series in found for one in series.meetings), key=lambda one: one.original_start)


def seen(far: FarCalendar) -> list[Meeting]:
    """Everything in the window."""
    return [one for series in far.source.view(far.mailbox, WINDOW).series for one in series.meetings]


def starts(series: Sequence[object]) -> list[datetime]:
    """Starts of all meetings, in order."""
    return sorted(one.start for each in series for one in getattr(each, "meetings", ()))
