"""From ids to meetings, in whatever way the server reports exceptions."""

from datetime import date, timedelta
from typing import Literal

import pytest
from lxml import etree

from connector.errors import Throttled, Transient, Verdict
from connector.model import Expansion, Meeting, Window
from connector.source.exchange.delta import delta
from connector.source.exchange.envelope import local
from connector.source.exchange.expand import Expander
from connector.source.exchange.payloads import VIEW_ROWS
from tests.unit.source.exchange.room import MAILBOX, NOW, OWNER, WINDOW, Room

DAILY = {"kind": "daily", "count": 5}
START = "2026-03-03T10:00:00+00:00"
SECOND = "2026-03-04T10:00:00+00:00"


def dirty(room: Room, *ids: str, window: Window = WINDOW) -> Expansion:
    """Expand some ids."""
    return Expander(room.services, MAILBOX, window).dirty(ids)


def everything(room: Room, window: Window = WINDOW) -> Expansion:
    """Read the window."""
    return Expander(room.services, MAILBOX, window).everything()


def meetings(expansion: Expansion) -> list[Meeting]:
    """All meetings by start."""
    found = [meeting for series in expansion.series for meeting in series.meetings]
    return sorted(found, key=lambda meeting: (meeting.start, meeting.uid))


def response_messages(response: etree._Element) -> list[etree._Element]:
    """The messages of an answer."""
    holder = response.find("{*}ResponseMessages")
    return [] if holder is None else list(holder)


def fail(message: etree._Element, code: str) -> None:
    """Turn one response message into an error."""
    items = message.find("{*}Items")
    if items is not None:
        for child in items:
            items.remove(child)
    message.set("ResponseClass", "Error")
    said = message.find("{*}ResponseCode")
    assert said is not None
    said.text = code


def test_single_meeting_needs_no_view() -> None:
    """A plain meeting is one GetItem."""
    room = Room()
    made = room.edit(
        "create", subject="One", start=START, location="Here", attendees=[{"address": "bert@example.com"}]
    )
    found = meetings(dirty(room, made["item_id"]))
    assert room.operations == ["GetItem"]
    assert [(m.subject, m.location, m.home_id, m.recurring) for m in found] == [
        ("One", "Here", made["item_id"], False)
    ]
    assert [person.address for person in found[0].attendees] == ["bert@example.com"]


def test_series_is_one_view_and_its_content_one_item() -> None:
    """Five occurrences cost one GetItem and one CalendarView; their ids differ, their home is the master."""
    room = Room()
    made = room.edit("create", subject="Daily", start=START, recurrence=DAILY)
    found = meetings(dirty(room, made["item_id"]))
    assert room.operations == ["GetItem", "FindItem"]
    assert len({meeting.item_id for meeting in found}) == len(found) == 5
    assert {meeting.home_id for meeting in found} == {made["item_id"]}
    assert all(meeting.original_start == meeting.start and meeting.recurring for meeting in found)


@pytest.mark.parametrize("reporting", ["master", "own-id", "both"])
def test_changed_occurrence_is_right_however_it_is_reported(
    reporting: Literal["master", "own-id", "both"],
) -> None:
    """Whether the feed names the exception, its master or both, the series comes out the same."""
    room = Room()
    room.organisation.exception_reporting = reporting
    made = room.edit("create", subject="Daily", start=START, recurrence=DAILY)
    cursor = delta(room.services, MAILBOX, None).cursor
    room.edit(
        "change_occurrence",
        item=made["item_id"],
        at=SECOND,
        start="2026-03-04T15:00:00+00:00",
        subject="Later",
    )
    reported = delta(room.services, MAILBOX, cursor)
    found = meetings(dirty(room, *reported.dirty))
    moved = [meeting for meeting in found if meeting.exception]
    assert len(found) == 5
    assert [(m.subject, m.start.hour, m.original_start.hour, m.home_id) for m in moved] == [
        ("Later", 15, 10, made["item_id"])
    ]
    assert sorted(found, key=lambda m: m.item_id) == sorted(
        meetings(everything(room)), key=lambda m: m.item_id
    )


