"""From an Event of the Calendar API to our Meeting.

Be liberal: of a cancelled event only the id is certain, of a private one seen by others only times are there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from connector.errors import Unreadable
from connector.model import Attendee, Meeting, Response, Role, Sensitivity, ShowAs
from connector.source.google.text import plain_text

Event = Mapping[str, Any]

_RESPONSES = {
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
_SENSITIVITY = {"private": Sensitivity.PRIVATE, "confidential": Sensitivity.CONFIDENTIAL}
_ADDED = frozenset({"hangoutsMeet", "eventHangout", "eventNamedHangout"})
_RANK = {"video": 0, "sip": 1}
MOST_ENTRY_POINTS = 20
_LINK = re.compile(r"https?://", re.IGNORECASE)


def meeting(event: Event, zone: tzinfo) -> Meeting:
    """Read one occurrence; whole days begin at midnight in ``zone``, the calendar's own.

    Raises:
        Unreadable: something that no meeting is without is missing or makes no sense.
    """
    event_id = _text(event, "id")
    try:
        return _meeting(event, event_id, zone)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable("item-unreadable", event_id, f"{type(error).__name__}: {error}") from error


def _meeting(event: Event, event_id: str, zone: tzinfo) -> Meeting:
    if not event_id:
        raise ValueError("an event without an id")
    start = moment(event["start"], zone)
    end = moment(event["end"], zone) if event.get("end") else start
    if end < start:
        raise ValueError("it ends before it begins")
    original = event.get("originalStartTime")
    original_start = moment(original, zone) if original else start
    online, note = _ways_in(event)
    body = plain_text(_text(event, "description"))
    return Meeting(
        uid=uid(event),
        original_start=original_start,
        item_id=event_id,
        home_id=home_of(event),
        change_key=_text(event, "etag"),
        start=start,
        end=end,
        subject=_text(event, "summary"),
        location=_text(event, "location"),
        body=f"{body}\n\n{note}".strip() if note else body,
        organizer=_organizer(event),
        attendees=_attendees(event),
        first_day=_day(event["start"]),
        recurring="recurringEventId" in event,
        exception=original_start != start,
        cancelled=_text(event, "status") == "cancelled",
        sensitivity=_SENSITIVITY.get(_text(event, "visibility"), Sensitivity.NORMAL),
        show_as=_show_as(event),
        response=_own_response(event),
        online=online,
    )


def home_of(event: Event) -> str:
    """The series that an event belongs to, or itself."""
    return _text(event, "recurringEventId") or _text(event, "id")


def uid(event: Event) -> str:
    """The iCalendar UID, or one made of the home's id where there is none."""
    stated = _text(event, "iCalUID").strip()
    return stated or f"event-{hashlib.sha256(home_of(event).encode()).hexdigest()[:40]}"


def whole_day(event: Event) -> bool:
    """Whether days rather than times are stated."""
    return any(
        isinstance(event.get(name), Mapping) and "date" in event[name]
        for name in ("start", "originalStartTime")
    )


def moment(point: Mapping[str, Any], zone: tzinfo) -> datetime:
    """An EventDateTime as an aware UTC datetime. Raises ValueError, KeyError."""
    if day := _day(point):
        return datetime.combine(day, time(), zone).astimezone(UTC)
    read = datetime.fromisoformat(point["dateTime"])
    return (read.replace(tzinfo=zone) if read.tzinfo is None else read).astimezone(UTC)


def _day(point: Mapping[str, Any]) -> date | None:
    return date.fromisoformat(point["date"]) if point.get("date") else None


def _organizer(event: Event) -> Attendee | None:
    found = event.get("organizer")
    if not isinstance(found, Mapping):
        return None
    return Attendee(_address(found), _text(found, "displayName"), response=Response.ORGANIZER)


def _attendees(event: Event) -> tuple[Attendee, ...]:
    """Whoever is invited; the organizer stands by itself."""
    return tuple(
        Attendee(
            _address(one),
            _text(one, "displayName"),
            _role(one),
            _RESPONSES.get(_text(one, "responseStatus"), Response.NONE),
        )
        for one in _invited(event)
        if one.get("organizer") is not True
    )


def _invited(event: Event) -> list[Mapping[str, Any]]:
    found = event.get("attendees")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _role(one: Mapping[str, Any]) -> Role:
    if one.get("resource") is True:
        return Role.RESOURCE
    return Role.OPTIONAL if one.get("optional") is True else Role.REQUIRED


def _own_response(event: Event) -> Response:
    organizer = event.get("organizer")
    if isinstance(organizer, Mapping) and organizer.get("self") is True:
        return Response.ORGANIZER
    own = next((one for one in _invited(event) if one.get("self") is True), None)
    return _RESPONSES.get(_text(own, "responseStatus"), Response.NONE) if own else Response.NONE


def _show_as(event: Event) -> ShowAs:
    if _text(event, "eventType") == "outOfOffice":
        return ShowAs.OUT_OF_OFFICE
    if _text(event, "transparency") == "transparent":
        return ShowAs.FREE
    return ShowAs.TENTATIVE if _text(event, "status") == "tentative" else ShowAs.BUSY


def _ways_in(event: Event) -> tuple[tuple[str, ...], str]:
    """Join addresses that the calendar states, best first; and one to be put below the words instead.

    Google adds its own conference to every meeting. Where somebody has put another link into the location, that one was
    chosen, so Google's goes where Google's own invitations have it too: below the description.
    """
    conference = event.get("conferenceData")
    conference = conference if isinstance(conference, Mapping) else {}
    points = conference.get("entryPoints")
    stated = [one for one in points if isinstance(one, Mapping)] if isinstance(points, list) else []
    ranked = sorted(stated[:MOST_ENTRY_POINTS], key=lambda one: _RANK.get(_text(one, "entryPointType"), 9))
    links = [_text(one, "uri") for one in ranked if _text(one, "entryPointType") in _RANK]
    found = tuple(dict.fromkeys(link for link in (*links, _text(event, "hangoutLink")) if link))
    if found and _added(conference, found) and _LINK.search(_text(event, "location")):
        return (), found[0]
    return found, ""


def _added(conference: Mapping[str, Any], links: tuple[str, ...]) -> bool:
    """Whether the conference is Google's own rather than one that somebody chose."""
    solution = conference.get("conferenceSolution")
    key = solution.get("key") if isinstance(solution, Mapping) else None
    kind = _text(key, "type") if isinstance(key, Mapping) else ""
    return kind in _ADDED or (not kind and links[0].startswith("https://meet.google.com/"))


def _address(person: Mapping[str, Any]) -> str:
    return _text(person, "email").strip().lower()


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""
