"""Keeps the watchers' sets of mailboxes true to the store and passes their nudges on. A nudge only wakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Event

from connector.model import Mailbox, Nudge
from connector.source.base import Coverage, Watcher
from connector.store.base import Store
from connector.sync.state import WATCHED

SETTLE = 0.2
"""Seconds in which several changes of the set become one."""
LOOK = 2.0
"""Seconds between two looks at who is streamed."""
REFRESH_ROUNDS = 30
"""After so many looks the sets are compared with the store even when nobody said that they changed."""


class WatchList:
    """Which mailboxes are to be watched, told to the watchers whenever it changes.

    ``unstreamed`` is told of those that a stream no longer covers: until now the slow sweep was enough for them.
    """

    def __init__(
        self,
        store: Store,
        watchers: Mapping[str, Watcher],
        unstreamed: Callable[[frozenset[str]], None] = lambda _mailbox_ids: None,
    ) -> None:
        self._store = store
        self._watchers = watchers
        self._unstreamed = unstreamed
        self._changed = Event()
        self._told: dict[str, list[Mailbox]] = {}
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
        """Keep the sets true until ``stop``; who is streamed is looked up more often, for it changes by itself."""
        rounds = 0
        while not stop.is_set():
            if self._changed.is_set() or rounds % REFRESH_ROUNDS == 0:
                self._changed.clear()
                self.refresh()
            self.look()
            rounds += 1
            self._changed.wait(LOOK)
            stop.wait(SETTLE if self._changed.is_set() else 0)

    def refresh(self) -> None:
        """Compare the sets with the store once, and tell the watchers what differs."""
        wanted = [m for m in self._store.mailboxes(*WATCHED) if m.location is not None]
        for name, watcher in self._watchers.items():
            mine = [mailbox for mailbox in wanted if mailbox.source == name]
            if mine != self._told.get(name):
                self._told[name] = mine
                watcher.watch(mine)

    def look(self) -> None:
        """Note who is streamed just now."""
        covered = [watcher.coverage().streamed for watcher in self._watchers.values()]
        before, self._streamed = self._streamed, frozenset().union(*covered)
        if lost := before - self._streamed:
            self._unstreamed(lost)


def pass_on(nudge: Callable[[str, str], None]) -> Callable[[Nudge], None]:
    """The callback a watcher gets: whatever it says becomes a wake of that mailbox."""
    return lambda given: nudge(given.mailbox_id, "stream")