def test_deleted_occurrence_is_missing_from_its_series() -> None:
    """What is not in the expansion is a deletion; the others stand."""
    room = Room()
    made = room.edit("create", subject="Daily", start=START, recurrence=DAILY)
    room.edit("delete_occurrence", item=made["item_id"], at=SECOND)
    days = [meeting.start.day for meeting in meetings(dirty(room, made["item_id"]))]
    assert days == [3, 5, 6, 7]


def test_series_outside_the_window_is_empty() -> None:
    """Nothing left in the window is said by an empty series, so that its rows go."""
    room = Room()
    made = room.edit("create", subject="Daily", start="2027-01-01T10:00:00+00:00", recurrence=DAILY)
    single = room.edit("create", subject="One", start="2027-01-01T10:00:00+00:00")
    found = dirty(room, made["item_id"], single["item_id"])
    assert {series.uid: series.meetings for series in found.series} == {made["uid"]: (), single["uid"]: ()}


def test_missing_items_are_gone() -> None:
    """An id that the server does not know any more is gone, its neighbour is read."""
    room = Room()
    made = room.edit("create", subject="One", start=START)
    lost = room.edit("create", subject="Two", start=START)
    room.edit("delete", item=lost["item_id"])
    found = dirty(room, made["item_id"], lost["item_id"])
    assert found.gone == (lost["item_id"],)
    assert [meeting.subject for meeting in meetings(found)] == ["One"]


@pytest.mark.parametrize("code", ["ErrorItemCorrupt", "ErrorAccessDenied", "ErrorInternalServerError"])
def test_damaged_item_is_quarantined_alone(code: str) -> None:
    """One item that can't be read costs its neighbours nothing, whatever code it fails with (defect 9)."""
    room = Room()
    good = room.edit("create", subject="Good", start=START)
    bad = room.edit("create", subject="Bad", start=START)
    room.edit("corrupt", item=bad["item_id"], code=code)
    found = dirty(room, good["item_id"], bad["item_id"])
    assert [quarantined.item_id for quarantined in found.unreadable] == [bad["item_id"]]
    assert [meeting.subject for meeting in meetings(found)] == ["Good"]
    assert [meeting.subject for meeting in meetings(everything(room))] == ["Good"]


def test_item_in_an_unknown_zone_is_read() -> None:
    """A zone nobody knows, or one of Microsoft's own ids, stops neither item nor batch (defects 5 and 6)."""

    def poison(_: etree._Element, response: etree._Element) -> etree._Element:
        for zone in response.iter("{*}StartTimeZone"):
            zone.set("Id", "tzone://Microsoft/Custom")
            for child in list(zone):
                zone.remove(child)
        return response

    room = Room(poison)
    made = [
        room.edit("create", subject=name, start=START, all_day=True, zone="Russian Standard Time")
        for name in "ab"
    ]
    found = meetings(dirty(room, *(each["item_id"] for each in made)))
    assert [meeting.first_day for meeting in found] == [date(2026, 3, 3)] * 2


def test_busy_item_stops_the_step() -> None:
    """A server that is busy within a batch is not taken for a damaged item: the page is tried again later."""

    def busy(request: etree._Element, response: etree._Element) -> etree._Element:
        if local(request) == "GetItem":
            fail(response_messages(response)[-1], "ErrorServerBusy")
        return response

    room = Room(busy)
    ids = [room.edit("create", subject=name, start=START)["item_id"] for name in "ab"]
    with pytest.raises(Transient, match="busy"):
        dirty(room, *ids)


def test_batch_that_was_stopped_is_asked_again_one_by_one() -> None:
    """ErrorBatchProcessingStopped says nothing about the items it hits."""

    def stop(request: etree._Element, response: etree._Element) -> etree._Element:
        messages = response_messages(response)
        if local(request) == "GetItem" and len(messages) > 1:
            for message in messages[1:]:
                fail(message, "ErrorBatchProcessingStopped")
        return response

    room = Room(stop)
    ids = [room.edit("create", subject=name, start=START)["item_id"] for name in "abc"]
    assert len(meetings(dirty(room, *ids))) == 3


