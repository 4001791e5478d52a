"""The span of time whose meetings the hub holds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from connector.model import Window


@dataclass(frozen=True, slots=True)
class Span:
    """How far the list reaches: whole UTC days back and ahead of today."""

    back: timedelta = timedelta(days=7)
    ahead: timedelta = timedelta(days=31)

    def at(self, now: datetime) -> Window:
        """The window that holds all of today: it moves once a day, at midnight UTC."""
        midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
        return Window(midnight - self.back, midnight + timedelta(days=1) + self.ahead)


def next_slice(window: Window, after: datetime | None, width: timedelta) -> Window | None:
    """The next piece of ``window`` to read, no longer than ``width``; None when ``after`` has reached its end."""
    start = max(after, window.start) if after else window.start
    return Window(start, min(start + width, window.end)) if start < window.end else None


def slices(window: Window, width: timedelta) -> Iterator[Window]:
    """All pieces of ``window`` in order."""
    piece = next_slice(window, None, width)
    while piece:
        yield piece
        piece = next_slice(window, piece.end, width)
