"""How much Exchange is asked at once, learnt from its own words: additive increase, multiplicative decrease.

Two rooms. ``Width`` is how many requests to one endpoint may be under way: it grows by one for each width's worth of good
answers and halves when the endpoint is busy. ``Budgets`` remembers which mailbox's budget (Exchange keeps one for each
mailbox acted for, "EWS throttling in Exchange") asked for patience until when, so that whoever would charge it (a step, a
subscription, a batch of mail tips) waits too, without a request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.errors import Throttled

LEAST = 1.0
REST = 2.0
"""Busy answers within so many seconds of a decrease belong to the same crowd and count once."""
ONE_BUDGET = 60.0
"""One mailbox whose budget is spent by somebody else narrows the way for all at most once in so many seconds."""
REMEMBERED = 10_000
CROWDED = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Width:
    """How many may be under way; ``most`` is the configuration's word. Pure."""

    most: int
    now: float
    narrowed_at: float = float("-inf")

    @classmethod
    def full(cls, most: int) -> Width:
        """As it begins."""
        return cls(most, float(most))

    @property
    def places(self) -> int:
        """The same as a number of requests."""
        return int(self.now)

    @property
    def ease(self) -> float:
        """The same as a share of the most."""
        return self.now / self.most

    def good(self) -> Width:
        """After an answer that was no complaint."""
        if self.now >= self.most:
            return self
        return replace(self, now=min(float(self.most), self.now + 1.0 / self.now))

    def busy(self, at: float) -> Width:
        """After a complaint at this moment (seconds)."""
        if at - self.narrowed_at < REST:
            return self
        return replace(self, now=max(LEAST, self.now / 2), narrowed_at=at)


class Budgets:
    """Until when the budget of an acting mailbox is to be left alone. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def check(self, acting: str) -> None:
        """Raises Throttled while the budget asked for patience."""
        with self._lock:
            left = self._until.get(acting, 0.0) - self._monotonic()
        if left > 0:
            raise Throttled("busy", "its budget asked for patience", retry_after=timedelta(seconds=left))

    def spent(self, acting: str, patience: timedelta) -> None:
        """The budget asked for patience."""
        now = self._monotonic()
        with self._lock:
            if len(self._until) >= REMEMBERED:
                self._until = {one: until for one, until in self._until.items() if until > now}
            until = now + patience.total_seconds()
            self._until[acting] = max(until, self._until.get(acting, 0.0))


class Gateway:
    """The places of one endpoint. Thread-safe."""

    def __init__(self, most: int, patience: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._width = Width.full(most)
        self._patience = patience
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._under_way = 0
        self._complained: dict[str, float] = {}

    @property
    def width(self) -> Width:
        """As it stands."""
        with self._changed:
            return self._width

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place and keep it.

        Raises:
            Throttled: none came free in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._under_way < self._width.places, self._patience):
                raise Throttled("own-limit", "the server is busy, no place came free", retry_after=CROWDED)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify()

    def good(self) -> None:
        """An answer that was no complaint."""
        with self._changed:
            before, self._width = self._width.places, self._width.good()
            if self._width.places > before:
                self._changed.notify()

    def busy(self, acting: str) -> None:
        """The server is busy, by an answer to this mailbox."""
        now = self._monotonic()
        with self._changed:
            if now - self._complained.get(acting, float("-inf")) < ONE_BUDGET:
                return
            if len(self._complained) >= REMEMBERED:
                self._complained.clear()
            self._complained[acting] = now
            self._width = self._width.busy(now)
