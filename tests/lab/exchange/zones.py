"""Time zones as Exchange keeps them: a Windows name and a rule, never an entry of the tz database.

The rules are those in force since 2007 (America), 1996 (Europe), 2008 (Australia, New Zealand); MS-OXOCAL 2.2.1.41 describes the shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

CUSTOM_ID = "tzone://Microsoft/Custom"
UTC_ID = "tzone://Microsoft/Utc"


@dataclass(frozen=True, slots=True)
class Change:
    """A yearly change-over: the `week`-th `weekday` (0 = Monday) of `month`, 5 = the last, `at` minutes of wall time."""

    month: int
    week: int
    weekday: int
    at: int

    def in_year(self, year: int) -> datetime:
        """The wall time of the change-over, naive."""
        first = date(year, self.month, 1)
        day = 1 + (self.weekday - first.weekday()) % 7 + 7 * (self.week - 1)
        while day > _days_in_month(year, self.month):
            day -= 7
        return datetime(year, self.month, day) + timedelta(minutes=self.at)  # noqa: DTZ001 - wall time


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone by rule; `offset` and `saving` are minutes, east and forward positive.

    `described` says whether Exchange sends periods and transitions along, or the bare id only.
    """

    id: str
    name: str
    offset: int = 0
    saving: int = 60
    to_daylight: Change | None = None
    to_standard: Change | None = None
    described: bool = True

    def to_utc(self, wall: datetime) -> datetime:
        """The instant of a naive wall time: doubled hours mean the first, skipped ones the offset before (RFC 5545 3.3.5)."""
        standard = wall.replace(tzinfo=UTC) - timedelta(minutes=self.offset)
        daylight = standard - timedelta(minutes=self.saving)
        return daylight if self._in_daylight(daylight) else standard

    def to_wall(self, instant: datetime) -> datetime:
        """The naive wall time of an aware instant."""
        moved = self.offset + (self.saving if self._in_daylight(instant) else 0)
        return instant.astimezone(UTC).replace(tzinfo=None) + timedelta(minutes=moved)

    def _in_daylight(self, instant: datetime) -> bool:
        if self.to_daylight is None or self.to_standard is None:
            return False
        begin, end = _daylight(self, (instant + timedelta(minutes=self.offset)).year)
        if begin < end:
            return begin <= instant < end
        return not end <= instant < begin


@lru_cache(maxsize=4096)
def _daylight(zone: Zone, year: int) -> tuple[datetime, datetime]:
    if zone.to_daylight is None or zone.to_standard is None:
        raise ValueError(f"zone {zone.id} has no daylight time")
    standard = timedelta(minutes=zone.offset)
    begin = zone.to_daylight.in_year(year).replace(tzinfo=UTC) - standard
    end = zone.to_standard.in_year(year).replace(tzinfo=UTC) - standard - timedelta(minutes=zone.saving)
    return begin, end


def _days_in_month(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date(year, month, 1)).days


_SUNDAY = 6
_EUROPE = (Change(3, 5, _SUNDAY, 120), Change(10, 5, _SUNDAY, 180))
_EUROPE_WEST = (Change(3, 5, _SUNDAY, 60), Change(10, 5, _SUNDAY, 120))
_EUROPE_EAST = (Change(3, 5, _SUNDAY, 180), Change(10, 5, _SUNDAY, 240))
_AMERICA = (Change(3, 2, _SUNDAY, 120), Change(11, 1, _SUNDAY, 120))
_AUSTRALIA = (Change(10, 1, _SUNDAY, 120), Change(4, 1, _SUNDAY, 180))
_NEW_ZEALAND = (Change(9, 5, _SUNDAY, 120), Change(4, 1, _SUNDAY, 180))
_NONE = (None, None)

