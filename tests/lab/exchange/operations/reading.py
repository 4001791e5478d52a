"""Reads t:CalendarItem of CreateItem and UpdateItem into fields of Content."""

from collections.abc import Callable
from typing import Any

from lxml import etree

from tests.lab.exchange.calendar import Attendee, Content
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.elements import NAMES, children, local, read_instant, text_at
from tests.lab.exchange.operations.recurrences import read_definition, read_recurrence
from tests.lab.exchange.properties import read_property

Changes = dict[str, Any]
Reader = Callable[[etree._Element, Content, Changes], None]

ROLES = {"RequiredAttendees": "Required", "OptionalAttendees": "Optional", "Resources": "Resource"}


def read_children(element: etree._Element, current: Content) -> Changes:
    """What the children of a t:CalendarItem set; times without offset count in the zone given, or the current one.

    Raises ResponseFault ErrorInvalidPropertySet for a property that clients can't write, ErrorTimeZone,
    ErrorUnsupportedRecurrence, ErrorCalendarEndDateIsEarlierThanStartDate.
    """
    changes: Changes = {}
    for child in sorted(children(element), key=lambda one: local(one) not in _FIRST):
        read_into(child, current, changes)
    return changes


def read_into(child: etree._Element, current: Content, changes: Changes) -> None:
    """Add what one property sets. Raises ResponseFault as `read_children`."""
    reader = READERS.get(local(child))
    if reader is None:
        raise ResponseFault("ErrorInvalidPropertySet", f"Set action is invalid for property {local(child)}.")
    try:
        reader(child, current, changes)
    except ValueError:
        raise ResponseFault(
            "ErrorInvalidValueForProperty", f"The value of {local(child)} is invalid."
        ) from None


def _text(name: str) -> Reader:
    def read(element: etree._Element, _: Content, changes: Changes) -> None:
        changes[name] = element.text or ""

    return read


def _flag(name: str) -> Reader:
    def read(element: etree._Element, _: Content, changes: Changes) -> None:
        changes[name] = (element.text or "").strip() in {"true", "1"}

    return read


def _ignored(_element: etree._Element, _current: Content, _changes: Changes) -> None:
    """Properties the lab takes and forgets."""


def _body(element: etree._Element, _: Content, changes: Changes) -> None:
    changes["body"] = element.text or ""
    changes["body_kind"] = element.get("BodyType", "Text")


def _time(name: str) -> Reader:
    def read(element: etree._Element, current: Content, changes: Changes) -> None:
        zone = changes.get("zone", current.zone)
        text = element.text or ""
        when = read_instant(text)
        named = text[10:].endswith("Z") or "+" in text[10:] or "-" in text[10:]
        changes[name] = when if named else zone.to_utc(when.replace(tzinfo=None))

    return read


def _reminder_set(element: etree._Element, current: Content, changes: Changes) -> None:
    wanted = (element.text or "").strip() in {"true", "1"}
    known = changes.get("reminder", current.reminder)
    changes["reminder"] = (15 if known is None else known) if wanted else None


def _reminder_minutes(element: etree._Element, current: Content, changes: Changes) -> None:
    if changes.get("reminder", current.reminder) is not None:
        changes["reminder"] = int(element.text or "15")


def _categories(element: etree._Element, _: Content, changes: Changes) -> None:
    changes["categories"] = tuple(one.text or "" for one in children(element))


def _attendees(element: etree._Element, current: Content, changes: Changes) -> None:
    role = ROLES[local(element)]
    before: tuple[Attendee, ...] = changes.get("attendees", current.attendees)
    known = {one.address.lower(): one for one in before if one.role == role}
    named = [_attendee(one, role) for one in children(element)]
    chosen = [known.get(one.address.lower(), one) for one in named]
    changes["attendees"] = (*(one for one in before if one.role != role), *chosen)


def _attendee(element: etree._Element, role: str) -> Attendee:
    address = text_at(element, "t:Mailbox/t:EmailAddress")
    if not address:
        raise ResponseFault("ErrorInvalidRecipients", "At least one recipient is not valid.")
    return Attendee(address, text_at(element, "t:Mailbox/t:Name"), role)


def _zone(name: str) -> Reader:
    def read(element: etree._Element, _: Content, changes: Changes) -> None:
        changes[name] = read_definition(element)

    return read


def _recurrence(element: etree._Element, _: Content, changes: Changes) -> None:
    changes["rule"] = read_recurrence(element)


def _property(element: etree._Element, current: Content, changes: Changes) -> None:
    key, value = read_property(element)
    changes["properties"] = {**changes.get("properties", current.properties), key: value}


def _conference(element: etree._Element, _: Content, changes: Changes) -> None:
    changes["conference_type"] = int(element.text or "0")


def _enhanced_location(element: etree._Element, _: Content, changes: Changes) -> None:
    changes["location"] = element.findtext("t:DisplayName", "", NAMES)


_FIRST = frozenset({"StartTimeZone", "ReminderIsSet"})
"""What has to be known before the rest is read."""

READERS: dict[str, Reader] = {
    "Subject": _text("subject"),
    "Sensitivity": _text("sensitivity"),
    "Body": _body,
    "Categories": _categories,
    "Importance": _text("importance"),
    "ReminderIsSet": _reminder_set,
    "ReminderMinutesBeforeStart": _reminder_minutes,
    "ExtendedProperty": _property,
    "Culture": _text("culture"),
    "UID": _text("uid"),
    "Start": _time("start"),
    "End": _time("end"),
    "IsAllDayEvent": _flag("all_day"),
    "LegacyFreeBusyStatus": _text("show_as"),
    "Location": _text("location"),
    "IsResponseRequested": _flag("response_requested"),
    "RequiredAttendees": _attendees,
    "OptionalAttendees": _attendees,
    "Resources": _attendees,
    "Recurrence": _recurrence,
    "StartTimeZone": _zone("zone"),
    "EndTimeZone": _zone("end_zone"),
    "ConferenceType": _conference,
    "IsOnlineMeeting": _flag("online"),
    "MeetingWorkspaceUrl": _text("workspace_url"),
    "NetShowUrl": _text("net_show_url"),
    "EnhancedLocation": _enhanced_location,
    "ItemClass": _text("item_class"),
    "ReminderDueBy": _ignored,
    "AllowNewTimeProposal": _ignored,
    "MeetingTimeZone": _ignored,
    "DateTimeStamp": _ignored,
}
