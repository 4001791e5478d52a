"""Keeps the watchers' sets of mailboxes true to the store and passes their nudges on. A nudge only wakes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from threading import Event

from connector.model import Nudge
from connector.source.base import Coverage, Watcher
from connector.store.base import Store
from connector.sync.state import WATCHED

SETTLE = 0.2
"""Seconds in which several changes of the set become one."""
REFRESH = 60.0
"""Seconds after which the set is compared with the store even when nobody said that it changed."""


class WatchList:
    """Which mailboxes are to be watched, told to the watchers whenever it changes."""

    def __init__(self, store: Store, watchers: Mapping[str, Watcher]) -> None:
        self._store = store
        self._watchers = watchers
        self._changed = Event()
        self._told: dict[str, frozenset[str]] = {}
        self._coverage_lock = threading.Lock()
        self._streamed: frozenset[str] = frozenset()

    def changed(self) -> None:
        """Something happened that may change who is watched; returns at once."""
        self._changed.set()

    def streamed(self, mailbox_id: str) -> bool:
        """Whether a stream covers the mailbox, as of the last look."""
        return mailbox_id in self._streamed

    def coverage(self) -> dict[str, Coverage]:
        """What each watcher covers right now."""
        return {name: watcher.coverage() for name, watcher in self._watchers.items()}

    def run(self, stop: Event) -> None:
        """Keep the sets true until ``stop``."""
        while not stop.is_set():
            self.refresh()
            self._changed.wait(REFRESH if self._settled() else SETTLE)
            stop.wait(SETTLE)
            self._changed.clear()

    def refresh(self) -> None:
        """Compare once and tell the watchers what differs."""
        wanted = [m for m in self._store.mailboxes(*WATCHED) if m.location is not None]
        for name, watcher in self._watchers.items():
            mine = [mailbox for mailbox in wanted if mailbox.source == name]
            described = frozenset(f"{m.id} {m.address} {m.location}" for m in mine)
            if described != self._told.get(name):
                self._told[name] = described
                watcher.watch(mine)
        covered = [watcher.coverage().streamed for watcher in self._watchers.values()]
        self._streamed = frozenset().union(*covered)

    def _settled(self) -> bool:
        """Whether every watched mailbox is streamed or known to be polled; else coverage is asked for again soon."""
        coverage = self.coverage().values()
        covered = sum(len(one.streamed) + len(one.polled) for one in coverage)
        return covered >= sum(len(told) for told in self._told.values())


def pass_on(nudge: Callable[[str, str], None]) -> Callable[[Nudge], None]:
    """The callback a watcher gets: whatever it says becomes a wake of that mailbox."""
    return lambda given: nudge(given.mailbox_id, "stream")
