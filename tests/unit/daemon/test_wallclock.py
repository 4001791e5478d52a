"""A clock that is set is noticed by one that nobody can set."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.daemon.wallclock import TOLERATED, WallClock
from tests.fakes.clock import ManualClock


class Both:
    """A clock on the wall, and seconds that only go forward."""

    def __init__(self) -> None:
        self.wall = ManualClock()
        self.ticks = 1000.0
        self.watch = WallClock(self.wall, lambda: self.ticks)

    def after(self, seconds: float, *, moved: timedelta = timedelta()) -> timedelta:
        """Let time pass and set the clock; what is noticed."""
        self.ticks += seconds
        self.wall.forward(timedelta(seconds=seconds) + moved)
        return self.watch.moved()


def test_time_that_passes_is_no_news() -> None:
    """Neither a second nor a night without a look."""
    both = Both()
    assert [both.after(seconds) for seconds in (0, 1, 40_000)] == [timedelta()] * 3


@pytest.mark.parametrize("moved", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=-3650)])
def test_a_clock_that_is_set_is_noticed_once(moved: timedelta) -> None:
    """With how far and in which direction."""
    both = Both()
    assert both.after(2, moved=moved) == moved
    assert both.after(2) == timedelta()


def test_slewing_is_no_setting() -> None:
    """What the time service does in small steps is tolerated, however long it goes on."""
    both = Both()
    assert {both.after(2, moved=-TOLERATED) for _ in range(10)} == {timedelta()}
