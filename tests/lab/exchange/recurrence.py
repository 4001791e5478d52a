"""Which dates a recurrence falls on (MS-OXWSMTGS 2.2.4, RecurrencePatternTypes and RecurrenceRangeTypes)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import count
from typing import Any

from tests.lab.exchange.zones import WEEKDAYS

LAST_YEAR = 4500
"""Where Exchange's calendar ends (MS-OXOCAL)."""

INDEXES = ("First", "Second", "Third", "Fourth", "Last")
_CLASSES: Mapping[str, frozenset[int]] = {
    **{name: frozenset({number}) for number, name in enumerate(WEEKDAYS)},
    "Day": frozenset(range(7)),
    "Weekday": frozenset(range(5)),
    "WeekendDay": frozenset({5, 6}),
}


class Kind(StrEnum):
    """The six patterns."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    RELATIVE_MONTHLY = "relative-monthly"
    YEARLY = "yearly"
    RELATIVE_YEARLY = "relative-yearly"


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern with its range, in the dates of the series' own zone; neither `end` nor `count` means no end.

    `days` are EWS day names, several in a weekly pattern; `index` is First to Last; `first_day` begins the week.
    """

    kind: Kind
    start: date
    interval: int = 1
    days: tuple[str, ...] = ()
    day: int = 0
    month: int = 0
    index: str = ""
    first_day: str = "Monday"
    end: date | None = None
    count: int | None = None

    def dates(self, since: date | None = None) -> Iterator[date]:
        """The dates of the pattern in order, from `since` (or the beginning) to the range's end."""
        first = 0 if since is None or self.count is not None else self._period_of(since)
        done = 0
        for period in count(first):
            for day in self._in_period(period):
                if day < self.start:
                    continue
                if self._over(day, done):
                    return
                done += 1
                if since is None or day >= since:
                    yield day
            if self._period_starts_beyond(period + 1):
                return

    def between(self, first: date, last: date) -> Iterator[date]:
        """The dates from `first` to `last`, both included."""
        for day in self.dates(first):
            if day > last:
                return
            yield day

    def falls_on(self, day: date) -> bool:
        """Whether `day` is one of the dates."""
        return next(self.between(day, day), None) is not None

    def moved_to(self, start: date) -> "Rule":
        """The pattern when its first meeting moves to another date: a single day of week or month follows."""
        moved = replace(self, start=start)
        if self.kind is Kind.WEEKLY and len(self.days) == 1:
            return replace(moved, days=(WEEKDAYS[start.weekday()],))
        if self.kind is Kind.MONTHLY:
            return replace(moved, day=start.day)
        if self.kind is Kind.YEARLY:
            return replace(moved, day=start.day, month=start.month)
        return moved

    def _over(self, day: date, done: int) -> bool:
        return (self.end is not None and day > self.end) or (self.count is not None and done >= self.count)

    def _period_starts_beyond(self, period: int) -> bool:
        if self.kind in {Kind.DAILY, Kind.WEEKLY}:
            days = period * self.interval * (1 if self.kind is Kind.DAILY else 7)
            year = (self.start + timedelta(days=days)).year
        else:
            year = self._month(period)[0]
        return year >= LAST_YEAR or (self.end is not None and year > self.end.year + 1)

    def _period_of(self, day: date) -> int:
        """A period no later than the one `day` is in."""
        gap = max(0, (day - self.start).days)
        length = {Kind.DAILY: 1, Kind.WEEKLY: 7}.get(self.kind, 31 if self._monthly else 366)
        return max(0, gap // (length * self.interval) - 1)

    @property
    def _monthly(self) -> bool:
        return self.kind in {Kind.MONTHLY, Kind.RELATIVE_MONTHLY}

    def _month(self, period: int) -> tuple[int, int]:
        if self._monthly:
            years, month = divmod(self.start.month - 1 + period * self.interval, 12)
            return self.start.year + years, month + 1
        return self.start.year + period * self.interval, self.month

    def _in_period(self, period: int) -> Iterator[date]:
        if self.kind is Kind.DAILY:
            yield self.start + timedelta(days=period * self.interval)
        elif self.kind is Kind.WEEKLY:
            yield from self._in_week(period)
        else:
            yield self._in_month(*self._month(period))

    def _in_week(self, period: int) -> Iterator[date]:
        begins = WEEKDAYS.index(self.first_day)
        monday = self.start - timedelta(days=(self.start.weekday() - begins) % 7)
        week = monday + timedelta(weeks=period * self.interval)
        wanted = frozenset[int]().union(*(_CLASSES[name] for name in self.days))
        yield from (day for day in (week + timedelta(days=n) for n in range(7)) if day.weekday() in wanted)

    def _in_month(self, year: int, month: int) -> date:
        days = _days(year, month)
        if not self.index:
            return days[min(self.day, len(days)) - 1]  # day 31 is the last day of a shorter month
        matching = [day for day in days if day.weekday() in _CLASSES[self.days[0]]]
        return matching[-1] if self.index == "Last" else matching[INDEXES.index(self.index)]


def _days(year: int, month: int) -> list[date]:
    first = date(year, month, 1)
    following = date(year + month // 12, month % 12 + 1, 1)
    return [first + timedelta(days=n) for n in range((following - first).days)]


def rule(spec: Mapping[str, Any], start: date) -> Rule:
    """The rule a JSON object describes: `kind`, and as needed interval, days, day, month, index, first_day, end, count.

    What is left out follows from `start`, the local date of the first meeting. Raises ValueError when it makes no sense.
    """
    kind = Kind(spec["kind"])
    relative = kind in {Kind.RELATIVE_MONTHLY, Kind.RELATIVE_YEARLY}
    needs_days = relative or kind is Kind.WEEKLY
    end = spec.get("end")
    made = Rule(
        kind=kind,
        start=date.fromisoformat(spec["start"]) if "start" in spec else start,
        interval=int(spec.get("interval", 1)),
        days=tuple(spec.get("days", (WEEKDAYS[start.weekday()],))) if needs_days else (),
        day=int(spec.get("day", start.day)) if kind in {Kind.MONTHLY, Kind.YEARLY} else 0,
        month=int(spec.get("month", start.month)) if kind in {Kind.YEARLY, Kind.RELATIVE_YEARLY} else 0,
        index=str(spec.get("index", INDEXES[min(4, (start.day - 1) // 7)])) if relative else "",
        first_day=spec.get("first_day", "Monday"),
        end=date.fromisoformat(end) if end else None,
        count=int(spec["count"]) if "count" in spec else None,
    )
    return checked(made)


def checked(made: Rule) -> Rule:
    """The rule itself, if Exchange would take it; raises ValueError otherwise."""
    if made.interval < 1 or (made.count is not None and not 1 <= made.count <= 999):
        raise ValueError("interval is at least 1, count 1 to 999")
    if any(name not in _CLASSES for name in made.days) or made.first_day not in WEEKDAYS:
        raise ValueError(f"days are EWS day names, not {made.days} and {made.first_day}")
    if made.index and made.index not in INDEXES:
        raise ValueError(f"index is one of {INDEXES}")
    if next(made.dates(), None) is None:
        raise ValueError("the recurrence has no occurrence")
    return made
