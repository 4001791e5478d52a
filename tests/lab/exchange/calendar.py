"""Calendar items of one mailbox: single meetings, series with exceptions and deleted occurrences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.recurrence import Rule
from tests.lab.exchange.zones import UTC_ZONE, Zone

NEVER = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """An address with its display name."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attendee:
    """`role` is Required, Optional or Resource, `response` a ResponseTypeType, `kind` a MailboxTypeType where it is stated."""

    address: str
    name: str = ""
    role: str = "Required"
    response: str = "Unknown"
    replied: datetime | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class PropertyKey:
    """Which extended property: by tag, or by set and name or number; `type` is a MapiPropertyTypeType.

    `set_id` is a GUID or the name of a distinguished set.
    """

    type: str
    tag: str = ""
    set_id: str = ""
    name: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """All that an item shows. Times are aware UTC; `reminder` is in minutes, None for none."""

    uid: str
    start: datetime
    end: datetime
    subject: str = ""
    body: str = ""
    body_kind: str = "HTML"
    location: str = ""
    zone: Zone = UTC_ZONE
    end_zone: Zone | None = None
    all_day: bool = False
    sensitivity: str = "Normal"
    show_as: str = "Busy"
    importance: str = "Normal"
    item_class: str = "IPM.Appointment"
    has_attachments: bool = False
    categories: tuple[str, ...] = ()
    reminder: int | None = 15
    culture: str = "en-US"
    organizer: Person = Person("")
    attendees: tuple[Attendee, ...] = ()
    meeting: bool = False
    mine: bool = True
    my_response: str = "Organizer"
    replied: datetime | None = None
    response_requested: bool = True
    request_sent: bool = False
    cancelled: bool = False
    sequence: int = 0
    online: bool = False
    join_url: str = ""
    conference_type: int | None = None
    workspace_url: str = ""
    net_show_url: str = ""
    properties: Mapping[PropertyKey, str | tuple[str, ...]] = field(default_factory=dict)
    created: datetime = NEVER
    modified: datetime = NEVER
    modified_by: str = ""

    @property
    def duration(self) -> timedelta:
        """How long it lasts by the wall clock of its zones."""
        return self.last_zone.to_wall(self.end) - self.zone.to_wall(self.start)

    @property
    def last_zone(self) -> Zone:
        """The zone its end is stated in."""
        return self.end_zone or self.zone


class Kind(StrEnum):
    """CalendarItemTypeType."""

    SINGLE = "Single"
    OCCURRENCE = "Occurrence"
    EXCEPTION = "Exception"
    MASTER = "RecurringMaster"


@dataclass(slots=True)
class Override:
    """What one occurrence says differently; versions count as those of an item."""

    changes: dict[str, Any]
    created: int
    version: int


@dataclass(slots=True, eq=False)
class Item:
    """One item of the store. `version` is the mailbox's counter at the last write, `created` that of the first.

    `touched` counts without the writes to single occurrences; `writes` is the version at which each field was last written.
    `corrupt` names the response code that reading it gives.
    """

    serial: int
    created: int
    version: int
    touched: int
    content: Content
    rule: Rule | None = None
    overrides: dict[datetime, Override] = field(default_factory=dict)
    deleted: set[datetime] = field(default_factory=set)
    writes: dict[tuple[datetime | None, str], int] = field(default_factory=dict)
    corrupt: str = ""

    @property
    def whole(self) -> "Sight":
        """The single item or master itself."""
        return Sight(self, self.content, Kind.MASTER if self.rule else Kind.SINGLE, None)


@dataclass(frozen=True, slots=True)
class Sight:
    """An item as a client sees it: single, master, or one occurrence with its `original` start."""

    item: Item
    content: Content
    kind: Kind
    original: datetime | None

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether it touches the half-open span; an empty meeting counts by its start."""
        began = self.content.start
        return began < end and (self.content.end > start or began == self.content.end >= start)


def originals(item: Item, start: datetime | None = None, end: datetime | None = None) -> Iterator[datetime]:
    """The starts by rule of a series, deleted and excepted ones included, that may touch [start, end)."""
    if item.rule is None:
        return
    content = item.content
    at = content.zone.to_wall(content.start).time()
    since = (
        None if start is None else content.zone.to_wall(start - content.duration).date() - timedelta(days=1)
    )
    until = None if end is None else content.zone.to_wall(end).date()
    for day in item.rule.dates(since):
        if until is not None and day > until:
            return
        yield content.zone.to_utc(datetime.combine(day, at))


def expand(item: Item, start: datetime, end: datetime) -> Iterator[Sight]:
    """What a calendar shows of an item within [start, end): itself, or the occurrences, in no promised order."""
    if item.rule is None:
        if item.whole.overlaps(start, end):
            yield item.whole
        return
    for original in originals(item, start, end):
        if original not in item.deleted and original not in item.overrides:
            sight = _plain(item, original)
            if sight.overlaps(start, end):
                yield sight
    yield from (sight for sight in exceptions(item) if sight.overlaps(start, end))


def exceptions(item: Item) -> Iterator[Sight]:
    """The changed occurrences of a series."""
    for original in sorted(item.overrides):
        yield occurrence(item, original)


def occurrence(item: Item, original: datetime) -> Sight:
    """One occurrence by its original start. Raises ResponseFault ErrorItemNotFound when there is none."""
    override = item.overrides.get(original)
    if override is not None:
        shown = replace(_plain(item, original).content, **override.changes)
        return Sight(item, shown, Kind.EXCEPTION, original)
    if original in item.deleted or not falls_on(item, original):
        raise ResponseFault("ErrorItemNotFound", "The specified object was not found in the store.")
    return _plain(item, original)


def falls_on(item: Item, original: datetime) -> bool:
    """Whether the series has an occurrence there by its rule, deleted or not."""
    if item.rule is None:
        return False
    content = item.content
    wall = content.zone.to_wall(original)
    day = datetime.combine(wall.date(), content.zone.to_wall(content.start).time())
    return content.zone.to_utc(day) == original and item.rule.falls_on(wall.date())


def by_index(item: Item, index: int) -> datetime:
    """The original start of the `index`-th occurrence, from 1, deleted ones counted.

    Raises ResponseFault ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange or ...OccurrenceIsDeletedFromRecurrence.
    """
    for number, original in enumerate(originals(item), 1):
        if number == index:
            if original in item.deleted:
                raise ResponseFault(
                    "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
                    "Occurrence with this index was deleted.",
                )
            return original
        if number > index:
            break
    raise ResponseFault(
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "Occurrence index is out of recurrence range."
    )


def _plain(item: Item, original: datetime) -> Sight:
    content = item.content
    end = content.last_zone.to_utc(content.zone.to_wall(original) + content.duration)
    return Sight(item, replace(content, start=original, end=end), Kind.OCCURRENCE, original)
