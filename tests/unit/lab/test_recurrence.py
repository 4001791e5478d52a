"""Facts about the lab's recurrences."""

from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.exchange.recurrence import INDEXES, Kind, Rule, checked, rule
from tests.lab.exchange.zones import WEEKDAYS

DATES = st.dates(date(2000, 1, 1), date(2060, 12, 31))
RANGES = st.one_of(
    st.just({}),
    st.builds(lambda count: {"count": count}, st.integers(1, 60)),
    st.builds(lambda days: {"days_long": days}, st.integers(0, 1500)),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule that has an occurrence."""
    kind, start, extent = draw(st.sampled_from(Kind)), draw(DATES), draw(RANGES)
    spec = {
        "kind": kind.value,
        "interval": draw(st.integers(1, 5)),
        "first_day": draw(st.sampled_from(WEEKDAYS)),
    }
    if kind is Kind.WEEKLY:
        spec["days"] = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=7, unique=True))
        spec["days"] = [*spec["days"], WEEKDAYS[start.weekday()]]
    if kind in {Kind.RELATIVE_MONTHLY, Kind.RELATIVE_YEARLY}:
        spec["days"] = [draw(st.sampled_from([*WEEKDAYS, "Day", "Weekday", "WeekendDay"]))]
        spec["index"] = draw(st.sampled_from(INDEXES))
    if kind in {Kind.YEARLY, Kind.RELATIVE_YEARLY}:
        spec["interval"] = 1
    if "count" in extent:
        spec["count"] = extent["count"]
    if "days_long" in extent:
        spec["end"] = (start + timedelta(days=800 + extent["days_long"])).isoformat()
    return rule(spec, start)


@pytest.mark.parametrize(
    ("spec", "start", "expected"),
    [
        (
            {"kind": "daily", "interval": 3, "count": 3},
            "2026-02-27",
            ["2026-02-27", "2026-03-02", "2026-03-05"],
        ),
        (
            {"kind": "weekly", "days": ["Monday", "Thursday"], "end": "2026-03-12"},
            "2026-03-03",
            ["2026-03-05", "2026-03-09", "2026-03-12"],
        ),
        (
            {"kind": "monthly", "day": 31, "count": 3},
            "2026-01-31",
            ["2026-01-31", "2026-02-28", "2026-03-31"],
        ),
        (
            {"kind": "relative-monthly", "index": "Last", "days": ["Weekday"], "count": 3},
            "2026-01-01",
            ["2026-01-30", "2026-02-27", "2026-03-31"],
        ),
        (
            {"kind": "relative-monthly", "index": "Second", "days": ["Tuesday"], "interval": 2, "count": 2},
            "2026-01-01",
            ["2026-01-13", "2026-03-10"],
        ),
        ({"kind": "yearly", "day": 29, "month": 2, "count": 2}, "2024-02-29", ["2024-02-29", "2025-02-28"]),
        (
            {"kind": "relative-yearly", "index": "First", "days": ["WeekendDay"], "month": 11, "count": 2},
            "2026-01-01",
            ["2026-11-01", "2027-11-06"],
        ),
        (
            {"kind": "relative-monthly", "index": "Third", "days": ["Day"], "count": 2},
            "2026-01-01",
            ["2026-01-03", "2026-02-03"],
        ),
    ],
)
def test_each_pattern_falls_on_its_dates(spec: dict[str, object], start: str, expected: list[str]) -> None:
    """The six patterns fall where a paper calendar has them; the last day stands for one a month lacks."""
    made = rule(spec, date.fromisoformat(start))
    assert [day.isoformat() for day in made.dates()] == expected


def test_every_second_week_counts_from_the_first_day_of_the_week() -> None:
    """With a week from Sunday, Sunday and Monday of an every-second-week pattern are neighbours; from Monday they are not."""
    spec = {"kind": "weekly", "interval": 2, "days": ["Sunday", "Monday"], "count": 4}
    start = date(2026, 3, 1)
    by_sunday = [day.day for day in rule({**spec, "first_day": "Sunday"}, start).dates()]
    by_monday = [day.day for day in rule({**spec, "first_day": "Monday"}, start).dates()]
    assert by_sunday == [1, 2, 15, 16]
    assert by_monday == [1, 9, 15, 23]


@given(rules(), DATES)
def test_beginning_later_gives_the_same_dates(made: Rule, since: date) -> None:
    """Jumping ahead gives exactly the dates that counting from the beginning gives."""
    until = since + timedelta(days=400)
    counted = [day for day in _until(made, until) if day >= since]
    assert list(made.between(since, until)) == counted


@given(rules())
def test_dates_rise_and_stay_in_range(made: Rule) -> None:
    """Dates rise strictly from the start on and keep to the end or the number."""
    days = list(islice(made.dates(), 50))
    assert days == sorted(set(days))
    assert days[0] >= made.start
    assert made.end is None or days[-1] <= made.end
    assert made.count is None or len(list(made.dates())) <= made.count
    assert all(made.falls_on(day) for day in days[:5])


@given(st.sampled_from(WEEKDAYS), st.sampled_from(INDEXES), DATES)
def test_a_relative_day_is_the_nth_of_its_month(weekday: str, index: str, start: date) -> None:
    """The n-th weekday is the one with n-1 like it before it in its month; the last has none after it."""
    made = rule({"kind": "relative-monthly", "days": [weekday], "index": index}, start)
    day = next(made.dates())
    assert WEEKDAYS[day.weekday()] == weekday
    if index == "Last":
        assert (day + timedelta(days=7)).month != day.month
    else:
        assert (day.day - 1) // 7 == INDEXES.index(index)


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "daily", "interval": 0},
        {"kind": "daily", "count": 1000},
        {"kind": "weekly", "days": ["Mittwoch"]},
        {"kind": "relative-monthly", "days": ["Monday"], "index": "Fifth"},
        {"kind": "daily", "end": "2025-01-01"},
        {"kind": "hourly"},
    ],
)
def test_nonsense_is_refused(spec: dict[str, object]) -> None:
    """A recurrence that Exchange would refuse is no rule."""
    with pytest.raises(ValueError, match=r"\w"):
        rule(spec, date(2026, 1, 1))


def test_a_rule_without_end_ends_with_the_calendar() -> None:
    """An endless series that never comes again stops at the year Exchange's calendar ends."""
    made = checked(Rule(Kind.YEARLY, date(2026, 5, 1), day=1, month=5))
    assert list(made.between(date(4600, 1, 1), date(4601, 1, 1))) == []


def _until(made: Rule, last: date) -> list[date]:
    found = []
    for day in made.dates():
        if day > last:
            break
        found.append(day)
    return found
