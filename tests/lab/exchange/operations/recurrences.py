"""Reads recurrences and time zone definitions of requests."""

from datetime import date, timedelta

from lxml import etree

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.definitions import MONTHS, PATTERNS
from tests.lab.exchange.elements import NAMES, children, local, read_duration, text_at
from tests.lab.exchange.recurrence import Rule, checked
from tests.lab.exchange.zones import UTC_ID, UTC_ZONE, WEEKDAYS, ZONES, Change, Zone

_KINDS = {name: kind for kind, name in PATTERNS.items()}


def read_recurrence(element: etree._Element) -> Rule:
    """The rule of a t:Recurrence. Raises ResponseFault ErrorUnsupportedRecurrence or ErrorRecurrenceHasNoOccurrence."""
    pattern, extent = children(element)
    month = text_at(pattern, "t:Month")
    try:
        made = Rule(
            kind=_KINDS[local(pattern)],
            start=_date(text_at(extent, "t:StartDate")),
            interval=int(text_at(pattern, "t:Interval", "1")),
            days=tuple(text_at(pattern, "t:DaysOfWeek").split()),
            day=int(text_at(pattern, "t:DayOfMonth", "0")),
            month=MONTHS.index(month) + 1 if month else 0,
            index=text_at(pattern, "t:DayOfWeekIndex"),
            first_day=text_at(pattern, "t:FirstDayOfWeek", "Sunday"),
            end=_date(text_at(extent, "t:EndDate")) if local(extent) == "EndDateRecurrence" else None,
            count=int(text_at(extent, "t:NumberOfOccurrences"))
            if local(extent) == "NumberedRecurrence"
            else None,
        )
    except (KeyError, ValueError):
        raise ResponseFault("ErrorUnsupportedRecurrence", "The recurrence is not supported.") from None
    try:
        return checked(made)
    except ValueError:
        raise ResponseFault("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence.") from None


def _date(text: str) -> date:
    return date.fromisoformat(text[:10])  # an offset may follow; the date is meant as written


def read_definition(element: etree._Element) -> Zone:
    """The zone of a TimeZoneDefinitionType: the described rule, else the known zone of that id.

    Raises ResponseFault ErrorTimeZone when neither helps.
    """
    id_ = element.get("Id", "")
    if id_ in ZONES:
        return ZONES[id_]
    if element.find("t:Periods", NAMES) is None:
        if id_ == UTC_ID:
            return UTC_ZONE
        raise ResponseFault("ErrorTimeZone", f"The time zone {id_} is unknown and not described.")
    return _described(element, id_)


def _described(element: etree._Element, id_: str) -> Zone:
    offsets = {one.get("Id", ""): _east(one) for one in element.iterfind("t:Periods/t:Period", NAMES)}
    group = element.findall("t:TransitionsGroups/t:TransitionsGroup", NAMES)[-1]
    changes = {
        text_at(one, "t:To"): _change(one) for one in group.iterfind("t:RecurringDayTransition", NAMES)
    }
    name = element.get("Name", id_)
    if len(changes) != 2:
        first = text_at(children(group)[0], "t:To")
        return Zone(id_, name, offsets[first])
    standard, daylight = sorted(changes, key=lambda period: offsets[period])
    return Zone(
        id_,
        name,
        offsets[standard],
        offsets[daylight] - offsets[standard],
        to_daylight=changes[daylight],
        to_standard=changes[standard],
    )


def _east(period: etree._Element) -> int:
    return -int(read_duration(period.get("Bias", "PT0S")) / timedelta(minutes=1))


def _change(transition: etree._Element) -> Change:
    occurrence = int(text_at(transition, "t:Occurrence"))
    return Change(
        month=int(text_at(transition, "t:Month")),
        week=5 if occurrence == -1 else occurrence,
        weekday=WEEKDAYS.index(text_at(transition, "t:DayOfWeek")),
        at=int(read_duration(text_at(transition, "t:TimeOffset")) / timedelta(minutes=1)),
    )
