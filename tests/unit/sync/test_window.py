"""The window and its slices."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.model import Window
from connector.sync.window import Span, slices

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(MOMENTS)
def test_the_window_holds_seven_days_back_and_thirty_one_ahead_of_today(now: datetime) -> None:
    """Counted from whole days, so that it moves once a day."""
    window = Span().at(now)
    assert window.start <= now - timedelta(days=7) < window.start + timedelta(days=1)
    assert window.end > now + timedelta(days=31)


@given(MOMENTS, st.integers(1, 100))
def test_slices_cover_the_window_without_gap_or_overlap(now: datetime, days: int) -> None:
    """Each begins where the one before ended."""
    window = Span().at(now)
    pieces = list(slices(window, timedelta(days=days)))
    assert pieces[0].start == window.start
    assert pieces[-1].end == window.end
    assert all(left.end == right.start for left, right in itertools.pairwise(pieces))


def test_an_empty_meeting_belongs_to_the_window_that_holds_its_start() -> None:
    """A reminder without length is shown like any other meeting."""
    start = datetime(2026, 11, 21, tzinfo=UTC)
    window = Window(start, start + timedelta(days=1))
    assert window.overlaps(start, start)
    assert not window.overlaps(window.end, window.end)
