"""JSON into the fields of an item, and back."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from tests.lab.exchange.calendar import Attendee, Content, PropertyKey, Sight
from tests.lab.exchange.properties import Value, key
from tests.lab.exchange.zones import UTC_ZONE, Zone
from tests.lab.exchange.zones import zone as read_zone

Json = dict[str, Any]

_PLAIN = frozenset(
    {
        "uid",
        "subject",
        "location",
        "body",
        "body_kind",
        "sensitivity",
        "show_as",
        "importance",
        "item_class",
        "has_attachments",
        "reminder",
        "culture",
        "online",
        "join_url",
        "conference_type",
        "workspace_url",
        "net_show_url",
        "response_requested",
        "my_response",
        "cancelled",
        "all_day",
    }
)
_SHAPED = frozenset({"start", "end", "zone", "end_zone", "categories", "attendees", "properties"})


def read_time(text: str, zone: Zone = UTC_ZONE) -> datetime:
    """The instant an ISO 8601 time names; without an offset it is a wall time of `zone`. A bare date is its midnight."""
    if len(text) == len("2026-01-01"):
        return zone.to_utc(datetime.combine(date.fromisoformat(text), time()))
    parsed = datetime.fromisoformat(text)
    return zone.to_utc(parsed) if parsed.tzinfo is None else parsed.astimezone(UTC)


def read_fields(given: Mapping[str, Any], current: Content | None = None) -> Json:
    """Fields of Content from JSON; times without offset count in the given zone, or the current one.

    Raises ValueError for a name that is no field, or a value that makes no sense.
    """
    unknown = given.keys() - _PLAIN - _SHAPED
    if unknown:
        raise ValueError(f"no such field: {', '.join(sorted(unknown))}")
    fields: Json = {name: value for name, value in given.items() if name in _PLAIN}
    zone = read_zone(given["zone"]) if "zone" in given else current.zone if current else UTC_ZONE
    fields |= {"zone": zone} if "zone" in given else {}
    fields |= {"end_zone": read_zone(given["end_zone"])} if "end_zone" in given else {}
    fields |= {name: read_time(given[name], zone) for name in ("start", "end") if name in given}
    if "categories" in given:
        fields["categories"] = tuple(given["categories"])
    if "attendees" in given:
        fields["attendees"] = read_attendees(given["attendees"], current.attendees if current else ())
    if "properties" in given:
        fields["properties"] = {
            **(current.properties if current else {}),
            **read_properties(given["properties"]),
        }
    return fields


def complete_times(fields: Json, current: Content) -> Json:
    """The fields with an end: a meeting whose start alone is moved keeps its duration."""
    if "start" in fields and "end" not in fields:
        zone = fields.get("zone", current.zone)
        return fields | {"end": zone.to_utc(zone.to_wall(fields["start"]) + current.duration)}
    return fields


def read_attendees(
    given: Sequence[str | Mapping[str, Any]], known: Sequence[Attendee] = ()
) -> tuple[Attendee, ...]:
    """Attendees from addresses or objects (address, name, role, response); who is known keeps the answer given."""
    responses = {one.address.lower(): one for one in known}
    made = []
    for one in given:
        attendee = Attendee(one) if isinstance(one, str) else Attendee(**one)
        made.append(responses.get(attendee.address.lower(), attendee) if isinstance(one, str) else attendee)
    return tuple(made)


def read_properties(given: Sequence[Mapping[str, Any]]) -> dict[PropertyKey, Value]:
    """Extended properties from objects: type, and tag or set with name or id, and value (a text or a list of texts)."""
    return {read_property_key(one): _value(one["value"]) for one in given}


def read_property_key(one: Mapping[str, Any]) -> PropertyKey:
    """The key an object names; `set` is a GUID or the name of a distinguished set."""
    return key(
        one.get("type", "String"),
        tag=one.get("tag", ""),
        set_id=one.get("set", ""),
        name=one.get("name", ""),
        number=one.get("id"),
    )


def _value(value: str | Sequence[str]) -> Value:
    return value if isinstance(value, str) else tuple(value)


def write_time(when: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return None if when is None else when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def describe(sight: Sight, item_id: str, change_key: str) -> Json:
    """One occurrence as a plain object; `original_start` is its own start for a single item."""
    content = sight.content
    return {
        "item_id": item_id,
        "change_key": change_key,
        "uid": content.uid,
        "kind": sight.kind.value,
        "original_start": write_time(sight.original or content.start),
        "start": write_time(content.start),
        "end": write_time(content.end),
        "first_day": content.zone.to_wall(content.start).date().isoformat() if content.all_day else None,
        "subject": content.subject,
        "location": content.location,
        "body": content.body,
        "body_kind": content.body_kind,
        "organizer": content.organizer.address,
        "attendees": [_attendee(one) for one in content.attendees],
        "all_day": content.all_day,
        "cancelled": content.cancelled,
        "sensitivity": content.sensitivity,
        "show_as": content.show_as,
        "my_response": content.my_response,
        "request_sent": content.request_sent,
        "categories": list(content.categories),
        "reminder": content.reminder,
        "join_url": content.join_url,
        "properties": [_property(one, value) for one, value in content.properties.items()],
    }


def _attendee(attendee: Attendee) -> Json:
    return {
        "address": attendee.address,
        "name": attendee.name,
        "role": attendee.role,
        "response": attendee.response,
    }


def _property(one: PropertyKey, value: Value) -> Json:
    written = value if isinstance(value, str) else list(value)
    return {
        "type": one.type,
        "tag": one.tag,
        "set": one.set_id,
        "name": one.name,
        "id": one.number,
        "value": written,
    }


def default_end(start: datetime) -> datetime:
    """Half an hour later, as calendars propose."""
    return start + timedelta(minutes=30)
