"""How much one credential may ask for: requests a second, and held answers at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.hub.problems import busy

BURST_SECONDS = 10
REMEMBERED = 50_000
"""Credentials whose spending is remembered."""


class Rates:
    """Token buckets by credential id. Safe to call from several threads."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._held: Counter[str] = Counter()

    def spend(self, name: str, rate: int) -> None:
        """One request. Raises Refusal 429 when the credential has used up what ``rate`` a second allows."""
        now = self._ticks()
        with self._lock:
            left, at = self._buckets.pop(name, (float(rate * BURST_SECONDS), now))
            left = min(float(rate * BURST_SECONDS), left + (now - at) * rate)
            self._buckets[name] = (max(0.0, left - 1), now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        if left < 1:
            raise busy(1)

    @contextmanager
    def holding(self, name: str, most: int) -> Iterator[None]:
        """An answer is held back while the block runs. Raises Refusal 429 when there are too many."""
        with self._lock:
            if self._held[name] >= most:
                raise busy(1)
            self._held[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[name] -= 1
                if not self._held[name]:
                    del self._held[name]