_ROWS: tuple[tuple[str, str, int, tuple[Change | None, Change | None]], ...] = (
    ("Hawaiian Standard Time", "(UTC-10:00) Hawaii", -600, _NONE),
    ("Alaskan Standard Time", "(UTC-09:00) Alaska", -540, _AMERICA),
    ("Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)", -480, _AMERICA),
    ("US Mountain Standard Time", "(UTC-07:00) Arizona", -420, _NONE),
    ("Mountain Standard Time", "(UTC-07:00) Mountain Time (US & Canada)", -420, _AMERICA),
    ("Central Standard Time", "(UTC-06:00) Central Time (US & Canada)", -360, _AMERICA),
    ("Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)", -300, _AMERICA),
    ("Atlantic Standard Time", "(UTC-04:00) Atlantic Time (Canada)", -240, _AMERICA),
    ("Newfoundland Standard Time", "(UTC-03:30) Newfoundland", -210, _AMERICA),
    ("E. South America Standard Time", "(UTC-03:00) Brasilia", -180, _NONE),
    ("Argentina Standard Time", "(UTC-03:00) City of Buenos Aires", -180, _NONE),
    ("UTC", "(UTC) Coordinated Universal Time", 0, _NONE),
    ("GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London", 0, _EUROPE_WEST),
    ("Greenwich Standard Time", "(UTC+00:00) Monrovia, Reykjavik", 0, _NONE),
    ("W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", 60, _EUROPE),
    ("Central Europe Standard Time", "(UTC+01:00) Belgrade, Bratislava, Budapest", 60, _EUROPE),
    ("Romance Standard Time", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", 60, _EUROPE),
    ("Central European Standard Time", "(UTC+01:00) Sarajevo, Skopje, Warsaw, Zagreb", 60, _EUROPE),
    ("FLE Standard Time", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius", 120, _EUROPE_EAST),
    ("GTB Standard Time", "(UTC+02:00) Athens, Bucharest", 120, _EUROPE_EAST),
    ("South Africa Standard Time", "(UTC+02:00) Harare, Pretoria", 120, _NONE),
    ("Russian Standard Time", "(UTC+03:00) Moscow, St. Petersburg", 180, _NONE),
    ("Turkey Standard Time", "(UTC+03:00) Istanbul", 180, _NONE),
    ("Arabian Standard Time", "(UTC+04:00) Abu Dhabi, Muscat", 240, _NONE),
    ("India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", 330, _NONE),
    ("Nepal Standard Time", "(UTC+05:45) Kathmandu", 345, _NONE),
    ("SE Asia Standard Time", "(UTC+07:00) Bangkok, Hanoi, Jakarta", 420, _NONE),
    ("China Standard Time", "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi", 480, _NONE),
    ("Singapore Standard Time", "(UTC+08:00) Kuala Lumpur, Singapore", 480, _NONE),
    ("Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", 540, _NONE),
    ("Cen. Australia Standard Time", "(UTC+09:30) Adelaide", 570, _AUSTRALIA),
    ("AUS Eastern Standard Time", "(UTC+10:00) Canberra, Melbourne, Sydney", 600, _AUSTRALIA),
    ("New Zealand Standard Time", "(UTC+12:00) Auckland, Wellington", 720, _NEW_ZEALAND),
)

ZONES: Mapping[str, Zone] = {
    id_: Zone(id_, name, offset, 60, to_daylight, to_standard)
    for id_, name, offset, (to_daylight, to_standard) in _ROWS
}

UTC_ZONE = ZONES["UTC"]


def zone(spec: str | Mapping[str, Any]) -> Zone:
    """The zone a JSON value names: a Windows name, a `tzone://` id, or an object.

    An object has `id` and either `like` (a Windows name whose rule it has) or `offset`, `saving`, `to_daylight`, `to_standard`
    (changes as [month, week, weekday, minutes]); `name` and `described` are free to choose. Raises ValueError for others.
    """
    if isinstance(spec, str):
        return _named(spec)
    base = _named(spec["like"]) if "like" in spec else Zone(spec["id"], spec["id"])
    given: dict[str, Any] = {key: spec[key] for key in ("offset", "saving", "described") if key in spec}
    changes: dict[str, Any] = {
        key: Change(*spec[key]) for key in ("to_daylight", "to_standard") if key in spec
    }
    return replace(base, id=spec["id"], name=spec.get("name", spec["id"]), **given, **changes)


def _named(name: str) -> Zone:
    if name == UTC_ID:
        return Zone(UTC_ID, "UTC", described=False)
    try:
        return ZONES[name]
    except KeyError:
        raise ValueError(
            f"no zone is called {name!r}; describe it as an object with id and offset or like"
        ) from None
