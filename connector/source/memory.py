"""A calendar system in memory that keeps the promises of ``source.base``: for tests, and as the plainest reading of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connector.errors import (
    AccessDenied,
    Conflict,
    CursorExpired,
    MailboxMoved,
    Refused,
    Unreadable,
    Verdict,
)
from connector.model import (
    Applied,
    Attendee,
    Availability,
    BodyKind,
    BusySpan,
    Clock,
    Delta,
    Expansion,
    Identity,
    Location,
    Mailbox,
    MailMode,
    Meeting,
    MeetingUpdate,
    NewMeeting,
    Presence,
    Quarantined,
    Response,
    Series,
    WholeItem,
    Window,
    Write,
)
from connector.source.memory_answers import carry_out
from connector.source.memory_calendar import Item, MemoryCalendar

__all__ = ["Item", "MemoryCalendar", "MemorySource"]


class MemorySource:
    """A source over calendars in memory. ``faults`` are raised by the next calls, oldest first.

    ``absences`` concerns no one mailbox and has books and faults of its own.
    """

    quick_adds = True

    def __init__(
        self, name: str = "memory", *, page: int = 3, clock: Clock = lambda: datetime.now(UTC)
    ) -> None:
        self.name = name
        self.page = page
        self.clock = clock
        self.at_once = 50
        self.asked_absences: list[tuple[str, ...]] = []
        self.absence_faults: list[Verdict] = []
        self.calendars: dict[str, MemoryCalendar] = {}
        self.faults: list[Verdict] = []
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.RLock()

    def calendar(self, address: str) -> MemoryCalendar:
        """The calendar of an address, made when it is not there."""
        return self.calendars.setdefault(address, MemoryCalendar(address))

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Every address with a calendar lives on one server."""
        self._enter("locate", "")
        return {address: self._located(address) for address in addresses}

    def probe(self, mailbox: Mailbox) -> Identity:
        """The owner's stable id."""
        calendar = self._open("probe", mailbox)
        return Identity(mailbox.address, calendar.stable_id, mailbox.location)

    def delta(self, mailbox: Mailbox, cursor: str | None) -> Delta:
        """The feed from the cursor on, ``page`` entries at a time."""
        calendar = self._open("delta", mailbox)
        with self._lock:
            position = _position(cursor, calendar)
            ids = calendar.feed[position : position + self.page]
            following = position + len(ids)
            unique = tuple(dict.fromkeys(ids))
            return Delta(
                dirty=tuple(one for one in unique if one in calendar.items),
                gone=tuple(one for one in unique if one not in calendar.items),
                cursor=f"{calendar.generation}:{following}",
                more=following < len(calendar.feed),
            )

    def expand(self, mailbox: Mailbox, dirty: Sequence[str], window: Window) -> Expansion:
        """The series of each id; occurrence ids lead to their series."""
        calendar = self._open("expand", mailbox)
        with self._lock:
            homes = dict.fromkeys(one.partition("@")[0] for one in dirty)
            found = [calendar.items[home] for home in homes if home in calendar.items]
            gone = tuple(home for home in homes if home not in calendar.items)
            return _expansion(found, gone, window)

    def view(self, mailbox: Mailbox, window: Window) -> Expansion:
        """All series that touch the window."""
        calendar = self._open("view", mailbox)
        with self._lock:
            items = [item for item in calendar.items.values() if item.corrupt or item.within(window)]
            return _expansion(items, (), window)

    def presence(self, mailbox: Mailbox) -> Presence:
        """As set on the calendar."""
        return self._open("presence", mailbox).presence

    def absences(self, mailboxes: Sequence[Mailbox]) -> dict[str, str | None]:
        """Marks of the first ``at_once``; whose tips are ``pending`` is not known."""
        with self._lock:
            self.asked_absences.append(tuple(one.address for one in mailboxes[: self.at_once]))
            if self.absence_faults:
                raise self.absence_faults.pop(0)
        return {one.id: self._mark(one.address) for one in mailboxes[: self.at_once]}

    def _mark(self, address: str) -> str | None:
        calendar = self.calendars.get(address)
        if calendar is None or calendar.pending:
            return None
        now = self.clock()
        shown = calendar.presence
        away = shown.away and (shown.since or now) <= now < (shown.until or datetime.max.replace(tzinfo=UTC))
        return str((shown.since, shown.until, shown.text)) if away else ""

    def availability(
        self, acting: Mailbox, addresses: Sequence[str], window: Window
    ) -> tuple[Availability, ...]:
        """From the calendars that are here."""
        self._enter("availability", acting.address)
        return tuple(self._busy(address, window) for address in addresses)

    def read(self, mailbox: Mailbox, item_id: str) -> WholeItem:
        """The item of this id: a meeting, a series as a whole, or an occurrence."""
        calendar = self._open("read", mailbox)
        with self._lock:
            return _whole(calendar, item_id)

    def members(self, mailbox: Mailbox, lists: Sequence[str], most: int) -> int:
        """There are no lists here."""
        self._enter("members", mailbox.address)
        return min(len(lists), most + 1)

    def apply(self, mailbox: Mailbox, write: Write) -> Applied:
        """Write once per key."""
        calendar = self._open("apply", mailbox)
        with self._lock:
            match write:
                case NewMeeting():
                    return _create(calendar, write)
                case MeetingUpdate(conference=tag) if tag:
                    raise Refused("conference-needs-google")
                case MeetingUpdate():
                    return _update(calendar, write)
                case _:
                    return carry_out(calendar, write, self.clock())

    def close(self) -> None:
        """Nothing is held open."""

    def _located(self, address: str) -> Identity | Verdict:
        if address not in self.calendars:
            return AccessDenied("address-unknown")
        return Identity(address, "", Location("memory://server", "group"))

    def _open(self, operation: str, mailbox: Mailbox) -> MemoryCalendar:
        self._enter(operation, mailbox.address)
        calendar = self.calendars.get(mailbox.address)
        if calendar is None:
            raise MailboxMoved("mailbox-moving")
        return calendar

    def _enter(self, operation: str, address: str) -> None:
        with self._lock:
            self.calls.append((operation, address))
            if self.faults:
                raise self.faults.pop(0)

    def _busy(self, address: str, window: Window) -> Availability:
        calendar = self.calendars.get(address)
        if calendar is None:
            return Availability(address, code="address-unknown")
        return Availability(
            address, tuple(BusySpan(m.start, m.end, m.show_as) for m in calendar.within(window))
        )


