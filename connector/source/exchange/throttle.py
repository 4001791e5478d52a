"""Our own limit on requests, so that Exchange's never has to be felt (``limits.requests``)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from connector.errors import Throttled

BURST_SECONDS = 2.0
"""So much of the rate may be used at once after a quiet time."""
PATIENCE_SECONDS = 20.0
"""A request that would have to wait longer gives its worker back instead."""


class Throttle:
    """A token bucket whose takers wait their turn. ``rate`` is in requests a second."""

    def __init__(self, rate: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1.0 / rate
        self._burst = max(BURST_SECONDS, self._interval)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._free_at = monotonic() - self._burst

    def wait(self) -> None:
        """Return when the request may be sent. Raises Throttled ``own-limit`` when that is far off."""
        delay = self._take()
        if delay > 0:
            self._closing.wait(delay)

    def close(self) -> None:
        """Let everybody who waits go on: the process is ending."""
        self._closing.set()

    def _take(self) -> float:
        now = self._monotonic()
        with self._lock:
            turn = max(self._free_at, now - self._burst) + self._interval
            if turn - now > PATIENCE_SECONDS:
                raise Throttled("own-limit", retry_after=timedelta(seconds=turn - now))
            self._free_at = turn
        return turn - now
