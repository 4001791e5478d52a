"""Events as meetings: recorded real answers, and every field that is read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Unreadable
from connector.meeting.enrich import enrich
from connector.model import Response, Role, Sensitivity, ShowAs
from connector.source.google.convert import meeting, uid
from connector.source.google.services import BRIEF
from connector.source.google.text import plain_text
from tests.lab.google import fields

RECORDED = Path(__file__).resolve().parents[5] / "shared" / "data" / "google" / "real_gcal"
BERLIN = ZoneInfo("Europe/Berlin")


def event(**more: Any) -> dict[str, Any]:
    return {
        "id": "abc",
        "etag": '"1"',
        "iCalUID": "abc@google.com",
        "status": "confirmed",
        "summary": "Plan",
        "start": {"dateTime": "2026-11-23T10:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-11-23T11:00:00+01:00", "timeZone": "Europe/Berlin"},
        **more,
    }


@pytest.mark.parametrize(
    "name",
    [
        "events_get_primary",
        "events_get_response",
        "events_insert_response",
        "events_instances_response",
        "events_list_primary",
        "events_list_secondary",
        "events_move_response",
        "events_patch_response",
        "events_quickadd_response",
        "events_update_response",
    ],
)
def test_recorded_answers_are_read(name: str) -> None:
    """What Google really answered goes through the parser: every event, with its times and its etag."""
    path = RECORDED / f"{name}.json"
    if not path.exists():
        pytest.skip("the recorded answers are not beside the repository")
    document = json.loads(path.read_text())
    for one in document.get("items", [document]):
        if one.get("status") == "cancelled":
            continue
        found = meeting(one, BERLIN)
        assert (found.item_id, found.uid, found.change_key) == (one["id"], one["iCalUID"], one["etag"])
        assert found.end >= found.start


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside the repository")
@pytest.mark.parametrize("name", sorted(one.stem for one in RECORDED.glob("events_*")))
def test_what_is_asked_for_is_all_that_is_read(name: str) -> None:
    """An event that comes with many is as good a meeting as one that was fetched whole."""
    answer = json.loads((RECORDED / f"{name}.json").read_text())
    for one in answer.get("items", [answer] if answer.get("kind") == "calendar#event" else []):
        brief = fields.partial({"items": [one]}, dict(BRIEF)["fields"])["items"][0]
        assert _read(brief) == _read(one)


RICH = {
    "organizer": {"email": "ada@brand.example", "displayName": "Ada", "self": True},
    "attendees": [
        {"email": "bob@brand.example", "optional": True, "responseStatus": "tentative", "displayName": "Bob"},
        {"email": "c_1@resource.calendar.google.com", "resource": True, "responseStatus": "accepted"},
        {"email": "ada@brand.example", "organizer": True, "self": True, "responseStatus": "accepted"},
    ],
    "description": "<b>Bring</b> figures",
    "location": "Room 12",
    "visibility": "private",
    "transparency": "transparent",
    "eventType": "outOfOffice",
    "recurringEventId": "home",
    "originalStartTime": {"dateTime": "2026-11-23T09:00:00Z"},
    "hangoutLink": "https://meet.google.com/abc-defg-hij",
    "conferenceData": {
        "conferenceSolution": {"key": {"type": "addOn"}, "name": "Other"},
        "entryPoints": [{"entryPointType": "video", "uri": "https://meet.example.com/1", "label": "l"}],
    },
}


def test_nothing_of_a_rich_event_is_lost() -> None:
    """Every field that conversion knows is among those that are asked for."""
    whole = event(**RICH)
    brief = fields.partial({"items": [whole]}, dict(BRIEF)["fields"])["items"][0]
    assert meeting(brief, BERLIN) == meeting(whole, BERLIN)


def _read(one: dict[str, Any]) -> object:
    try:
        return meeting(one, UTC)
    except Unreadable as verdict:
        return verdict.code


def test_an_offset_rules_and_the_zone_is_only_a_name() -> None:
    """Times are instants in UTC."""
    found = meeting(event(), UTC)
    assert (found.start, found.end) == (
        datetime(2026, 11, 23, 9, tzinfo=UTC),
        datetime(2026, 11, 23, 10, tzinfo=UTC),
    )
    assert found.original_start == found.start
    assert (found.recurring, found.exception, found.all_day) == (False, False, False)


def test_days_begin_at_midnight_where_the_owner_lives() -> None:
    """The end is exclusive; the calendar date stays beside the instants."""
    found = meeting(event(start={"date": "2026-11-25"}, end={"date": "2026-11-27"}), BERLIN)
    assert found.first_day == date(2026, 11, 25)
    assert (found.start, found.end) == (
        datetime(2026, 11, 24, 23, tzinfo=UTC),
        datetime(2026, 11, 26, 23, tzinfo=UTC),
    )


def test_a_moved_occurrence_keeps_its_original_start() -> None:
    """Identity is the start by the series' rule; the home is the series."""
    original = {"dateTime": "2026-11-30T10:00:00+01:00"}
    found = meeting(event(id="abc_1", recurringEventId="abc", originalStartTime=original), UTC)
    assert (found.home_id, found.recurring, found.exception) == ("abc", True, True)
    assert found.original_start == datetime(2026, 11, 30, 9, tzinfo=UTC)


