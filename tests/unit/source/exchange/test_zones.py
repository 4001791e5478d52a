"""Zones by definition, by name, and by midnight; never by the host."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.source.exchange.zones import ZoneUnknown, duration, first_day, offsets

T = "http://schemas.microsoft.com/exchange/services/2006/types"

EARLIEST, LATEST = datetime(2008, 1, 1), datetime(2036, 1, 1)  # noqa: DTZ001 - hypothesis wants them naive

CENTRAL_EUROPE = """
<Periods><Period Bias="-PT60M" Name="Standard" Id="std"/><Period Bias="-PT120M" Name="Daylight" Id="dst"/></Periods>
<TransitionsGroups><TransitionsGroup Id="0">
<RecurringDayTransition><To Kind="Period">dst</To><TimeOffset>PT120M</TimeOffset><Month>3</Month><DayOfWeek>Sunday</DayOfWeek>
<Occurrence>-1</Occurrence></RecurringDayTransition>
<RecurringDayTransition><To Kind="Period">std</To><TimeOffset>PT180M</TimeOffset><Month>10</Month><DayOfWeek>Sunday</DayOfWeek>
<Occurrence>-1</Occurrence></RecurringDayTransition>
</TransitionsGroup></TransitionsGroups>
<Transitions><Transition><To Kind="Group">0</To></Transition></Transitions>
"""
FIXED = """
<Periods><Period Bias="-PT3H" Name="Standard" Id="std"/></Periods>
<TransitionsGroups><TransitionsGroup Id="0"><Transition><To Kind="Period">std</To></Transition></TransitionsGroup></TransitionsGroups>
<Transitions><Transition><To Kind="Group">0</To></Transition></Transitions>
"""
CHANGED_IN_2014 = """
<Periods><Period Bias="-PT4H" Name="a" Id="a"/><Period Bias="-PT3H" Name="b" Id="b"/></Periods>
<TransitionsGroups><TransitionsGroup Id="0"><Transition><To Kind="Period">a</To></Transition></TransitionsGroup>
<TransitionsGroup Id="1"><Transition><To Kind="Period">b</To></Transition></TransitionsGroup></TransitionsGroups>
<Transitions><Transition><To Kind="Group">0</To></Transition>
<AbsoluteDateTransition><To Kind="Group">1</To><DateTime>2014-10-26T00:00:00</DateTime></AbsoluteDateTransition></Transitions>
"""
SOUTH = """
<Periods><Period Bias="PT3H" Name="s" Id="s"/><Period Bias="PT2H" Name="d" Id="d"/></Periods>
<TransitionsGroups><TransitionsGroup Id="0">
<RecurringDateTransition><To Kind="Period">s</To><TimeOffset>PT0S</TimeOffset><Month>2</Month><Day>20</Day></RecurringDateTransition>
<RecurringDateTransition><To Kind="Period">d</To><TimeOffset>PT0S</TimeOffset><Month>10</Month><Day>15</Day></RecurringDateTransition>
</TransitionsGroup></TransitionsGroups>
<Transitions><Transition><To Kind="Group">0</To></Transition></Transitions>
"""


def zone(inside: str = "", identifier: str = "tzone://Microsoft/Custom", name: str = "") -> etree._Element:
    """A StartTimeZone element."""
    return etree.fromstring(
        f'<StartTimeZone xmlns="{T}" Id="{identifier}" Name="{name}">{inside}</StartTimeZone>'
    )


def at(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("inside", "moment", "hours"),
    [
        (CENTRAL_EUROPE, "2026-01-15T12:00", 1),
        (CENTRAL_EUROPE, "2026-03-29T00:59", 1),
        (CENTRAL_EUROPE, "2026-03-29T01:00", 2),
        (CENTRAL_EUROPE, "2026-10-25T00:59", 2),
        (CENTRAL_EUROPE, "2026-10-25T01:00", 1),
        (FIXED, "2026-07-01T00:00", 3),
        (CHANGED_IN_2014, "2014-10-25T12:00", 4),
        (CHANGED_IN_2014, "2014-10-26T12:00", 3),
        (SOUTH, "2026-01-10T00:00", -2),
        (SOUTH, "2026-06-10T00:00", -3),
        (SOUTH, "2026-12-10T00:00", -2),
    ],
)
def test_definition_of_the_item_is_followed(inside: str, moment: str, hours: int) -> None:
    """A custom zone works by its own periods and transitions, to the minute of the change (defects 5 and 6)."""
    assert offsets(zone(inside))(at(moment)) == timedelta(hours=hours)


@given(st.datetimes(EARLIEST, LATEST))
def test_definition_and_name_agree(naive: datetime) -> None:
    """The definition of Central Europe and its Windows name give the same time at any instant."""
    moment = naive.replace(tzinfo=UTC)
    by_name = offsets(zone(identifier="W. Europe Standard Time"))(moment)
    assert offsets(zone(CENTRAL_EUROPE))(moment) == by_name


@pytest.mark.parametrize(
    ("identifier", "hours"),
    [
        ("W. Europe Standard Time", 1),
        ("Europe/Stockholm", 1),
        ("tzone://Microsoft/Utc", 0),
        ("UTC", 0),
        ("Russian Standard Time", 3),
        ("Eastern Standard Time", -5),
    ],
)
def test_names_are_known(identifier: str, hours: int) -> None:
    """Windows names, IANA names and Microsoft's own identifiers."""
    assert offsets(zone(identifier=identifier))(at("2026-01-15T12:00")) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "identifier", ["Customized Time Zone", "tzone://Microsoft/Custom", "Västeuropa, normaltid", "../x", ""]
)
def test_unknown_names_are_said_to_be_unknown(identifier: str) -> None:
    """A name that nobody can place is no zone, and no file of the host is looked for by it."""
    with pytest.raises(ZoneUnknown):
        offsets(zone(identifier=identifier))


