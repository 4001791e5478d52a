"""One event whole, as a write has to know it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connector.errors import Refused
from connector.model import BodyKind, Mailbox, WholeItem
from connector.source.google import convert
from connector.source.google.services import Document, Services
from connector.source.google.write import KEY, MARKER
from connector.source.google.zones import Zones

_RULE = "RRULE:"
_UNTIL = "UNTIL="


def read(services: Services, zones: Zones, mailbox: Mailbox, item_id: str) -> WholeItem:
    """An event with its description as it rests.

    Raises:
        Refused: ``item-not-found``, deleted ones too.
        Unreadable: it makes no sense.
    """
    event = services.event(mailbox, item_id)
    if event.get("status") == "cancelled":
        raise Refused("item-not-found", item_id)
    zone = zones.of(mailbox) if convert.whole_day(event) else UTC
    meeting = convert.meeting(event, zone)
    private = _private(event)
    own = _mapping(event.get("organizer")).get("self") is True
    rule = _rule(event)
    return WholeItem(
        meeting=meeting,
        body=str(event.get("description") or ""),
        kind=BodyKind.HTML,
        marker=str(private.get(MARKER) or ""),
        key=str(private.get(KEY) or ""),
        rule=rule,
        own=own,
        invites=bool(meeting.attendees),
        sent=True,
        series=bool(event.get("recurrence")),
        ends=_ends(rule) if rule else meeting.end,
        obstacle="protected-item" if event.get("locked") is True else "",
    )


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
