"""New keys, asked for several at a time and bound one by one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from connector.model import Clock
from connector.seal.kmswire.objects import KeyObject

MOST = 32
BURST = timedelta(seconds=10)
"""Keys asked for again so soon are asked for in twice the number: ten thousand mailboxes at a start, one on any other day."""

MARGIN = timedelta(minutes=1)
"""A key with less time left to be bound is not begun with."""


class Unbound:
    """A small stock. Keys that nobody binds expire at the service by themselves."""

    def __init__(self, create: Callable[[int], tuple[KeyObject, ...]], clock: Clock) -> None:
        self._create = create
        self._clock = clock
        self._lock = Lock()
        self._stock: list[KeyObject] = []
        self._count = 1
        self._asked = clock() - BURST

    def take(self) -> KeyObject:
        """A key that nobody else gets. Raises Transient."""
        kept = self._kept()
        if kept is not None:
            return kept
        with self._lock:
            now = self._clock()
            self._count = min(MOST, self._count * 2) if now - self._asked < BURST else 1
            self._asked, count = now, self._count
        first, *rest = self._create(count)
        with self._lock:
            self._stock += rest[:MOST]
        return first

    def forget(self) -> None:
        """The service no longer knows unbound keys."""
        with self._lock:
            self._stock.clear()

    def _kept(self) -> KeyObject | None:
        with self._lock:
            while self._stock:
                key = self._stock.pop()
                if key.expires is None or key.expires - self._clock() > MARGIN:
                    return key
        return None
