"""How often Google is asked: within a day's requests, whatever number of people there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.app.paces import DAY, PRESENCE_COST, SHARE, Paces, stretched
from connector.config.sources import GoogleSource
from connector.rules import pace_of
from connector.sync.context import Pace
from connector.sync.hints import FALLBACK_ROUNDS

SECTION = GoogleSource.model_validate({"type": "google", "domains": ["brand.example"]})
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def paces(people: int, luck: float = 0.0) -> Paces:
    return Paces({"brand": SECTION}, lambda _name: people, lambda: NOW, lambda: luck)


def asked(people: int, pace: Pace) -> float:
    """Requests a day for looking, when nothing is found."""
    return people * (DAY / pace.poll + PRESENCE_COST * (DAY / (pace.presence * FALLBACK_ROUNDS)))


def test_few_people_are_polled_as_configured() -> None:
    """A hundred users are far from the day's requests."""
    assert paces(100)["brand"].poll == timedelta(seconds=60)


@given(st.integers(1, 200_000), st.integers(1000, 10_000_000))
def test_a_day_of_looking_stays_within_the_requests(people: int, day: int) -> None:
    """Polls and looks at presence together leave a fifth for what is found, whatever the number of people."""
    pace = stretched(pace_of(SECTION), people, day)
    assert asked(people, pace) <= day * SHARE * 1.001


def test_a_minute_of_five_thousand_is_far_from_the_projects() -> None:
    """Spread over their interval, they ask about 560 times a minute, and each user less than once."""
    pace = stretched(pace_of(SECTION), 5000, SECTION.limits.day)
    assert asked(5000, pace) / (24 * 60) < SECTION.limits.requests.per_second * 60 / 10
    assert timedelta(minutes=1) / pace.poll < SECTION.limits.per_user.per_second * 60 / 1000


@pytest.mark.parametrize(("people", "minutes"), [(5000, 15), (1000, 3)])
def test_five_thousand_are_looked_at_within_a_quarter_of_an_hour(people: int, minutes: int) -> None:
    """The default budget is enough for the sizes that are common."""
    assert timedelta(seconds=60) < paces(people)["brand"].poll < timedelta(minutes=minutes)


def test_looks_are_spread() -> None:
    """Calendars that were read at one moment do not stay in step."""
    assert paces(1, luck=0.9)["brand"].poll > paces(1, luck=0.1)["brand"].poll
