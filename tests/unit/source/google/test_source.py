"""The source against the lab in memory: requests it makes, and what comes of odd calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import AccessDenied, Conflict, CursorExpired, Refused, Transient
from connector.model import MailMode, MeetingUpdate, NewMeeting, QuickAdd, Removal, Response, Window
from connector.model import Reply as Invitation
from connector.source.google.transport import Reply
from connector.source.google.write import own_id
from tests.unit.source.google.twin import NOW, Twin

WINDOW = Window(NOW - timedelta(days=7), NOW + timedelta(days=31))
START = NOW + timedelta(hours=1)


def settled(twin: Twin, number: int = 1) -> str:
    """A cursor at the end of the feed."""
    return twin.source.delta(twin.mailbox(number), None).cursor


def test_a_single_change_costs_one_request() -> None:
    """The delta brings the event; nothing is asked for it again."""
    twin = Twin()
    cursor = settled(twin)
    twin.edit("create", subject="Plan", start=START.isoformat())
    before = len(twin.operations())
    page = twin.source.delta(twin.mailbox(), cursor)
    twin.source.expand(twin.mailbox(), page.dirty, WINDOW)
    assert twin.operations()[before:] == ["events.list"]


def test_a_changed_series_costs_two() -> None:
    """Any number of exceptions in one page: the delta, and the instances once."""
    twin = Twin()
    item = twin.edit(
        "create", subject="Plan", start=START.isoformat(), recurrence=["RRULE:FREQ=DAILY;COUNT=9"]
    )
    cursor = settled(twin)
    for day in (1, 2, 3):
        at = (START + timedelta(days=day)).isoformat()
        twin.edit("change_occurrence", item=item, at=at, subject=f"Day {day}")
    before = len(twin.operations())
    page = twin.source.delta(twin.mailbox(), cursor)
    found = twin.source.expand(twin.mailbox(), page.dirty, WINDOW)
    assert twin.operations()[before:] == ["events.list", "events.instances"]
    assert len(found.series[0].meetings) == 9


def test_a_guest_of_single_occurrences_sees_them_all() -> None:
    """Exceptions without their series are found by their UID, one change does not hide the others."""
    twin = Twin()
    orphans = []
    for day in (1, 2):
        start = START + timedelta(days=day)
        orphans.append(
            {
                "id": f"series_{start:%Y%m%dT%H%M%SZ}",
                "iCalUID": "series@google.com",
                "recurringEventId": "series",
                "originalStartTime": {"dateTime": start.isoformat()},
                "start": {"dateTime": start.isoformat()},
                "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
                "summary": f"Day {day}",
            }
        )
    twin.edit("raw", event=orphans[0])
    cursor = settled(twin)
    twin.edit("raw", event=orphans[1])
    page = twin.source.delta(twin.mailbox(), cursor)
    (series,) = twin.source.expand(twin.mailbox(), page.dirty, WINDOW).series
    assert [one.subject for one in series.meetings] == ["Day 1", "Day 2"]


def test_this_and_following_makes_a_series_of_its_own() -> None:
    """The split series has another UID, and both are whole."""
    twin = Twin()
    item = twin.edit(
        "create", subject="Old", start=START.isoformat(), recurrence=["RRULE:FREQ=DAILY;COUNT=6"]
    )
    cursor = settled(twin)
    at = (START + timedelta(days=3)).isoformat()
    twin.edit("split", item=item, at=at, rule="FREQ=DAILY;COUNT=3", old_rule="FREQ=DAILY", subject="New")
    page = twin.source.delta(twin.mailbox(), cursor)
    found = twin.source.expand(twin.mailbox(), page.dirty, WINDOW).series
    assert sorted((one.meetings[0].subject, len(one.meetings)) for one in found) == [("New", 3), ("Old", 3)]


def test_where_somebody_works_is_no_meeting() -> None:
    """Working locations and birthdays are asked for nowhere: not in the feed, not in the view."""
    twin = Twin()
    cursor = settled(twin)
    for kind in ("workingLocation", "birthday", "focusTime"):
        twin.edit("create", subject=kind, start=START.isoformat(), more={"eventType": kind})
    page = twin.source.delta(twin.mailbox(), cursor)
    assert len(page.dirty) == 1
    assert [one.meetings[0].subject for one in twin.source.view(twin.mailbox(), WINDOW).series] == [
        "focusTime"
    ]


@pytest.mark.parametrize("cursor", ["", "{}", "[]", "SyncState", '{"sync": "x"}', '{"page": "x"}'])
def test_a_strange_cursor_is_an_expired_one(cursor: str) -> None:
    """Whatever stands in the store, the mailbox is read afresh."""
    twin = Twin()
    with pytest.raises(CursorExpired):
        twin.source.delta(twin.mailbox(), cursor)


@pytest.mark.parametrize(
    "page", ['{"items": []}', '{"items": {}}', "[]", "", '{"items": [{}], "nextSyncToken": "x"}']
)
def test_half_a_page_is_not_believed(page: str) -> None:
    """A last page without its token, or without events that have ids."""
    twin = Twin()
    twin.source.probe(twin.mailbox())
    twin.wire.next = [Reply(200, {}, page.encode())]
    with pytest.raises(Transient, match="bad-answer"):
        twin.source.delta(twin.mailbox(), None)


def test_rooms_are_read_by_the_reader() -> None:
    """A resource calendar is opened in the reader's name, and only as far as it is shared."""
    twin = Twin()
    room = "c_1@resource.calendar.google.com"
    twin.lab.tenant.add_calendar(room).readers = {twin.address(1): "reader"}
    located = twin.source.locate([room])[room]
    assert not isinstance(located, Exception)
    mailbox = twin.mailbox()
    twin.source.probe(replace(mailbox, address=room))
    assert twin.lab.log[-1]["subject"] == twin.address(1)
    twin.lab.tenant.calendars[room].readers = {twin.address(1): "freeBusyReader"}
    with pytest.raises(AccessDenied, match="google-times-only"):
        twin.source.probe(replace(mailbox, address=room))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("a@other.example", "domain-not-allowed"),
        ("c_1@group.calendar.google.com", "google-shared-calendar"),
    ],
)
def test_addresses_that_are_nobodys_here(address: str, code: str) -> None:
    """One sentence each, before Google is asked."""
    found = Twin().source.locate([address])[address]
    assert isinstance(found, AccessDenied)
    assert found.code == code