def test_broken_definition_falls_back_to_the_name() -> None:
    """A transition to a period that is missing spoils the definition, not the item."""
    broken = zone(FIXED.replace('Id="std"', 'Id="other"'), "Russian Standard Time")
    assert offsets(broken)(at("2026-01-15T12:00")) == timedelta(hours=3)


@pytest.mark.parametrize("host", ["America/New_York", "Pacific/Auckland", "UTC"])
@pytest.mark.parametrize("identifier", ["Russian Standard Time", "Customized Time Zone"])
def test_date_does_not_depend_on_the_hosts_zone(
    monkeypatch: pytest.MonkeyPatch, host: str, identifier: str
) -> None:
    """An all-day meeting of Moscow keeps its date on a host in New York, even where its zone is unknown (defect 6)."""
    monkeypatch.setenv("TZ", host)
    assert first_day(at("2026-03-09T21:00"), zone(identifier=identifier)) == date(2026, 3, 10)


@given(
    st.dates(min_value=date(2000, 1, 1), max_value=date(2040, 1, 1)),
    st.integers(min_value=-10 * 4, max_value=13 * 4),
)
def test_midnight_gives_the_date_without_any_zone(day: date, quarters: int) -> None:
    """From -10 to +13 hours the date follows from the start alone."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(minutes=15 * quarters)
    assert first_day(start, None) == day


def test_zone_that_misses_midnight_is_not_believed() -> None:
    """A whole day that does not start at midnight of its stated zone is placed by midnight instead."""
    assert first_day(at("2026-03-09T23:00"), zone(identifier="UTC")) == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("PT480M", 480), ("-PT60M", -60), ("PT0S", 0), ("PT8H", 480), ("P1DT30M", 1470), ("-PT0.0S", 0)],
)
def test_durations_are_read(text: str, minutes: int) -> None:
    """Durations as servers write them, in minutes, hours or seconds."""
    assert duration(text) == timedelta(minutes=minutes)
