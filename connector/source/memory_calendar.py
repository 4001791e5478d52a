"""One person's calendar in memory, edited the way people do, with its change feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from connector.model import MailMode, Meeting, Presence, Window


@dataclass(slots=True)
class Item:
    """A single meeting, or a series with its occurrences by original start. ``corrupt`` items can't be read.

    An exception has what it does not state itself from its series (MS-OXOCAL 2.2.10).
    """

    id: str
    uid: str
    occurrences: dict[datetime, Meeting]
    master: Meeting | None = None
    """What the occurrences of a series share, with the times of the first."""
    stated: dict[datetime, frozenset[str]] = field(default_factory=dict)
    """The fields that an exception states itself."""
    corrupt: bool = False
    keys: set[str] = field(default_factory=set)
    marks: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Our properties, key and marker, by the id they were written under."""

    def within(self, window: Window) -> tuple[Meeting, ...]:
        """Occurrences that touch the window, in order."""
        return tuple(
            meeting
            for _, meeting in sorted(self.occurrences.items())
            if window.overlaps(meeting.start, meeting.end)
        )


class MemoryCalendar:
    """One person's calendar, edited the way people do. Every edit is one entry of the change feed."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.stable_id = uuid4().hex
        self.items: dict[str, Item] = {}
        self.feed: list[str] = []
        self.presence = Presence(away=False)
        self.pending = False
        self.generation = 0
        self.copies: frozenset[str] = frozenset()
        """What an occurrence states for good, beside what is changed, when it becomes an exception: ``body``, ``marks``.

        Clients differ in it: Outlook often writes the whole text into an exception.
        """
        self.sent: list[tuple[str, MailMode]] = []
        """Every write that mailed the invitees: which item, and how."""
        self.told: list[tuple[str, str]] = []
        """The text that went out with each."""

    def add(self, subject: str, start: datetime, end: datetime, *more: datetime) -> str:
        """A meeting; further starts make it a series of equal length. Returns the item's id."""
        item = Item(uuid4().hex, uuid4().hex, {})
        for occurrence in (start, *more):
            item.occurrences[occurrence] = Meeting(
                uid=item.uid,
                original_start=occurrence,
                item_id=_occurrence_id(item.id, occurrence) if more else item.id,
                home_id=item.id,
                change_key="1",
                start=occurrence,
                end=occurrence + (end - start),
                subject=subject,
                recurring=bool(more),
            )
        if more:
            item.master = replace(item.occurrences[start], item_id=item.id)
        self.items[item.id] = item
        self.feed.append(item.id)
        return item.id

    def edit(self, item_id: str, original_start: datetime | None = None, **fields: object) -> None:
        """Change fields of a meeting or series, or of one occurrence, which becomes an exception."""
        item = self.items[item_id]
        if original_start is not None:
            self._except(item, original_start, fields)
        else:
            item.master = _changed(item.master, fields) if item.master else None
            for start, old in item.occurrences.items():
                own = item.stated.get(start, frozenset())
                item.occurrences[start] = _changed(
                    old, {name: value for name, value in fields.items() if name not in own}
                )
        self.feed.append(item_id)

    def _except(self, item: Item, original_start: datetime, fields: Mapping[str, object]) -> None:
        old = item.occurrences[original_start]
        if item.master is not None:
            if "marks" in self.copies and item.id in item.marks:
                item.marks.setdefault(old.item_id, item.marks[item.id])
            stated = item.stated.get(original_start, self.copies & {"body"})
            item.stated[original_start] = stated | fields.keys()
        item.occurrences[original_start] = replace(_changed(old, fields), exception=True)

    def move(self, item_id: str, shift: timedelta) -> None:
        """Give a meeting another time; a series loses its exceptions with it, as Exchange does."""
        item = self.items[item_id]
        moved = [_at(item.master or old, start, shift) for start, old in item.occurrences.items()]
        item.master = _at(item.master, item.master.original_start, shift) if item.master else None
        for old in item.occurrences.values():
            if old.item_id != item_id:
                item.marks.pop(old.item_id, None)
        item.stated.clear()
        item.occurrences = {one.original_start: one for one in moved}
        if item.master is not None:
            for start, one in item.occurrences.items():
                item.occurrences[start] = replace(one, item_id=_occurrence_id(item_id, start))
        self.feed.append(item_id)

    def drop_occurrence(self, item_id: str, original_start: datetime) -> None:
        """Delete one occurrence of a series."""
        del self.items[item_id].occurrences[original_start]
        self.feed.append(item_id)

    def delete(self, item_id: str) -> None:
        """Delete a meeting or a whole series."""
        del self.items[item_id]
        self.feed.append(item_id)

    def expire_cursors(self) -> None:
        """Make every bookmark handed out so far worthless."""
        self.generation += 1

    def within(self, window: Window) -> tuple[Meeting, ...]:
        """Every readable occurrence that touches the window: the truth that the hub must come to show."""
        return tuple(m for item in self.items.values() if not item.corrupt for m in item.within(window))


def _occurrence_id(item_id: str, start: datetime) -> str:
    return f"{item_id}@{start.isoformat()}"


def _at(meeting: Meeting, original_start: datetime, shift: timedelta) -> Meeting:
    """The meeting, or an occurrence of a series, at a time so much later than the one that starts then."""
    start = original_start + shift
    end = start + (meeting.end - meeting.start)
    return replace(_changed(meeting, {}), original_start=start, start=start, end=end)


def _changed(meeting: Meeting, fields: Mapping[str, object]) -> Meeting:
    changed: Meeting = replace(meeting, change_key=str(int(meeting.change_key) + 1), **fields)  # type: ignore[arg-type]
    return changed
