"""One event whole, as a write has to know it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connector.errors import Refused
from connector.model import (
    BodyKind,
    Conference,
    Hosted,
    JoinDetails,
    Kind,
    Mailbox,
    Making,
    Phone,
    WholeItem,
)
from connector.source.google import convert
from connector.source.google.exceptions import exceptions
from connector.source.google.preferences import Preferences
from connector.source.google.services import Document, Services
from connector.source.google.write import KEY, MARKER

_RULE = "RRULE:"
_UNTIL = "UNTIL="
_SERVICE = "google_meet"
_MOST_NUMBERS = 20
_MAKING = {"pending": Making.PENDING, "failure": Making.FAILED}


def read(services: Services, preferences: Preferences, mailbox: Mailbox, item_id: str) -> WholeItem:
    """An event with its description as it rests; events have no language of their own, so it is the organiser's.

    Raises:
        Refused: ``item-not-found``, deleted ones too.
        Unreadable: it makes no sense.
    """
    event = services.event(mailbox, item_id)
    if event.get("status") == "cancelled":
        raise Refused("item-not-found", item_id)
    zone = preferences.zone(mailbox) if convert.whole_day(event) else UTC
    meeting = convert.meeting(event, zone)
    if meeting.recurring and not meeting.exception:
        meeting = replace(meeting, exception=_stands_out(services, mailbox, event))
    private = _private(event)
    own = _mapping(event.get("organizer")).get("self") is True
    rule = _rule(event)
    return WholeItem(
        meeting=meeting,
        body=str(event.get("description") or ""),
        kind=BodyKind.HTML,
        marker=str(private.get(MARKER) or ""),
        key=str(private.get(KEY) or ""),
        culture=preferences.locale(mailbox) if own else "",
        rule=rule,
        own=own,
        invites=bool(meeting.attendees),
        sent=True,
        series=bool(event.get("recurrence")),
        ends=_ends(rule) if rule else meeting.end,
        obstacle="protected-item" if event.get("locked") is True else "",
        hosts=True,
        hosted=hosted(event),
    )


def _stands_out(services: Services, mailbox: Mailbox, event: Document) -> bool:
    """Whether an occurrence has words of its own; one whose series is not in the calendar has nothing else."""
    home = convert.home_of(event)
    try:
        master = services.event(mailbox, home)
    except Refused as refusal:
        if refusal.code != "item-not-found":
            raise
        return True
    return bool(exceptions([event], {home: master}, ()))


def hosted(event: Document) -> Hosted | None:
    """The conference that stands with an event, and how far Google has come with it; None where there is none.

    A request without a word on its state was answered long ago: what was made of it stands beside it.
    """
    data = _mapping(event.get("conferenceData"))
    request = _mapping(data.get("createRequest"))
    tag = str(request.get("requestId") or "")
    details = _details(event, data)
    if details is not None:
        return Hosted(
            tag, Making.MADE, Conference(Kind.ONE_TIME, details, str(data.get("conferenceId") or ""))
        )
    making = _MAKING.get(str(_mapping(request.get("status")).get("statusCode") or ""))
    return Hosted(tag, making or Making.PENDING) if tag else None


def _details(event: Document, data: Document) -> JoinDetails | None:
    listed = data.get("entryPoints")
    points = [_mapping(one) for one in listed] if isinstance(listed, list) else []
    url = _uri(points, "video") or str(event.get("hangoutLink") or "")
    if not url:
        return None
    phones = [one for one in points if one.get("entryPointType") == "phone"][:_MOST_NUMBERS]
    return JoinDetails(
        url=url,
        service=_SERVICE,
        meeting_id=str(data.get("conferenceId") or ""),
        sip=_uri(points, "sip").removeprefix("sip:"),
        phones=tuple(_phone(one) for one in phones),
        access_code=next((str(one["pin"]) for one in phones if one.get("pin")), ""),
        global_numbers_url=_uri(points, "more"),
    )


def _uri(points: list[Document], kind: str) -> str:
    return next((str(one.get("uri") or "") for one in points if one.get("entryPointType") == kind), "")


def _phone(point: Document) -> Phone:
    return Phone(str(point.get("uri") or "").removeprefix("tel:"), str(point.get("regionCode") or ""))


def _rule(event: Document) -> str:
    lines = event.get("recurrence")
    stated = [one for one in lines if isinstance(one, str)] if isinstance(lines, list) else []
    return next((one.removeprefix(_RULE) for one in stated if one.startswith(_RULE)), "")


def _ends(rule: str) -> datetime | None:
    """The day a rule names as its end; one that counts is not worked out here, and one without an end has none."""
    until = next((part.removeprefix(_UNTIL) for part in rule.split(";") if part.startswith(_UNTIL)), "")
    try:
        return datetime.strptime(until[:8], "%Y%m%d").replace(tzinfo=UTC) if until else None
    except ValueError:
        return None


def _private(event: Document) -> dict[str, Any]:
    return _mapping(_mapping(event.get("extendedProperties")).get("private"))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
