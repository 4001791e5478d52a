"""Quantities with their units, as an administrator writes them: each parser has a ``format`` that undoes it.

Every parser takes text and raises ValueError with the sentence to show; a bare number is never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DURATION_FORM = "a duration such as 30s, 15m, 2h or 7d"
SIZE_FORM = "a size such as 500KB, 10MB or 2GB"
RATE_FORM = "a rate such as 20/s, 5/10m or 20/h"
PERCENT_FORM = "a percentage such as 2%"
PERCENT_RATE_FORM = "a percentage of a period such as 5%/10m"
HOURS_FORM = 'hours of the day such as "18:00-06:00" (UTC) or "18:00-06:00 Europe/Stockholm"'

LONGEST = timedelta(days=36_500)

_SPANS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_SIZES = {
    "GiB": 1024**3,
    "GB": 1000**3,
    "MiB": 1024**2,
    "MB": 1000**2,
    "KiB": 1024,
    "KB": 1000,
    "B": 1,
}
_SIZE_BY_LOWER_CASE = {unit.lower(): bytes_ for unit, bytes_ in _SIZES.items()}

_COUNTED = re.compile(r"([0-9]{1,15}) ?([A-Za-z]{1,3})")
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,3})?"
_RATE = re.compile(rf"({_NUMBER}) ?/ ?([0-9]{{0,9}} ?[a-z]{{1,2}})")
_PERCENT = re.compile(rf"({_NUMBER}) ?%")
_PERCENT_RATE = re.compile(rf"({_NUMBER}) ?% ?/ ?([0-9]{{0,9}} ?[a-z]{{1,2}})")
_HOURS = re.compile(r"([0-9]{2}):([0-9]{2}) ?- ?([0-9]{2}):([0-9]{2})(?: ([A-Za-z0-9_+/-]{1,64}))?")


def parse_duration(text: str) -> timedelta:
    """Read a whole number of w, d, h, m, s or ms."""
    found = _COUNTED.fullmatch(text.strip())
    unit = _SPANS.get(found[2]) if found else None
    if found is None or unit is None:
        raise ValueError(f"write {DURATION_FORM}")
    if int(found[1]) > LONGEST // unit:
        raise ValueError(f"that is too long; write at most {format_duration(LONGEST)}")
    return int(found[1]) * unit


def format_duration(span: timedelta) -> str:
    """Write a span in the largest unit up to days that divides it, to the millisecond."""
    if not span:
        return "0s"
    for letter, unit in _SPANS.items():
        if letter != "w" and not span % unit:
            return f"{span // unit}{letter}"
    return f"{span // _SPANS['ms']}ms"


class Size(int):
    """A number of bytes that prints with its unit."""

    __slots__ = ()

    def __str__(self) -> str:
        return format_size(self)


def parse_size(text: str) -> Size:
    """Read a whole number of B, KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024)."""
    found = _COUNTED.fullmatch(text.strip())
    unit = _SIZE_BY_LOWER_CASE.get(found[2].lower()) if found else None
    if found is None or unit is None:
        raise ValueError(f"write {SIZE_FORM}")
    return Size(int(found[1]) * unit)


def format_size(count: int) -> str:
    """Write a number of bytes in the largest unit that divides it."""
    for unit, bytes_ in _SIZES.items():
        if count and count % bytes_ == 0:
            return f"{count // bytes_}{unit}"
    return f"{count:d}B"


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` things in each ``period``."""

    count: float
    period: timedelta

    @property
    def per_second(self) -> float:
        """The same rate in things a second."""
        return self.count / self.period.total_seconds()

    def __str__(self) -> str:
        return f"{_plain(self.count)}/{_period(self.period)}"


@dataclass(frozen=True, slots=True)
class Percent:
    """A part of a whole, ``percent`` in the hundred."""

    percent: float

    def of(self, whole: int) -> float:
        """Take this part of ``whole``."""
        return whole * self.percent / 100

    def __str__(self) -> str:
        return f"{_plain(self.percent)}%"


@dataclass(frozen=True, slots=True)
class PercentRate:
    """``percent`` of a whole in each ``period``."""

    percent: float
    period: timedelta

    def of(self, whole: int) -> Rate:
        """Take this part of ``whole`` as a rate."""
        return Rate(whole * self.percent / 100, self.period)

    def __str__(self) -> str:
        return f"{_plain(self.percent)}%/{_period(self.period)}"


def parse_rate(text: str) -> Rate:
    """Read a count, a slash and a period; ``20/s`` means ``20/1s``."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"write {RATE_FORM}")
    return Rate(_positive(found[1]), _parse_period(found[2], RATE_FORM))


def parse_percent(text: str) -> Percent:
    """Read a percentage from 0 to 100."""
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"write {PERCENT_FORM}")
    return Percent(_hundred(found[1]))


def parse_percent_rate(text: str) -> PercentRate:
    """Read a percentage, a slash and a period."""
    found = _PERCENT_RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"write {PERCENT_RATE_FORM}")
    return PercentRate(_hundred(found[1]), _parse_period(found[2], PERCENT_RATE_FORM))


@dataclass(frozen=True, slots=True)
class Hours:
    """A stretch of every day from ``start`` to ``end`` (exclusive), over midnight when ``end`` is earlier."""

    start: time
    end: time
    zone: str = "UTC"

    def covers(self, moment: datetime) -> bool:
        """Whether an aware moment falls into the stretch on the clocks of ``zone``."""
        clock = moment.astimezone(_zone(self.zone)).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def weekday(self, moment: datetime) -> int:
        """The day of an aware moment on the calendars of ``zone``; 0 is Monday."""
        return moment.astimezone(_zone(self.zone)).weekday()

    def __str__(self) -> str:
        hours = f"{self.start:%H:%M}-{self.end:%H:%M}"
        return hours if self.zone == "UTC" else f"{hours} {self.zone}"


def parse_hours(text: str) -> Hours:
    """Read ``HH:MM-HH:MM``, optionally followed by an IANA time zone; UTC without one."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"write {HOURS_FORM}")
    start, end = _clock(found[1], found[2]), _clock(found[3], found[4])
    if start == end:
        raise ValueError("start and end are equal; leave the key out to allow every hour")
    zone = found[5] or "UTC"
    _zone(zone)
    return Hours(start, end, zone)


def _clock(hour: str, minute: str) -> time:
    if int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{hour}:{minute} is no time of day; write 00:00 to 23:59")
    return time(int(hour), int(minute))


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name} is no known time zone; write one of the IANA names, such as Europe/Stockholm"
        ) from None


def _parse_period(text: str, form: str) -> timedelta:
    try:
        period = parse_duration(text if text[0].isdigit() else f"1{text.strip()}")
    except ValueError:
        raise ValueError(f"write {form}") from None
    if not period:
        raise ValueError("the period must be longer than zero")
    return period


def _positive(text: str) -> float:
    if not float(text):
        raise ValueError("it must be above zero")
    return float(text)


def _hundred(text: str) -> float:
    if float(text) > 100:
        raise ValueError("a percentage goes from 0% to 100%")
    return float(text)


def _plain(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def _period(span: timedelta) -> str:
    text = format_duration(span)
    return text.removeprefix("1") if text[1:].isalpha() else text
