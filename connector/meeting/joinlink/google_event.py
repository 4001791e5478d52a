"""What a Google Calendar event says (Calendar API v3, resource Event), as far as it is a way in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connector.meeting.joinlink.evidence import Evidence, Passage, Place

MOST_ENTRY_POINTS = 50
"""Entry points that are read; the interface itself allows far fewer."""

_ORDER = {"video": 0, "sip": 1, "more": 2, "phone": 3}
_MEET = frozenset({"hangoutsMeet", "eventHangout", "eventNamedHangout"})


def of_google_event(event: Mapping[str, Any]) -> Evidence:
    """The passages of an event.

    A conference of an add-on was chosen by somebody; Meet is added by the calendar itself, so a link of another service
    that somebody put into the location counts for more. ``more`` leads to telephone numbers, which is no conference.
    """
    conference = _mapping(event.get("conferenceData"))
    place = _place(conference)
    return (
        *(
            _entry(point, place)
            for point in _entry_points(conference)
            if point.get("entryPointType") != "more"
        ),
        Passage(Place.ADDED, _text(event.get("hangoutLink")), is_html=False),
        Passage(Place.LOCATION, _text(event.get("location")), is_html=False),
        Passage(Place.BODY, _text(event.get("description"))),
        Passage(Place.BODY, _text(conference.get("notes")), is_html=True),
        Passage(Place.SUBJECT, _text(event.get("summary")), is_html=False),
    )


def _place(conference: Mapping[str, Any]) -> Place:
    solution = _mapping(conference.get("conferenceSolution"))
    kind = _mapping(solution.get("key")).get("type")
    if kind in _MEET:
        return Place.ADDED
    addresses = [_text(point.get("uri")) for point in _entry_points(conference)]
    meets = any(address.startswith("https://meet.google.com/") for address in addresses)
    return Place.ADDED if kind is None and meets else Place.CONFERENCE


def _entry_points(conference: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    points = conference.get("entryPoints")
    if isinstance(points, list):
        known = [_mapping(point) for point in points[:MOST_ENTRY_POINTS]]
        yield from sorted(known, key=lambda point: _ORDER.get(_text(point.get("entryPointType")), 9))


def _entry(point: Mapping[str, Any], place: Place) -> Passage:
    """One address with its codes; the PIN is for telephones alone."""
    codes = [_text(point.get(name)) for name in ("passcode", "password", "accessCode")]
    return Passage(
        place,
        _text(point.get("uri")),
        is_html=False,
        meeting_id=_text(point.get("meetingCode")) or None,
        passcode=next((code for code in codes if code), None),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