# --- presence


def test_the_absence_in_force_is_told() -> None:
    """A vacation that is set, with its times as epoch milliseconds; one that is over is none."""
    twin = Twin()
    ends = twin.clock() + timedelta(days=2)
    user = twin.lab.tenant.users[twin.address(1)]
    user.vacation = {
        "enableAutoReply": True,
        "endTime": str(int(ends.timestamp() * 1000)),
        "responseBodyPlainText": "Back soon",
    }
    found = twin.source.presence(twin.mailbox())
    assert (found.away, found.until, found.text) == (True, ends, "Back soon")
    twin.clock.advance(timedelta(days=3))
    assert not twin.source.presence(twin.mailbox()).away


@pytest.mark.parametrize("missing", ["scope", "mail"])
def test_without_gmail_the_calendar_tells_who_is_away(missing: str) -> None:
    """A missing scope, or a user without mail, costs the vacation settings alone."""
    twin = Twin()
    if missing == "scope":
        twin.lab.tenant.scopes = {"https://www.googleapis.com/auth/calendar"}
    else:
        twin.lab.tenant.users[twin.address(1)].gmail_on = False
    assert not twin.source.presence(twin.mailbox()).away
    more = {"eventType": "outOfOffice", "outOfOfficeProperties": {"declineMessage": "On leave"}}
    twin.edit("create", subject="Away", start=START.isoformat(), more=more)
    found = twin.source.presence(twin.mailbox())
    assert (found.away, found.since, found.text) == (True, START, "On leave")


def test_free_busy_of_a_hundred_is_two_requests() -> None:
    """Google answers fifty calendars at a time, each with its own error."""
    twin = Twin()
    twin.edit("create", subject="Plan", start=START.isoformat())
    asked = [twin.address(1), *(f"nobody{n}@brand.example" for n in range(99))]
    found = twin.source.availability(twin.mailbox(2), asked, WINDOW)
    assert [one.address for one in found] == asked
    assert found[0].busy[0].start == START
    assert {one.code for one in found[1:]} == {"no-free-busy"}
    assert twin.operations().count("freebusy.query") == 2


# --- writing


def made(twin: Twin, **facts: Any) -> str:
    return twin.edit("create", subject="Plan", start=START.isoformat(), **facts)


def test_a_lost_race_is_applied_to_what_stands_there_now() -> None:
    """412 after somebody's edit: read again, patched again, and the edit of the other stays."""
    twin = Twin()
    item = made(twin)
    twin.lab.faults.order(kind="conditionNotMet", times=2, operation="events.patch")
    done = twin.source.apply(twin.mailbox(), MeetingUpdate("k", item, location="Room 1"))
    assert not done.repeated
    twin.lab.faults.order(kind="conditionNotMet", times=3, operation="events.patch")
    with pytest.raises(Conflict):
        twin.source.apply(twin.mailbox(), MeetingUpdate("k2", item, location="Room 2"))


def test_a_guests_copy_is_never_written() -> None:
    """Only the organizer's own."""
    twin = Twin()
    item = made(twin, attendees=[{"address": twin.address(2)}])
    with pytest.raises(Refused, match="attendee-copy"):
        twin.source.apply(twin.mailbox(2), MeetingUpdate("k", item, location="x"))


@pytest.mark.parametrize(("guests", "mails"), [(False, []), (True, ["all"])])
def test_mails_go_out_only_where_somebody_is_invited(guests: bool, mails: list[str]) -> None:
    """SendUpdates is said each time; without guests it is none."""
    twin = Twin()
    item = made(twin, **({"attendees": [{"address": twin.address(2)}]} if guests else {}))
    twin.source.apply(twin.mailbox(), MeetingUpdate("k", item, location="x", mail=MailMode.ALL))
    assert [how for _, how in twin.lab.services.writing.mails] == mails


