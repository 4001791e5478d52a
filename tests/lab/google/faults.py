"""Errors on order, and quotas: 10,000 requests a minute and project, 600 a user, as Google's defaults of 2026-05."""

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.lab.google.problems import ApiError

MINUTE = timedelta(minutes=1)


@dataclass
class Order:
    """A fault for the next ``times`` requests that match.

    ``kind`` is a reason, ``html``, ``empty``, ``cut`` (half a document), ``short`` (the connection ends within the answer) or
    ``dropped`` (it ends without one).
    """

    kind: str
    times: int = 1
    operation: str = "*"
    subject: str = ""

    def meets(self, operation: str, subject: str) -> bool:
        """Whether a request is concerned."""
        named = self.operation in {"*", operation}
        return self.times > 0 and named and self.subject in {"", subject}


class Faults:
    """Orders, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[Order] = []

    def order(self, **facts: Any) -> None:
        """Have something go wrong."""
        with self._lock:
            self._orders.append(Order(**facts))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._orders.clear()

    def pending(self) -> int:
        """How many faults are still to come."""
        with self._lock:
            return sum(one.times for one in self._orders)

    def take(self, operation: str, subject: str) -> str:
        """The fault for a request, "" for none."""
        with self._lock:
            for one in self._orders:
                if one.meets(operation, subject):
                    one.times -= 1
                    return one.kind
        return ""


class Quotas:
    """Sliding minutes. A patch costs three."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.project = 10_000
        self.user = 600
        self._spent: dict[str, deque[datetime]] = defaultdict(deque)
        self.refused: Counter[str] = Counter()

    def charge(self, subject: str, operation: str) -> None:
        """Count a request. Raises ApiError when that is too many."""
        cost = 3 if operation == "events.patch" else 1
        for who, limit, reason in (
            ("", self.project, "rateLimitExceeded"),
            (subject, self.user, "userRateLimitExceeded"),
        ):
            spent = self._spent[who]
            while spent and spent[0] <= self._now() - MINUTE:
                spent.popleft()
            if len(spent) + cost > limit:
                self.refused[reason] += 1
                raise ApiError(reason)
        for who in ("", subject):
            self._spent[who].extend([self._now()] * cost)
