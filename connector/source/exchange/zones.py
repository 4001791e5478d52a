"""Time zones as Exchange names and defines them; nothing here asks the host for its zone or its zone files.

Instants come from the server in UTC, so a zone is only needed for the calendar dates of all-day meetings. In order of trust:
the definition that the item itself carries, its Windows or IANA name, and last the rule that a whole day starts at midnight.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from exchangelib.winzone import MS_TIMEZONE_TO_IANA_MAP

from connector.source.exchange.envelope import Element, local

OffsetAt = Callable[[datetime], timedelta]
"""From an instant to local time minus UTC."""

_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:\.\d*)?S)?)?"
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_LAST = 5
_DAY = timedelta(days=1)
_EASTERNMOST = timedelta(hours=13)


class ZoneUnknown(Exception):
    """Neither the definition nor the name says what the zone is."""


def first_day(start: datetime, zone: Element | None, name: str = "") -> date:
    """The calendar date an all-day meeting begins on.

    ``zone`` is a StartTimeZone element, ``name`` a zone name that stands elsewhere. Where the zone can't be made out, or
    does not put the start at a midnight, the one offset from -11 to +13 h is taken that does.
    """
    try:
        here = start + offsets(zone, name)(start)
    except ZoneUnknown:
        return _nearest_midnight(start)
    at_midnight = (here.hour, here.minute) == (0, 0)
    return here.date() if at_midnight else _nearest_midnight(start)


def _nearest_midnight(start: datetime) -> date:
    ahead = _DAY - timedelta(hours=start.hour, minutes=start.minute, seconds=start.second)
    return (start + ahead).date() if ahead <= _EASTERNMOST else start.date()


def offsets(zone: Element | None, name: str = "") -> OffsetAt:
    """How far local time is from UTC, by the item's own definition or else by name.

    Raises:
        ZoneUnknown: there is neither a usable definition nor a known name.
    """
    if zone is not None and zone.find("{*}Periods") is not None:
        try:
            return _Definition(zone).offset
        except (KeyError, ValueError, IndexError):
            pass  # a broken definition may still bear a good name
    stated = (zone.get("Id", ""), zone.get("Name", "")) if zone is not None else ()
    for candidate in (name, *stated):
        if (known := _by_name(candidate)) is not None:
            return known
    raise ZoneUnknown(name, *stated)


def _by_name(name: str) -> OffsetAt | None:
    plain = name.removeprefix("tzone://Microsoft/").strip()
    if plain.lower() in {"utc", "z", "gmt"}:
        return lambda _: timedelta(0)
    zone = _load(MS_TIMEZONE_TO_IANA_MAP.get(plain, plain))
    return None if zone is None else lambda at: at.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(maxsize=512)
def _load(key: str) -> ZoneInfo | None:
    """A zone of the tzdata package; the host's own files may be older, or missing."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", key):
        return None
    try:
        with files("tzdata").joinpath("zoneinfo", *key.split("/")).open("rb") as file:
            return ZoneInfo.from_file(file, key)
    except (OSError, ValueError):
        return None


def duration(text: str) -> timedelta:
    """An xs:duration of days and shorter.

    Raises:
        ValueError: it is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no duration: {text!r}")
    parts = {unit: int(match[unit] or 0) for unit in ("days", "hours", "minutes", "seconds")}
    span = timedelta(**parts)
    return -span if match["sign"] else span


class _Definition:
    """TimeZoneDefinitionType (MS-OXWSCDATA): periods, groups of yearly transitions, and dates at which groups change."""

    def __init__(self, zone: Element) -> None:
        """Read it.

        Raises:
            KeyError, ValueError, IndexError: it is not complete.
        """
        self._bias = {
            p.get("Id", ""): -duration(p.get("Bias", "")) for p in zone.iterfind("{*}Periods/{*}Period")
        }
        self._groups = {
            group.get("Id", ""): [_Transition(each) for each in group]
            for group in zone.iterfind("{*}TransitionsGroups/{*}TransitionsGroup")
        }
        self._changes = _changes(zone)
        for steps in self._groups.values():
            if any(step.to not in self._bias for step in steps) or not steps:
                raise KeyError("a transition to a period that is not there")
        if not self._changes or any(
            to not in self._groups and to not in self._bias for _, to in self._changes
        ):
            raise KeyError("a transition to a group that is not there")

    def offset(self, at: datetime) -> timedelta:
        """Local time minus UTC at an instant."""
        current = self._changes[0][1]
        for since, to in self._changes:
            if since <= at:
                current = to
        if current in self._bias and current not in self._groups:
            return self._bias[current]
        return self._within(self._groups[current], at)

    def _within(self, steps: list[_Transition], at: datetime) -> timedelta:
        yearly = [step for step in steps if step.month]
        if not yearly:
            return self._bias[steps[0].to]
        moments = sorted(
            (step.local(year), step.to) for year in range(at.year - 1, at.year + 2) for step in yearly
        )
        bias = self._bias[moments[0][1]]
        for moment, to in moments[1:]:
            if moment.replace(tzinfo=UTC) - bias > at:
                break
            bias = self._bias[to]
        return bias


def _changes(zone: Element) -> list[tuple[datetime, str]]:
    """From when on which group holds; a plain Transition holds from the beginning."""
    found = []
    for step in zone.iterfind("{*}Transitions/*"):
        since = datetime.min.replace(tzinfo=UTC)
        if (moment := step.findtext("{*}DateTime")) is not None:
            read = datetime.fromisoformat(moment)
            since = read if read.tzinfo else read.replace(tzinfo=UTC)
        found.append((since, step.findtext("{*}To", "")))
    return sorted(found)


class _Transition:
    """One step of a group: yearly on a weekday or a date, or, without a month, the only period there is."""

    def __init__(self, step: Element) -> None:
        self.to = step.findtext("{*}To", "")
        self.month = int(step.findtext("{*}Month", "0"))
        self._at = duration(step.findtext("{*}TimeOffset", "PT0S"))
        self._day = int(step.findtext("{*}Day", "0"))
        self._weekday = step.findtext("{*}DayOfWeek", "")
        self._occurrence = int(step.findtext("{*}Occurrence", "0"))
        if local(step).startswith("Recurring") and not self._day and self._weekday not in _DAYS:
            raise ValueError(f"a transition on {self._weekday!r}")
        if self.month:
            self.local(2024)

    def local(self, year: int) -> datetime:
        """The wall-clock moment of the step in a year, without a zone."""
        first = datetime(year, self.month, self._day or 1)  # noqa: DTZ001 - wall-clock time is what it is
        if self._day:
            return first + self._at
        ahead = (_DAYS.index(self._weekday) - first.weekday()) % 7
        if 0 < self._occurrence < _LAST:
            return first + timedelta(days=ahead + 7 * (self._occurrence - 1)) + self._at
        after = datetime(year + self.month // 12, self.month % 12 + 1, 1)  # noqa: DTZ001 - the same
        back = (after.weekday() - _DAYS.index(self._weekday) - 1) % 7 + 1
        return after - timedelta(days=back) + self._at