def test_the_marker_is_read_back_whole() -> None:
    """Body, marker and key stand in the item that a write looks at first; an empty marker takes it away."""
    twin = Twin()
    item = made(twin)
    twin.source.apply(twin.mailbox(), MeetingUpdate("k", item, body="<p>Join</p>", marker="m"))
    whole = twin.source.read(twin.mailbox(), item)
    assert (whole.body, whole.marker, whole.key, whole.own, whole.series) == (
        "<p>Join</p>",
        "m",
        "k",
        True,
        False,
    )
    twin.source.apply(twin.mailbox(), MeetingUpdate("k2", item, marker=""))
    assert twin.source.read(twin.mailbox(), item).marker == ""


def test_a_marker_that_google_would_cut_is_refused() -> None:
    """Longer values are cut without a word."""
    twin = Twin()
    with pytest.raises(Refused):
        twin.source.apply(twin.mailbox(), MeetingUpdate("k", made(twin), marker="m" * 1025))


def test_an_id_of_our_own_is_of_googles_alphabet() -> None:
    """A to v and digits, from 5 to 1024 characters, another one for each key and mailbox."""
    twin = Twin()
    ids = {own_id(twin.mailbox(number), key) for number in (1, 2) for key in ("a", "b")}
    assert len(ids) == 4
    assert all(set(one) <= set("0123456789abcdefghijklmnopqrstuv") and 5 <= len(one) <= 1024 for one in ids)


def test_an_answer_changes_the_own_entry_alone() -> None:
    """The organizer sees it, the other guests stay; said twice it is written once."""
    twin = Twin()
    item = made(twin, attendees=[{"address": twin.address(2)}, {"address": twin.address(3)}])
    first, again = (
        twin.source.apply(twin.mailbox(2), Invitation(key, item, Response.ACCEPTED)) for key in ("k1", "k2")
    )
    assert (first.repeated, again.repeated) == (False, True)
    seen = twin.lab.tenant.calendars[twin.address(1)].get(item)["attendees"]
    assert {one["email"]: one["responseStatus"] for one in seen} == {
        twin.address(2): "accepted",
        twin.address(3): "needsAction",
        twin.address(1): "accepted",
    }
    with pytest.raises(Refused, match="not-invited"):
        twin.source.apply(twin.mailbox(1), Invitation("k3", made(twin), Response.ACCEPTED))


def test_a_meeting_of_the_owners_own_is_deleted() -> None:
    """Gone from every calendar, and what is gone is no longer there to be deleted; a guest can't delete it for all."""
    twin = Twin()
    item = made(twin, attendees=[{"address": twin.address(2)}])
    with pytest.raises(Refused, match="attendee-copy"):
        twin.source.apply(twin.mailbox(2), Removal("k", item))
    twin.source.apply(twin.mailbox(), Removal("k", item))
    assert twin.lab.tenant.calendars[twin.address(2)].get(item)["status"] == "cancelled"
    with pytest.raises(Refused, match="item-not-found"):
        twin.source.apply(twin.mailbox(), Removal("k", item))


def test_a_sentence_becomes_an_event() -> None:
    """QuickAdd, in the user's own name."""
    twin = Twin()
    done = twin.source.apply(twin.mailbox(), QuickAdd("k", "Tea with Ada"))
    assert twin.lab.tenant.calendars[twin.address(1)].get(done.item_id)["summary"] == "Tea with Ada"


@pytest.mark.parametrize("marked", [True, False])
def test_a_sentence_that_was_cut_short_is_found(marked: bool) -> None:
    """Whether it was killed before or after the event got our key, a second try makes no twin."""
    twin = Twin()
    begun = twin.clock()
    twin.clock.advance(timedelta(seconds=5))
    if marked:
        first = twin.source.apply(twin.mailbox(), QuickAdd("k", "Tea with Ada")).item_id
    else:
        first = str(twin.source.services.quick_add(twin.mailbox(), "Tea with Ada", "none")["id"])
    again = twin.source.apply(twin.mailbox(), QuickAdd("k", "Tea with Ada", begun))
    assert (again.item_id, again.repeated) == (first, True)
    other = twin.source.apply(twin.mailbox(), QuickAdd("k2", "Tea with Ada", begun))
    assert (other.item_id != first, other.repeated) == (True, False)


def test_an_event_made_before_is_found_even_when_it_was_deleted() -> None:
    """A command carried out twice does not bring a deleted meeting back."""
    twin = Twin()
    order = NewMeeting("k", "uid", "New", START, START + timedelta(hours=1))
    first = twin.source.apply(twin.mailbox(), order)
    twin.source.apply(twin.mailbox(), Removal("gone", first.item_id))
    assert twin.source.apply(twin.mailbox(), order).repeated


def test_times_are_told_with_their_zone() -> None:
    """Every window that is asked for has an offset."""
    twin = Twin()
    twin.source.view(twin.mailbox(), WINDOW)
    assert "timeMin=2026-11-16T08%3A00%3A00%2B00%3A00" in twin.lab.log[-1]["query"]
