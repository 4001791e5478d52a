"""Prepared answers of EWS: bytes in which mailbox and version are filled in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scripts.benchmarks.stage import people

OPEN = (
    b'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    b'<s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1118" MinorBuildNumber="40"'
    b' Version="V2017_07_11" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header>'
    b'<s:Body xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    b' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
)
CLOSE = b"</s:Body></s:Envelope>"
SUCCESS = b'ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>'
SINGLES = 48
SERIES = 2
OCCURRENCES = 6
MEETINGS = SINGLES + SERIES * OCCURRENCES
"""48 single meetings and 2 weekly series of 6, the first with an exception: 60 meetings in the window."""
EXCEPTION = SINGLES + SERIES
FIRST_OCCURRENCE = 100
TAIL = "A" * 120
"""Exchange's ids are some 150 characters long."""
_SPAN = timedelta(minutes=30)


def response(operation: bytes, messages: bytes) -> bytes:
    """The answer of an operation whose messages these are."""
    inside = b"<m:ResponseMessages>%b</m:ResponseMessages>" % messages
    return b"%b<m:%bResponse>%b</m:%bResponse>%b" % (OPEN, operation, inside, operation, CLOSE)


def message(operation: bytes, inside: bytes) -> bytes:
    """One message of success."""
    return b"<m:%bResponseMessage %b%b</m:%bResponseMessage>" % (operation, SUCCESS, inside, operation)


def one(operation: bytes, inside: bytes) -> bytes:
    """An answer of one message."""
    return response(operation, message(operation, inside))


def item_id(number: int, key: int) -> bytes:
    """The id of an item of a mailbox."""
    return b"i%05d.%03d.%b" % (number, key, TAIL.encode())


def master_of(occurrence: int) -> int:
    """Which item is the master of an occurrence or exception."""
    return SINGLES if occurrence == EXCEPTION else SINGLES + (occurrence - FIRST_OCCURRENCE) // 10


class Book:
    """Every answer about a calendar; all calendars are alike but for the mailbox's number."""

    def __init__(self, *, body: int = 1500, attendees: int = 4) -> None:
        self._start = people.window()[0]
        self._text = ("We go through the list of open points once more. " * (body // 49 + 1))[:body]
        self._guests = "".join(map(_guest, range(attendees)))
        self.keys = range(SINGLES + SERIES)
        """Items of the feed: singles, then masters."""
        self._content = {key: self._item(key) for key in (*self.keys, EXCEPTION)}
        self._rows = [row for key in self.keys for row in self._view(key)]

    def content(self, number: int, key: int, version: int) -> bytes:
        """A t:CalendarItem."""
        return _filled(self._content[key], number, version)

    def view(self, number: int, start: str, end: str) -> bytes:
        """The answer to a CalendarView; times as EWS writes them, so that they compare as text."""
        rows = b"".join(row for begins, ends, row in self._rows if begins < end and ends > start)
        folder = b'<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Items>%b</t:Items></m:RootFolder>'
        return one(b"FindItem", folder % _filled(rows, number, 0))

    def feed(self, number: int, changed: Sequence[int], state: int) -> bytes:
        """The answer to SyncFolderItems."""
        item = b'<t:Update><t:CalendarItem><t:ItemId Id="%b" ChangeKey="DwAAABYA%d"/></t:CalendarItem></t:Update>'
        entries = b"".join(item % (item_id(number, key), state) for key in changed)
        last = b"<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>"
        inside = b"<m:SyncState>%b.%d</m:SyncState>%b<m:Changes>%b</m:Changes>"
        return one(b"SyncFolderItems", inside % (b"H4sIAAA" * 12, state, last, entries))

    def _item(self, key: int) -> bytes:
        kind, begins = self._place(key)
        original = f"<t:OriginalStart>{_z(begins)}</t:OriginalStart>" if kind == "Exception" else ""
        return (
            f'<t:CalendarItem><t:ItemId Id="{_mark(key)}" ChangeKey="DwAAABYA@V@"/>'
            f"<t:Subject>Review of part {key} of the plan, version @V@</t:Subject>"
            f'<t:Sensitivity>Normal</t:Sensitivity><t:Body BodyType="Text">{self._text}</t:Body>'
            f"<t:UID>{_uid(key)}</t:UID><t:Start>{_z(begins)}</t:Start><t:End>{_z(begins + _SPAN)}</t:End>{original}"
            "<t:IsAllDayEvent>false</t:IsAllDayEvent><t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus>"
            "<t:Location>Room @V@</t:Location><t:IsCancelled>false</t:IsCancelled>"
            f"<t:CalendarItemType>{kind}</t:CalendarItemType><t:MyResponseType>Organizer</t:MyResponseType>"
            f"<t:Organizer><t:Mailbox><t:Name>Person @I@</t:Name><t:EmailAddress>u@I@@{people.DOMAIN}</t:EmailAddress>"
            "<t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox></t:Organizer>"
            f"<t:RequiredAttendees>{self._guests}</t:RequiredAttendees>"
            '<t:StartTimeZone Name="(UTC) Coordinated Universal Time" Id="UTC"/></t:CalendarItem>'
        ).encode()

    def _place(self, key: int) -> tuple[str, datetime]:
        """Kind and start of an item."""
        if key < SINGLES:
            return "Single", self._start + timedelta(minutes=key * 39 * 24 * 60 // SINGLES + 60)
        if key == EXCEPTION:
            return "Exception", self._week(0, 2)
        return "RecurringMaster", self._week(key - SINGLES, 0)

    def _week(self, series: int, occurrence: int) -> datetime:
        return self._start + timedelta(days=6 * occurrence, hours=9 + 3 * series)

    def _view(self, key: int) -> list[tuple[str, str, bytes]]:
        if key < SINGLES:
            return [_row(key, key, "Single", self._place(key)[1])]
        series = key - SINGLES
        found = []
        for each in range(OCCURRENCES):
            excepted = (series, each) == (0, 2)
            place = EXCEPTION if excepted else FIRST_OCCURRENCE + 10 * series + each
            kind = "Exception" if excepted else "Occurrence"
            found.append(_row(key, place, kind, self._week(series, each)))
        return found


def _guest(number: int) -> str:
    return (
        f"<t:Attendee><t:Mailbox><t:Name>Guest Number {number}</t:Name>"
        f"<t:EmailAddress>guest{number}@{people.DOMAIN}</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>"
        "<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox><t:ResponseType>Accept</t:ResponseType></t:Attendee>"
    )


def _row(key: int, place: int, kind: str, begins: datetime) -> tuple[str, str, bytes]:
    start, end = _z(begins), _z(begins + _SPAN)
    text = (
        f'<t:CalendarItem><t:ItemId Id="{_mark(place)}" ChangeKey="DwAAABYA@V@"/><t:UID>{_uid(key)}</t:UID>'
        f"<t:Start>{start}</t:Start><t:End>{end}</t:End><t:CalendarItemType>{kind}</t:CalendarItemType></t:CalendarItem>"
    )
    return start, end, text.encode()


def _mark(key: int) -> str:
    return f"i@I@.{key:03d}.{TAIL}"


def _uid(key: int) -> str:
    return f"040000008200E00074C5B7101A82E008@I@{SINGLES if key == EXCEPTION else key:03d}"


def _filled(template: bytes, number: int, version: int) -> bytes:
    return template.replace(b"@I@", b"%05d" % number).replace(b"@V@", b"%d" % version)


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
