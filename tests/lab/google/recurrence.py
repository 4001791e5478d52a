"""Where a series takes place: RFC 5545 rules in the zone of the start, by dateutil."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]

from tests.lab.google.problems import ApiError

Document = dict[str, Any]
_UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6})Z")
MOST = 5000


def moment(point: Document, zone: tzinfo = UTC) -> datetime:
    """A start or end as an instant; a day begins at midnight in ``zone``."""
    if "date" in point:
        return datetime.combine(date.fromisoformat(point["date"]), datetime.min.time(), zone).astimezone(UTC)
    try:
        read = datetime.fromisoformat(point["dateTime"])
    except (KeyError, ValueError) as error:
        raise ApiError("invalid", "Invalid start or end time.") from error
    if read.tzinfo is None:
        read = read.replace(tzinfo=ZoneInfo(point["timeZone"]))
    return read.astimezone(UTC)


def starts(master: Document, until: datetime) -> Iterator[Document]:
    """The original start of each occurrence that begins before ``until``, in the form of the master's own."""
    first = master["start"]
    zone = ZoneInfo(first.get("timeZone", "UTC"))
    whole_days = "date" in first
    begin = (
        moment(first).replace(tzinfo=None)
        if whole_days
        else moment(first).astimezone(zone).replace(tzinfo=None)
    )
    rules = "\n".join(_local(line, zone) for line in master["recurrence"] if line.startswith("RRULE"))
    for number, one in enumerate(rrulestr(rules, dtstart=begin)):
        if number >= MOST:
            return
        point = {"date": one.date().isoformat()} if whole_days else _point(one.replace(tzinfo=zone), first)
        if moment(point) >= until:
            return
        yield point


def shifted(point: Document, by: timedelta) -> Document:
    """A start or end later by so much, on the clock of the wall."""
    if "date" in point:
        return {"date": (date.fromisoformat(point["date"]) + by).isoformat()}
    zone = ZoneInfo(point.get("timeZone", "UTC"))
    return _point(moment(point).astimezone(zone) + by, point)


def mark(point: Document) -> str:
    """The second half of an instance's id: its original start as UTC, in the basic form."""
    return point["date"].replace("-", "") if "date" in point else f"{moment(point):%Y%m%dT%H%M%SZ}"


def _point(when: datetime, like: Document) -> Document:
    found: Document = {"dateTime": when.isoformat().replace("+00:00", "Z")}
    return found | ({"timeZone": like["timeZone"]} if "timeZone" in like else {})


def _local(line: str, zone: ZoneInfo) -> str:
    """UNTIL is in UTC, dateutil is asked for wall times."""

    def shift(found: re.Match[str]) -> str:
        end = datetime.strptime(found[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).astimezone(zone)
        return f"UNTIL={end:%Y%m%dT%H%M%S}"

    return _UNTIL.sub(shift, line)
