"""What the calendar system in memory makes of answers, removals and sentences."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.errors import Refused
from connector.model import Applied, MailMode, Meeting, QuickAdd, Removal, Reply, Response

if TYPE_CHECKING:
    from connector.source.memory_calendar import MemoryCalendar

HOUR = timedelta(hours=1)


def carry_out(calendar: MemoryCalendar, write: Reply | Removal | QuickAdd, now: datetime) -> Applied:
    """Carry out one of the three. Raises Refused."""
    match write:
        case QuickAdd():
            return _quick_add(calendar, write, now)
        case Reply():
            return _reply(calendar, write)
        case Removal():
            return _remove(calendar, write)


def _reply(calendar: MemoryCalendar, write: Reply) -> Applied:
    home, start, meeting = _standing(calendar, write.item_id)
    if _own(calendar, meeting):
        raise Refused("not-invited", write.item_id)
    if meeting.response is write.response:
        return Applied(write.item_id, meeting.change_key, repeated=True)
    calendar.edit(home, start, response=write.response)
    calendar.sent.append((write.item_id, MailMode.ALL))
    return Applied(write.item_id, "")


def _remove(calendar: MemoryCalendar, write: Removal) -> Applied:
    home, start, meeting = _standing(calendar, write.item_id)
    if not _own(calendar, meeting):
        raise Refused("attendee-copy", write.item_id)
    if start is None:
        calendar.delete(home)
    else:
        calendar.drop_occurrence(home, start)
    if write.mail is not MailMode.NONE and meeting.attendees:
        calendar.sent.append((write.item_id, write.mail))
    return Applied(write.item_id, "")


def _quick_add(calendar: MemoryCalendar, write: QuickAdd, now: datetime) -> Applied:
    """The words are the title, the time is the next full hour."""
    made = next((one for one in calendar.items.values() if write.key in one.keys), None)
    if made is not None:
        return Applied(made.id, "1", repeated=True)
    begins = now.replace(minute=0, second=0, microsecond=0) + HOUR
    item_id = calendar.add(write.text, begins, begins + HOUR)
    calendar.items[item_id].keys.add(write.key)
    return Applied(item_id, "1")


def _standing(calendar: MemoryCalendar, item_id: str) -> tuple[str, datetime | None, Meeting]:
    """Item, original start (None for all of it) and what stands there. Raises Refused ``item-not-found``."""
    home, _, occurrence = item_id.partition("@")
    start = datetime.fromisoformat(occurrence) if occurrence else None
    item = calendar.items.get(home)
    found = [one for at, one in item.occurrences.items() if start in {None, at}] if item else []
    if not found:
        raise Refused("item-not-found", item_id)
    return home, start, found[0]


def _own(calendar: MemoryCalendar, meeting: Meeting) -> bool:
    organizer = meeting.organizer
    return (
        organizer is None
        or meeting.response is Response.ORGANIZER
        or organizer.address in {"", calendar.address}
    )