def _position(cursor: str | None, calendar: MemoryCalendar) -> int:
    if cursor is None:
        return 0
    generation, _, position = cursor.partition(":")
    if int(generation) != calendar.generation or int(position) > len(calendar.feed):
        raise CursorExpired("cursor-expired")
    return int(position)


def _expansion(items: Sequence[Item], gone: tuple[str, ...], window: Window) -> Expansion:
    return Expansion(
        series=tuple(Series(item.uid, item.within(window)) for item in items if not item.corrupt),
        gone=gone,
        unreadable=tuple(Quarantined(item.id, "item-corrupt") for item in items if item.corrupt),
    )


def _create(calendar: MemoryCalendar, write: NewMeeting) -> Applied:
    for item in calendar.items.values():
        if write.key in item.keys:
            return Applied(item.id, _any_change_key(item), repeated=True)
    item_id = calendar.add(write.subject, write.start, write.end)
    item = calendar.items[item_id]
    item.keys.add(write.key)
    organizer = Attendee(calendar.address)
    item.uid = write.uid
    item.occurrences = {
        start: replace(
            meeting,
            uid=write.uid,
            location=write.location,
            body=write.body_html,
            organizer=organizer,
            attendees=write.attendees,
        )
        for start, meeting in item.occurrences.items()
    }
    return Applied(item_id, _any_change_key(item))


def _update(calendar: MemoryCalendar, write: MeetingUpdate) -> Applied:
    home, _, occurrence = write.item_id.partition("@")
    item = calendar.items.get(home)
    start = datetime.fromisoformat(occurrence) if occurrence else None
    if item is None or (start is not None and start not in item.occurrences):
        raise Refused("item-not-found", home)
    if write.key in item.keys:
        return Applied(write.item_id, _any_change_key(item), repeated=True)
    if write.change_key not in {None, _shown(item, start).change_key}:
        raise Conflict("item-changed", home)
    item.keys.add(write.key)
    fields = {"location": write.location, "body": write.body}
    given = {name: value for name, value in fields.items() if value is not None}
    if write.marker is not None:
        item.marks[write.item_id] = (write.key, write.marker)
    calendar.edit(home, start, **given)
    if write.mail is not MailMode.NONE and _shown(item, start).attendees:
        calendar.sent.append((write.item_id, write.mail))
        calendar.told.append((write.item_id, _shown(item, start).body))
    return Applied(write.item_id, _any_change_key(item))


def _shown(item: Item, start: datetime | None) -> Meeting:
    """The meeting, the series, or the occurrence asked for."""
    if start is not None:
        return item.occurrences[start]
    return item.master or next(iter(item.occurrences.values()))


def _whole(calendar: MemoryCalendar, item_id: str) -> WholeItem:
    home, _, occurrence = item_id.partition("@")
    item = calendar.items.get(home)
    start = datetime.fromisoformat(occurrence) if occurrence else None
    if item is None or not item.occurrences or (start is not None and start not in item.occurrences):
        raise Refused("item-not-found", item_id)
    if item.corrupt:
        raise Unreadable("item-corrupt", item_id)
    meeting = _shown(item, start)
    key, marker = item.marks.get(item_id, item.marks.get(home, ("", "")))
    return WholeItem(
        replace(meeting, item_id=item_id),
        meeting.body,
        BodyKind.TEXT,
        marker=marker,
        key=key,
        own=meeting.organizer is None
        or meeting.response is Response.ORGANIZER
        or meeting.organizer.address == calendar.address,
        invites=bool(meeting.attendees),
        sent=bool(meeting.attendees),
        series=start is None and item.master is not None,
        ends=max(one.end for one in item.occurrences.values()),
    )


def _any_change_key(item: Item) -> str:
    return next(_change_keys(item), "0")


def _change_keys(item: Item) -> Iterator[str]:
    return (meeting.change_key for meeting in item.occurrences.values())
