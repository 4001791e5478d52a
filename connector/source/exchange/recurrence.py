"""A series' pattern as an RFC 5545 RRULE (t:RecurrenceType; times stay with DTSTART, the first occurrence)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.source.exchange.envelope import Element, local

_MONTHS = dict(
    zip(
        [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        range(1, 13),
        strict=True,
    )
)
_PLACES = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": -1}
_SETS = {"Day": "SU,MO,TU,WE,TH,FR,SA", "Weekday": "MO,TU,WE,TH,FR", "WeekendDay": "SU,SA"}


def rule(recurrence: Element | None) -> str:
    """The RRULE of a t:Recurrence, "" where there is none or one that RFC 5545 can't say."""
    parts = (
        [_PATTERNS[local(each)](each) for each in recurrence if local(each) in _PATTERNS]
        if recurrence is not None
        else []
    )
    ends = (
        [_RANGES[local(each)](each) for each in recurrence if local(each) in _RANGES]
        if recurrence is not None
        else []
    )
    return "".join([*parts[:1], *ends[:1]]) if parts else ""


def _text(element: Element, name: str, default: str = "1") -> str:
    return element.findtext(f"{{*}}{name}", default).strip() or default


def _days(names: str) -> str:
    return ",".join(_SETS.get(name, name[:2].upper()) for name in names.split())


def _interval(element: Element) -> str:
    return f";INTERVAL={_text(element, 'Interval')}"


def _weekly(element: Element) -> str:
    first = _text(element, "FirstDayOfWeek", "Sunday")[:2].upper()
    return f"FREQ=WEEKLY{_interval(element)};BYDAY={_days(_text(element, 'DaysOfWeek', ''))};WKST={first}"


def _nth(element: Element) -> str:
    """``BYSETPOS`` says the n-th of a set of days as well as of one."""
    place = _PLACES.get(_text(element, "DayOfWeekIndex", "First"), 1)
    return f";BYDAY={_days(_text(element, 'DaysOfWeek', ''))};BYSETPOS={place}"


def _month(element: Element) -> str:
    return f";BYMONTH={_MONTHS.get(_text(element, 'Month', 'January'), 1)}"


_PATTERNS: Mapping[str, Callable[[Element], str]] = {
    "DailyRecurrence": lambda one: f"FREQ=DAILY{_interval(one)}",
    "WeeklyRecurrence": _weekly,
    "AbsoluteMonthlyRecurrence": lambda one: (
        f"FREQ=MONTHLY{_interval(one)};BYMONTHDAY={_text(one, 'DayOfMonth')}"
    ),
    "RelativeMonthlyRecurrence": lambda one: f"FREQ=MONTHLY{_interval(one)}{_nth(one)}",
    "AbsoluteYearlyRecurrence": lambda one: f"FREQ=YEARLY{_month(one)};BYMONTHDAY={_text(one, 'DayOfMonth')}",
    "RelativeYearlyRecurrence": lambda one: f"FREQ=YEARLY{_month(one)}{_nth(one)}",
}
_RANGES: Mapping[str, Callable[[Element], str]] = {
    "NoEndRecurrence": lambda _one: "",
    "EndDateRecurrence": lambda one: f";UNTIL={_text(one, 'EndDate', '')[:10].replace('-', '')}T235959Z",
    "NumberedRecurrence": lambda one: f";COUNT={_text(one, 'NumberOfOccurrences')}",
}
