"""Our own budget below Google's quotas: requests a minute for the project and for each user, in a sliding minute."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from connector.errors import Scope, Throttled

MINUTE = 60.0
COUNTED = 63.0
"""A minute as we count it: requests do not arrive as evenly as they are sent."""
HOUR = 3600.0
PATIENCE_SECONDS = 20.0
"""A request that would have to wait longer gives its worker back instead."""
STEADY = 0.75
"""So much of a minute's requests is handed out evenly; the rest may be used at once after a quiet time. Together they
never exceed a minute's requests in any sliding minute, as Google counts them."""
DEAREST = 3
"""The cost of the dearest request: even the smallest budget lets it through after a quiet time."""
REMEMBERED = 100_000
"""Users whose budget is remembered at most; a forgotten one begins with a full burst."""
HOURS = 24


@dataclass(frozen=True, slots=True)
class Spending:
    """Units used: in the last minute, since the start but no longer than a day, and by the busiest user of late."""

    minute: int
    day: int
    busiest: int


class Budget:
    """Token buckets whose takers wait their turn. Thread-safe."""

    def __init__(self, project: int, user: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._project, self._user = _Rate(project), _Rate(user)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._project_at = self._project.idle(monotonic())
        self._user_at: dict[str, float] = {}
        self._seconds = _Meter(1.0, MINUTE)
        self._hours = _Meter(HOUR, HOURS * HOUR)

    def wait(self, subject: str, cost: int = 1) -> None:
        """Return when a request of ``cost`` units may be sent in the user's name. Raises Throttled ``own-limit``."""
        delay = self._take(subject, cost)
        if delay > 0:
            self._closing.wait(delay)

    def close(self) -> None:
        """Let everybody who waits go on: the process is ending."""
        self._closing.set()

    def spending(self) -> Spending:
        """What was used, for status."""
        now = self._monotonic()
        with self._lock:
            busiest = max((self._user.owed(at, now) for at in self._user_at.values()), default=0)
            return Spending(self._seconds.total(now), self._hours.total(now), busiest)

    def _take(self, subject: str, cost: int) -> float:
        now = self._monotonic()
        with self._lock:
            if len(self._user_at) > REMEMBERED:
                self._user_at.clear()
            project = self._project.after(self._project_at, now, cost)
            user = self._user.after(self._user_at.get(subject, 0.0), now, cost)
            if max(project, user) - now > PATIENCE_SECONDS:
                scope = Scope.SOURCE if project >= user else Scope.MAILBOX
                wait = timedelta(seconds=max(project, user) - now)
                raise Throttled("own-limit", retry_after=wait, scope=scope)
            self._project_at, self._user_at[subject] = project, user
            self._seconds.add(now, cost)
            self._hours.add(now, cost)
        return max(project, user) - now


class _Rate:
    """A bucket's size and how fast it fills, by the time at which everything taken so far will be filled up again."""

    def __init__(self, minute: int) -> None:
        self._unit = COUNTED / (max(minute, 1) * STEADY)
        self._ahead = max(COUNTED * (1 - STEADY) / STEADY, self._unit * DEAREST)

    def idle(self, now: float) -> float:
        """The time of a bucket that is full."""
        return now - self._ahead

    def after(self, at: float, now: float, cost: int) -> float:
        """The time after taking; until then the taker waits, where it is not over."""
        return max(at, self.idle(now)) + cost * self._unit

    def owed(self, at: float, now: float) -> int:
        """Units taken that have not been filled up yet."""
        return round(max(at - self.idle(now), 0.0) / self._unit)


class _Meter:
    """Counts in slots of equal length, as many as cover a span."""

    def __init__(self, slot: float, span: float) -> None:
        self._slot = slot
        self._most = round(span / slot)
        self._counts: deque[list[int]] = deque()

    def add(self, now: float, units: int) -> None:
        """Count."""
        number = int(now / self._slot)
        if not self._counts or self._counts[-1][0] != number:
            self._counts.append([number, 0])
        self._counts[-1][1] += units
        self._forget(number)

    def total(self, now: float) -> int:
        """What was counted within the span."""
        self._forget(int(now / self._slot))
        return sum(count for _, count in self._counts)

    def _forget(self, number: int) -> None:
        while self._counts and self._counts[0][0] <= number - self._most:
            self._counts.popleft()
