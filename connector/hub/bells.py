"""Waking those who hold an answer back until something happens. Lives in the event loop alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Bells:
    """One bell per name; whoever listens first and looks then misses nothing."""

    def __init__(self) -> None:
        self.closing = False
        self._listeners: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def listen(self, name: str) -> Iterator[asyncio.Event]:
        """An event that is set each time the bell rings."""
        event = asyncio.Event()
        if self.closing:
            event.set()
        mine = self._listeners.setdefault(name, set())
        mine.add(event)
        try:
            yield event
        finally:
            mine.discard(event)
            if not mine and self._listeners.get(name) is mine:
                del self._listeners[name]

    def listened(self) -> int:
        """How many wait."""
        return sum(map(len, self._listeners.values()))

    def ring(self, names: Iterable[str]) -> None:
        """Something happened to these."""
        for name in names:
            for event in self._listeners.get(name, ()):
                event.set()

    def close(self) -> None:
        """The hub ends: everybody is woken, nobody waits any more."""
        self.closing = True
        self.ring(list(self._listeners))


def of_connector(number: int) -> str:
    """The bell of a connector's downlink."""
    return f"c {number}"


def of_mailbox(mailbox_id: str) -> str:
    """The bell of a mailbox's readers."""
    return f"m {mailbox_id}"
