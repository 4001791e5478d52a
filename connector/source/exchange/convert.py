"""From a t:CalendarItem to our Meeting, straight from lxml.

Fields are as MS-OXWSMTGS describes them. Be liberal: dates with fractions of a second, offsets without a colon, fields missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from connector.errors import Unreadable
from connector.model import Attendee, Meeting, Response, Role, Sensitivity, ShowAs
from connector.source.exchange.envelope import Element, T
from connector.source.exchange.text import plain_text
from connector.source.exchange.zones import first_day

_SKIP = len(f"{{{T}}}")

_RESPONSES = {
    "Organizer": Response.ORGANIZER,
    "Accept": Response.ACCEPTED,
    "Tentative": Response.TENTATIVE,
    "Decline": Response.DECLINED,
}
SHOW_AS = {
    "Free": ShowAs.FREE,
    "Tentative": ShowAs.TENTATIVE,
    "Busy": ShowAs.BUSY,
    "OOF": ShowAs.OUT_OF_OFFICE,
    "WorkingElsewhere": ShowAs.WORKING_ELSEWHERE,
    "NoData": ShowAs.NO_DATA,
}
_SENSITIVITY = {
    "Personal": Sensitivity.PERSONAL,
    "Private": Sensitivity.PRIVATE,
    "Confidential": Sensitivity.CONFIDENTIAL,
}
_ROLES = (
    ("RequiredAttendees", Role.REQUIRED),
    ("OptionalAttendees", Role.OPTIONAL),
    ("Resources", Role.RESOURCE),
)

Fields = dict[str, Element]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a CalendarView: ids and times, no content."""

    item_id: str
    change_key: str
    uid: str
    kind: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it was read. For a master, ``meeting`` holds what its occurrences share and the times of the first one."""

    kind: str
    meeting: Meeting
    zone: Element | None = None
    zone_name: str = ""

    @property
    def master(self) -> bool:
        """Whether it is a series rather than one meeting."""
        return self.kind == "RecurringMaster"

    def occurrence(self, row: Row) -> Meeting:
        """The plain occurrence of this master that stands at ``row``: its times, our content."""
        day = first_day(row.start, self.zone, self.zone_name) if self.meeting.all_day else None
        return replace(
            self.meeting,
            item_id=row.item_id,
            change_key=row.change_key,
            start=row.start,
            end=row.end,
            original_start=row.start,
            first_day=day,
        )


def item(element: Element) -> Item:
    """Read an item that came with the content shape.

    Raises:
        Unreadable: something that no meeting is without is missing or makes no sense.
    """
    fields = {child.tag[_SKIP:]: child for child in element}
    item_id, change_key = _id(fields)
    try:
        return _item(fields, item_id, change_key)
    except (ValueError, KeyError, OverflowError) as error:
        raise Unreadable("item-unreadable", item_id, f"{type(error).__name__}: {error}") from error


def row(element: Element) -> Row:
    """Read a line of a CalendarView.

    Raises:
        Unreadable: as for ``item``.
    """
    fields = {child.tag[_SKIP:]: child for child in element}
    item_id, change_key = _id(fields)
    try:
        start, end = moment(_text(fields, "Start")), moment(_text(fields, "End"))
    except ValueError as error:
        raise Unreadable("item-unreadable", item_id, str(error)) from error
    kind = _text(fields, "CalendarItemType") or "Single"
    return Row(item_id, change_key, uid(_text(fields, "UID"), item_id), kind, start, end)


def uid(stated: str, item_id: str) -> str:
    """The iCalendar UID, or one made of the item id where the item has none."""
    return stated.strip() or f"item-{hashlib.sha256(item_id.encode()).hexdigest()[:40]}"


def moment(text: str) -> datetime:
    """An xs:dateTime as an aware UTC datetime; without an offset it is UTC, as we ask for no other zone.

    Raises:
        ValueError: it is no date and time.
    """
    read = datetime.fromisoformat(text.strip())
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _id(fields: Fields) -> tuple[str, str]:
    found = fields.get("ItemId")
    if found is None or not found.get("Id"):
        raise Unreadable("item-unreadable", "", "an item without an id")
    return found.get("Id", ""), found.get("ChangeKey", "")


def _item(fields: Fields, item_id: str, change_key: str) -> Item:
    kind = _text(fields, "CalendarItemType") or "Single"
    zone, zone_name = fields.get("StartTimeZone"), _text(fields, "StartTimeZoneId")
    start, end = moment(_text(fields, "Start")), moment(_text(fields, "End"))
    original = _original_start(fields, kind, start)
    meeting = Meeting(
        uid=uid(_text(fields, "UID"), item_id),
        original_start=original,
        item_id=item_id,
        home_id=item_id,
        change_key=change_key,
        start=start,
        end=end,
        subject=_text(fields, "Subject"),
        location=_text(fields, "Location"),
        body=_body(fields.get("Body")),
        organizer=_organizer(fields.get("Organizer")),
        attendees=_attendees(fields),
        first_day=first_day(start, zone, zone_name) if _text(fields, "IsAllDayEvent") == "true" else None,
        recurring=kind != "Single" or "RecurrenceId" in fields,
        exception=kind == "Exception" or (kind == "Single" and "RecurrenceId" in fields),
        cancelled=_text(fields, "IsCancelled") == "true",
        sensitivity=_SENSITIVITY.get(_text(fields, "Sensitivity"), Sensitivity.NORMAL),
        show_as=SHOW_AS.get(_text(fields, "LegacyFreeBusyStatus"), ShowAs.BUSY),
        response=_RESPONSES.get(_text(fields, "MyResponseType"), Response.NONE),
        online=_online(fields),
    )
    return Item(kind, meeting, zone, zone_name)


def _original_start(fields: Fields, kind: str, start: datetime) -> datetime:
    """Where the rule of the series puts it; an occurrence that was invited by itself says so in RecurrenceId alone."""
    if kind == "Exception":
        return moment(_text(fields, "OriginalStart") or _text(fields, "RecurrenceId") or start.isoformat())
    if kind == "Single" and (stated := _text(fields, "RecurrenceId")):
        return moment(stated)
    return start


def _text(fields: Fields, name: str) -> str:
    found = fields.get(name)
    return "" if found is None else found.text or ""


def _body(body: Element | None) -> str:
    if body is None or not body.text:
        return ""
    return (
        plain_text(body.text) if body.get("BodyType") == "HTML" else body.text.replace("\r\n", "\n").strip()
    )


def _organizer(organizer: Element | None) -> Attendee | None:
    if organizer is None or not len(organizer):
        return None
    address, name = _mailbox(organizer[0])
    return Attendee(address, name, response=Response.ORGANIZER)


def _attendees(fields: Fields) -> tuple[Attendee, ...]:
    found = []
    for name, role in _ROLES:
        if (group := fields.get(name)) is not None:
            found += [_attendee(each, role) for each in group]
    return tuple(found)


def _attendee(element: Element, role: Role) -> Attendee:
    address = name = ""
    response = Response.NONE
    for child in element:
        tag = child.tag[_SKIP:]
        if tag == "Mailbox":
            address, name = _mailbox(child)
        elif tag == "ResponseType":
            response = _RESPONSES.get(child.text or "", Response.NONE)
    return Attendee(address, name, role, response)


def _mailbox(mailbox: Element) -> tuple[str, str]:
    """Address and name; an address that is not SMTP (an X.500 name of the directory) is none."""
    address = name = ""
    for child in mailbox:
        tag = child.tag[_SKIP:]
        if tag == "EmailAddress":
            address = child.text or ""
        elif tag == "Name":
            name = child.text or ""
    return (address.strip().lower() if "@" in address and not address.startswith("/") else ""), name.strip()


def _online(fields: Fields) -> tuple[str, ...]:
    """Join addresses in properties: Teams first, then the one EWS derives, then Skype for Business's own."""
    named = dict(extended_properties(fields.get("ExtendedProperty")))
    found = [
        named.get("SkypeTeamsMeetingUrl", ""),
        _text(fields, "JoinOnlineMeetingUrl"),
        named.get("OnlineMeetingExternalLink", ""),
    ]
    return tuple(dict.fromkeys(url.strip() for url in found if url.strip()))


def extended_properties(last: Element | None) -> list[tuple[str, str]]:
    """Name and value of every named extended property of an item, given any one of them."""
    item_element = last.getparent() if last is not None else None
    if item_element is None:
        return []
    found = []
    for each in item_element.iterfind(f"{{{T}}}ExtendedProperty"):
        path = each.find(f"{{{T}}}ExtendedFieldURI")
        if path is not None and (name := path.get("PropertyName")):
            found.append((name, each.findtext(f"{{{T}}}Value", "")))
    return found