def test_answer_with_a_message_too_few_is_not_believed() -> None:
    """Items and messages must match one to one; asked one by one, all are read."""

    def lose(request: etree._Element, response: etree._Element) -> etree._Element:
        holder = response.find("{*}ResponseMessages")
        if local(request) == "GetItem" and holder is not None and len(holder) > 1:
            holder.remove(holder[0])
        return response

    room = Room(lose)
    ids = [room.edit("create", subject=name, start=START)["item_id"] for name in "abc"]
    assert len(meetings(dirty(room, *ids))) == 3


def test_batches_are_of_ten() -> None:
    """Twenty-five items are three requests."""
    room = Room()
    ids = [room.edit("create", subject=str(n), start=START)["item_id"] for n in range(25)]
    dirty(room, *ids)
    assert [len(each.findall(".//{*}ItemId")) for each in room.asked] == [10, 10, 5]


def test_view_that_is_cut_off_is_halved() -> None:
    """When the server says that rows are missing, the range is halved until they are all there, each once."""
    limit = 3

    def cut(request: etree._Element, response: etree._Element) -> etree._Element:
        folder = next(response.iter("{*}RootFolder"), None)
        items = folder.find("{*}Items") if folder is not None else None
        if folder is not None and items is not None and len(items) > limit:
            for row in list(items)[limit:]:
                items.remove(row)
            folder.set("IncludesLastItemInRange", "false")
        return response

    room = Room(cut)
    for day in range(1, 29):
        room.edit("create", subject=str(day), start=f"2026-03-{day:02}T10:00:00+00:00")
    found = meetings(everything(room))
    assert [meeting.subject for meeting in found] == [str(day) for day in range(1, 29)]


def test_full_view_counts_as_cut_off() -> None:
    """A thousand rows are never taken for all, even when the server says so; views are bounded."""

    def fill(request: etree._Element, response: etree._Element) -> etree._Element:
        items = next(response.iter("{*}Items"), None)
        if local(request) == "FindItem" and items is not None and len(items):
            row = etree.tostring(items[0])
            items.extend([etree.fromstring(row) for _ in range(VIEW_ROWS)])
        return response

    room = Room(fill)
    room.edit("create", subject="One", start=START, end="2026-03-03T11:00:00+00:00")
    with pytest.raises(Verdict, match="request-refused"):
        everything(room)


def test_occurrence_invited_by_itself_shares_the_uid() -> None:
    """Two occurrences of a foreign series that came as items of their own are one series of two meetings."""

    def orphan(_: etree._Element, response: etree._Element) -> etree._Element:
        for uid in response.iter("{*}UID"):
            uid.text = "shared-uid"
            item = uid.getparent()
            start = item.find("{*}Start") if item is not None else None
            if item is not None and start is not None and item.find("{*}Subject") is not None:
                mark = etree.Element(start.tag.replace("Start", "RecurrenceId"))
                mark.text = start.text
                item.insert(list(item).index(uid) + 1, mark)
        return response

    room = Room(orphan)
    first = room.edit("create", subject="A", start=START)
    room.edit("create", subject="B", start=SECOND)
    found = dirty(room, first["item_id"])
    assert [(series.uid, [m.subject for m in series.meetings]) for series in found.series] == [
        ("shared-uid", ["A", "B"])
    ]


def test_window_is_kept_to() -> None:
    """A view returns what touches the window, and nothing before or after it."""
    room = Room()
    for hour in (8, 9, 10):
        room.edit(
            "create",
            subject=str(hour),
            start=f"2026-03-02T{hour:02}:00:00+00:00",
            end=f"2026-03-02T{hour:02}:30:00+00:00",
        )
    window = Window(NOW, NOW + timedelta(hours=1))
    assert [meeting.subject for meeting in meetings(everything(room, window))] == ["9"]


def test_throttled_mailbox_is_raised_with_its_time() -> None:
    """A SOAP fault concerns the mailbox, not an item."""

    class Busy(Room):
        def call(self, call: object) -> object:  # type: ignore[override]
            raise Throttled("busy", retry_after=timedelta(seconds=5))

    with pytest.raises(Throttled):
        dirty(Busy(), OWNER)
