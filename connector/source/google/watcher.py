"""A Watcher for Google. Without push everybody is polled, which is a complete mode of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event

from connector.model import Mailbox, Nudge
from connector.source.base import Coverage


class PolledWatcher:
    """Watches nobody; satisfies ``connector.source.base.Watcher``. ``left`` hears of whoever is no longer ours."""

    def __init__(self, left: Callable[[Mailbox], None] = lambda _mailbox: None) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, Mailbox] = {}
        self._left = left

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        """Remember who is to be polled."""
        with self._lock:
            before, self._wanted = self._wanted, {one.id: one for one in mailboxes}
            gone = [one for one in before.values() if one.id not in self._wanted]
        for mailbox in gone:
            self._left(mailbox)

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:  # noqa: ARG002 - the core's timers poll
        """There is nothing to hear."""
        stop.wait()

    def rest(self, until: datetime | None) -> None:
        """Nothing is asked of Google here."""

    def coverage(self) -> Coverage:
        """Everybody is polled."""
        with self._lock:
            return Coverage(0, frozenset(), frozenset(self._wanted), {})

    def unsubscribe_all(self) -> int:
        """There are no channels."""
        return 0