def test_people_are_read() -> None:
    """Organizer apart, roles and answers, the own answer by ``self``; addresses in lower case."""
    found = meeting(
        event(
            organizer={"email": "Boss@x.example", "displayName": "Boss"},
            attendees=[
                {"email": "Boss@x.example", "organizer": True, "responseStatus": "accepted"},
                {"email": "Ada@x.example", "self": True, "responseStatus": "tentative", "optional": True},
                {
                    "email": "room@resource.calendar.google.com",
                    "resource": True,
                    "responseStatus": "declined",
                },
                {"email": "c@x.example"},
            ],
        ),
        UTC,
    )
    assert found.organizer is not None
    assert found.organizer.address == "boss@x.example"
    assert [(one.address, one.role, one.response) for one in found.attendees] == [
        ("ada@x.example", Role.OPTIONAL, Response.TENTATIVE),
        ("room@resource.calendar.google.com", Role.RESOURCE, Response.DECLINED),
        ("c@x.example", Role.REQUIRED, Response.NONE),
    ]
    assert found.response is Response.TENTATIVE
    assert meeting(event(organizer={"email": "a@b.c", "self": True}), UTC).response is Response.ORGANIZER


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, ShowAs.BUSY),
        ({"transparency": "transparent"}, ShowAs.FREE),
        ({"status": "tentative"}, ShowAs.TENTATIVE),
        ({"eventType": "outOfOffice"}, ShowAs.OUT_OF_OFFICE),
        ({"eventType": "focusTime"}, ShowAs.BUSY),
    ],
)
def test_what_the_time_counts_as(more: dict[str, Any], shown: ShowAs) -> None:
    """Free, tentative, away or busy."""
    assert meeting(event(**more), UTC).show_as is shown


def test_privacy_is_kept() -> None:
    """Private and confidential are told apart from the rest."""
    found = [
        meeting(event(visibility=one), UTC).sensitivity for one in ("default", "private", "confidential")
    ]
    assert found == [Sensitivity.NORMAL, Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL]


MEET = "https://meet.google.com/abc-defg-hij"
ZOOM = "https://zoom.us/j/9246813570"
OF_MEET = {
    "conferenceSolution": {"key": {"type": "hangoutsMeet"}},
    "entryPoints": [{"entryPointType": "phone", "uri": "tel:+1"}, {"entryPointType": "video", "uri": MEET}],
}
OF_ZOOM = {
    "conferenceSolution": {"key": {"type": "addOn"}},
    "entryPoints": [{"entryPointType": "video", "uri": ZOOM}],
}


@pytest.mark.parametrize(
    ("more", "link"),
    [
        ({"hangoutLink": MEET}, MEET),
        ({"conferenceData": OF_MEET}, MEET),
        ({"conferenceData": OF_MEET, "location": ZOOM}, ZOOM),
        ({"conferenceData": OF_MEET, "location": "https://maps.example.com/x"}, MEET),
        ({"conferenceData": OF_MEET, "location": "Room 5", "description": ZOOM}, MEET),
        ({"conferenceData": OF_ZOOM, "location": "https://whereby.com/ada"}, ZOOM),
        ({"description": f'<a href="{ZOOM}">Join</a>'}, ZOOM),
        ({"conferenceData": {"entryPoints": "broken"}}, None),
    ],
)
def test_the_way_in_is_the_one_that_was_chosen(more: dict[str, Any], link: str | None) -> None:
    """Google's own conference gives way to a link in the location, one that somebody chose does not."""
    found = enrich(meeting(event(**more), UTC)).link
    assert (found.url if found else None) == link


@pytest.mark.parametrize(
    "broken",
    [
        {"start": None},
        {"start": {"dateTime": "soon"}},
        {"start": {"date": "2026-13-01"}},
        {"start": {}},
        {"end": {"dateTime": "2020-01-01T00:00:00Z"}},
        {"id": None},
    ],
)
def test_what_is_no_meeting_is_unreadable_alone(broken: dict[str, Any]) -> None:
    """A verdict of the item's own."""
    with pytest.raises(Unreadable):
        meeting(event(**broken), UTC)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*event(), "attendees", "organizer", "conferenceData", "originalStartTime"]), values
    )
)
def test_any_event_is_a_meeting_or_unreadable(more: dict[str, Any]) -> None:
    """Whatever a document holds, nothing else comes of it."""
    try:
        found = meeting(event(**more), UTC)
    except Unreadable:
        return
    assert found.start <= found.end
    assert uid({**event(), **more})


@given(st.text(max_size=300))
def test_any_description_becomes_words(text: str) -> None:
    """HTML or not, and broken or not."""
    assert isinstance(plain_text(text), str)
    assert plain_text(f"<p>{'x'}</p><br>y") == "x\n\ny"


def test_a_long_meeting_keeps_its_length() -> None:
    """Over the change to winter time, too."""
    more = {
        "start": {"dateTime": "2026-10-24T22:00:00+02:00"},
        "end": {"dateTime": "2026-10-25T09:00:00+01:00"},
    }
    found = meeting(event(**more), UTC)
    assert found.end - found.start == timedelta(hours=12)
