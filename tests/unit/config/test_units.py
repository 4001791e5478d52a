"""Quantities with units."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config import units
from connector.config.units import Hours, Percent, PercentRate, Rate, Size

MS = timedelta(milliseconds=1)
SPANS = st.integers(0, units.LONGEST // MS).map(lambda count: count * MS)
PERIODS = st.integers(1, 999_999_999).map(lambda count: count * MS)
NUMBERS = st.integers(1, 999_999_999).map(lambda count: count / 1000)
PERCENTS = st.integers(0, 100_000).map(lambda count: count / 1000)
TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))


@settings(deadline=None)
@given(SPANS)
def test_a_duration_comes_back(span: timedelta) -> None:
    """What a duration is written as is read as the same duration, to the millisecond."""
    assert units.parse_duration(units.format_duration(span)) == span


@settings(deadline=None)
@given(st.integers(0, 10**12 - 1))
def test_a_size_comes_back(count: int) -> None:
    """What a size is written as is read as the same number of bytes."""
    assert units.parse_size(str(Size(count))) == count


@settings(deadline=None)
@given(NUMBERS, PERIODS)
def test_a_rate_comes_back(count: float, period: timedelta) -> None:
    """A rate is read as it was written."""
    assert units.parse_rate(str(Rate(count, period))) == Rate(count, period)


@settings(deadline=None)
@given(PERCENTS, PERIODS)
def test_shares_come_back(percent: float, period: timedelta) -> None:
    """Percentages, alone and of a period, are read as they were written."""
    assert units.parse_percent(str(Percent(percent))) == Percent(percent)
    assert units.parse_percent_rate(str(PercentRate(percent, period))) == PercentRate(percent, period)


@settings(deadline=None)
@given(TIMES, TIMES, st.sampled_from(["UTC", "Europe/Stockholm", "America/Argentina/Buenos_Aires"]))
def test_hours_come_back(start: time, end: time, zone: str) -> None:
    """A stretch of the day is read as it was written, and refused when it is empty."""
    if start == end:
        with pytest.raises(ValueError, match="equal"):
            units.parse_hours(str(Hours(start, end, zone)))
    else:
        assert units.parse_hours(str(Hours(start, end, zone))) == Hours(start, end, zone)


@pytest.mark.parametrize(
    "parse",
    [
        units.parse_duration,
        units.parse_size,
        units.parse_rate,
        units.parse_percent,
        units.parse_percent_rate,
        units.parse_hours,
    ],
)
@settings(deadline=None)
@given(text=st.one_of(st.text(max_size=30), st.from_regex(r"[0-9.]{1,15}[%/ :a-zA-Z0-9-]{0,12}")))
def test_any_text_is_read_or_refused_in_words(parse: object, text: str) -> None:
    """A parser of a quantity raises nothing but ValueError, and that with a sentence."""
    assert callable(parse)
    said = "it is read as something"
    try:
        parse(text)
    except ValueError as error:
        said = str(error)
    assert len(said) > 10


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("200ms", timedelta(milliseconds=200)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
        (" 30 s ", timedelta(seconds=30)),
    ],
)
def test_durations_mean_what_they_say(text: str, span: timedelta) -> None:
    """Every unit of time has its length."""
    assert units.parse_duration(text) == span


@pytest.mark.parametrize(
    "text", ["", "30", "s", "1.5h", "-1s", "1y", "1 month", "1h30m", "٣s", "99999999999d"]
)
def test_a_duration_without_a_clear_unit_is_refused(text: str) -> None:
    """A bare number, an unknown unit or an absurd length is no duration, and the sentence says what is."""
    with pytest.raises(ValueError, match="write"):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [("0B", 0), ("10MB", 10_000_000), ("10mb", 10_000_000), ("1KiB", 1024), ("2 GB", 2 * 10**9)],
)
def test_sizes_mean_what_they_say(text: str, count: int) -> None:
    """KB counts in thousands, KiB in 1024, and case does not matter."""
    assert units.parse_size(text) == count


@pytest.mark.parametrize("text", ["10", "MB", "10M", "1.5MB", "10 bytes"])
def test_a_size_without_a_clear_unit_is_refused(text: str) -> None:
    """A size needs a whole number and a unit of bytes."""
    with pytest.raises(ValueError, match="10MB"):
        units.parse_size(text)


def test_rates_mean_what_they_say() -> None:
    """A rate counts things in a period, whose number may be left out when it is one."""
    assert units.parse_rate("20/s") == Rate(20, timedelta(seconds=1))
    assert units.parse_rate("5/10m").per_second == 5 / 600
    assert units.parse_percent_rate("5%/10m").of(25_000) == Rate(1250, timedelta(minutes=10))
    assert units.parse_percent("2%").of(400) == 8


@pytest.mark.parametrize("text", ["20", "20/", "/s", "0/s", "20/0s", "20 per s", "20/s/s", "1e3/s", "20/y"])
def test_a_rate_without_a_period_is_refused(text: str) -> None:
    """A rate needs a count above zero, a slash and a period above zero."""
    with pytest.raises(ValueError, match=r"write|above|longer"):
        units.parse_rate(text)


@pytest.mark.parametrize("text", ["2", "101%", "%", "2 percent"])
def test_a_percentage_needs_its_sign(text: str) -> None:
    """A bare number is no percentage, nor is more than the whole."""
    with pytest.raises(ValueError, match="percentage"):
        units.parse_percent(text)


@pytest.mark.parametrize("text", ["18-6", "18:00", "24:00-06:00", "18:60-06:00", "18:00-06:00 Mars/Olympus"])
def test_hours_need_minutes_and_a_known_zone(text: str) -> None:
    """A stretch of the day is written HH:MM-HH:MM, in a zone that exists."""
    with pytest.raises(ValueError, match="write"):
        units.parse_hours(text)


@pytest.mark.parametrize(
    ("text", "hour", "inside"),
    [
        ("18:00-06:00", 23, True),
        ("18:00-06:00", 5, True),
        ("18:00-06:00", 6, False),
        ("18:00-06:00", 12, False),
        ("08:00-17:00", 8, True),
        ("08:00-17:00", 17, False),
        ("18:00-06:00 Europe/Stockholm", 17, True),
        ("18:00-06:00 Europe/Stockholm", 5, False),
    ],
)
def test_hours_cover_moments_on_their_own_clock(text: str, hour: int, inside: bool) -> None:
    """A stretch may pass midnight, ends before its end, and follows the clocks of its zone."""
    assert units.parse_hours(text).covers(datetime(2026, 11, 20, hour, tzinfo=UTC)) is inside
