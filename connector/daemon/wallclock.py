"""Notices that this machine's clock was set: beside it runs a clock that nobody can set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from connector.model import Clock

TOLERATED = timedelta(seconds=60)
"""What slewing and a busy machine may bring about between two looks."""


class WallClock:
    """``ticks`` are seconds of a clock that only goes forward, such as ``time.monotonic``."""

    def __init__(self, clock: Clock, ticks: Callable[[], float]) -> None:
        self._clock = clock
        self._ticks = ticks
        self._seen = self._now()

    def moved(self) -> timedelta:
        """How far it was set since the last look, negative for back; zero for less than TOLERATED."""
        (before, ticked), self._seen = self._seen, self._now()
        now, ticks = self._seen
        moved = now - before - timedelta(seconds=ticks - ticked)
        return moved if abs(moved) > TOLERATED else timedelta()

    def _now(self) -> tuple[datetime, float]:
        return self._clock(), self._ticks()
