"""Recurrences and time zone definitions as XML."""

from datetime import timedelta

from lxml import etree

from tests.lab.exchange.elements import T, duration, sub, t
from tests.lab.exchange.recurrence import Kind, Rule
from tests.lab.exchange.zones import WEEKDAYS, Change, Zone

MONTHS = (
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
)

PATTERNS = {
    Kind.DAILY: "DailyRecurrence",
    Kind.WEEKLY: "WeeklyRecurrence",
    Kind.MONTHLY: "AbsoluteMonthlyRecurrence",
    Kind.RELATIVE_MONTHLY: "RelativeMonthlyRecurrence",
    Kind.YEARLY: "AbsoluteYearlyRecurrence",
    Kind.RELATIVE_YEARLY: "RelativeYearlyRecurrence",
}


def write_rule(parent: etree._Element, rule: Rule) -> None:
    """Add t:Recurrence (RecurrenceType)."""
    made = t(parent, "Recurrence")
    pattern = t(made, PATTERNS[rule.kind])
    if rule.kind not in {Kind.YEARLY, Kind.RELATIVE_YEARLY}:
        t(pattern, "Interval", str(rule.interval))
    if rule.kind in {Kind.MONTHLY, Kind.YEARLY}:
        t(pattern, "DayOfMonth", str(rule.day))
    if rule.days:
        t(pattern, "DaysOfWeek", " ".join(rule.days))
    if rule.index:
        t(pattern, "DayOfWeekIndex", rule.index)
    if rule.month:
        t(pattern, "Month", MONTHS[rule.month - 1])
    if rule.kind is Kind.WEEKLY:
        t(pattern, "FirstDayOfWeek", rule.first_day)
    _write_range(made, rule)


def _write_range(parent: etree._Element, rule: Rule) -> None:
    if rule.count is not None:
        made = t(parent, "NumberedRecurrence")
    elif rule.end is not None:
        made = t(parent, "EndDateRecurrence")
    else:
        made = t(parent, "NoEndRecurrence")
    t(made, "StartDate", f"{rule.start.isoformat()}Z")
    if rule.count is not None:
        t(made, "NumberOfOccurrences", str(rule.count))
    elif rule.end is not None:
        t(made, "EndDate", f"{rule.end.isoformat()}Z")


def write_zone(parent: etree._Element, name: str, zone: Zone, *, full: bool = True) -> None:
    """Add a TimeZoneDefinitionType called `name`, with periods and transitions when `full`."""
    made = t(parent, name, Name=zone.name, Id=zone.id)
    if full and zone.described:
        _write_periods(made, zone)


def _write_periods(parent: etree._Element, zone: Zone) -> None:
    standard, daylight = "trule:Microsoft/Standard", "trule:Microsoft/Daylight"
    periods = t(parent, "Periods")
    t(periods, "Period", Bias=_bias(zone.offset), Name="Standard", Id=standard)
    if zone.to_daylight and zone.to_standard:
        t(periods, "Period", Bias=_bias(zone.offset + zone.saving), Name="Daylight", Id=daylight)
    group = t(t(parent, "TransitionsGroups"), "TransitionsGroup", Id="0")
    if zone.to_daylight and zone.to_standard:
        _write_change(group, daylight, zone.to_daylight)
        _write_change(group, standard, zone.to_standard)
    else:
        t(t(group, "Transition"), "To", standard, Kind="Period")
    t(t(t(parent, "Transitions"), "Transition"), "To", "0", Kind="Group")


def _write_change(parent: etree._Element, period: str, change: Change) -> None:
    made = sub(parent, T + "RecurringDayTransition")
    t(made, "To", period, Kind="Period")
    t(made, "TimeOffset", duration(timedelta(minutes=change.at)))
    t(made, "Month", str(change.month))
    t(made, "DayOfWeek", WEEKDAYS[change.weekday])
    t(made, "Occurrence", "-1" if change.week == 5 else str(change.week))


def _bias(minutes_east: int) -> str:
    return duration(timedelta(minutes=-minutes_east))
