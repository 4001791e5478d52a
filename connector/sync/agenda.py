"""When each session is due: a heap with the rules of waking. Pure; the scheduler puts threads around it.

- A nudge makes a session due after the debounce time, counted from the first nudge and not extended by later ones.
- A nudge never shortens a back-off.
- A session that is being stepped is not handed out again; a wake meanwhile makes it due after the step.
- At most ``share`` sessions of one group (a server, an affinity group) are out at once.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Entry:
    """One session's place; ``ticket`` names its only valid heap entry."""

    group: str
    due: datetime
    ticket: int = 0
    held_until: datetime | None = None
    reasons: frozenset[str] = frozenset()
    running: bool = False
    woken: datetime | None = None
    parked: bool = False
    forgotten: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """A session handed out to be stepped, with what woke it."""

    key: str
    reasons: frozenset[str]


class Agenda:
    """All sessions by due time. Not thread-safe by itself."""

    def __init__(self, share: int) -> None:
        self._share = share
        self._entries: dict[str, Entry] = {}
        self._heap: list[tuple[datetime, int, str]] = []
        self._tickets = count(1)
        self._running: Counter[str] = Counter()
        self._parked: dict[str, deque[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    @property
    def running(self) -> int:
        """How many sessions are out."""
        return self._running.total()

    def put(self, key: str, group: str, due: datetime, *, held: bool = False) -> None:
        """Give a session its due time; ``held`` makes it a back-off that no nudge shortens."""
        entry = self._entries.setdefault(key, Entry(group, due))
        entry.forgotten = False
        if entry.running:
            entry.woken = min(due, entry.woken) if entry.woken else due
            return
        entry.group = group
        entry.held_until = due if held else None
        self._set(key, entry, due)

    def forget(self, key: str) -> None:
        """Take a session out; a step under way ends by itself."""
        entry = self._entries.get(key)
        if entry is not None and not entry.running:
            del self._entries[key]
        elif entry is not None:
            entry.forgotten = True

    def wake(self, key: str, reason: str, now: datetime, delay: timedelta = timedelta()) -> None:
        """Make a session due ``delay`` from now, or at its earlier time. Unknown keys are passed over."""
        entry = self._entries.get(key)
        if entry is None:
            return
        first = not entry.reasons
        entry.reasons |= {reason}
        wanted = max(now + delay, entry.held_until or now)
        if entry.running:
            entry.woken = min(wanted, entry.woken) if entry.woken else wanted
        elif first or wanted < entry.due:
            self._set(key, entry, min(entry.due, wanted))

    def release(self, key: str, now: datetime) -> None:
        """End a back-off early, because its cause is known to be gone."""
        entry = self._entries.get(key)
        if entry is not None and entry.held_until is not None:
            entry.held_until = None
            self._set(key, entry, min(entry.due, now))

    def take(self, now: datetime) -> Turn | None:
        """The most overdue session whose group has a place free; None when there is none."""
        while self._heap and self._heap[0][0] <= now:
            _, ticket, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry.ticket != ticket or entry.running:
                continue
            if self._running[entry.group] >= self._share:
                entry.parked = True
                self._parked.setdefault(entry.group, deque()).append(key)
                continue
            return self._hand_out(key, entry)
        return None

    def borrow(self, key: str) -> Entry | None:
        """Keep a session from being handed out until it is given back; None while it is out. An unknown one is free."""
        entry = self._entries.get(key)
        if entry is None:
            return Entry("", _NEVER)
        if entry.running:
            return None
        entry.running = True
        self._running[entry.group] += 1
        return entry

    def give_back(self, key: str, borrowed: Entry) -> None:
        """End a ``borrow``: the session is due as it was, or as it was woken meanwhile."""
        if self._entries.get(key) is borrowed:
            self.done(key, borrowed.due, held=borrowed.held_until is not None)

    def done(self, key: str, due: datetime | None, *, held: bool = False) -> None:
        """A step has ended; ``due`` is the next time, None takes the session out."""
        entry = self._entries[key]
        entry.running = False
        self._leave(entry.group)
        if due is None or entry.forgotten:
            del self._entries[key]
            return
        entry.held_until = due if held else None
        if entry.woken is not None and not held:
            due = min(due, entry.woken)
        entry.woken = None
        self._set(key, entry, due)

    def next_due(self) -> datetime | None:
        """When the next session is due, as far as the heap tells."""
        while self._heap:
            due, ticket, key = self._heap[0]
            entry = self._entries.get(key)
            if entry is not None and entry.ticket == ticket and not entry.running:
                return due
            heapq.heappop(self._heap)
        return None

    def _hand_out(self, key: str, entry: Entry) -> Turn:
        entry.running = True
        entry.parked = False
        entry.woken = None
        self._running[entry.group] += 1
        turn = Turn(key, entry.reasons)
        entry.reasons = frozenset()
        return turn

    def _leave(self, group: str) -> None:
        self._running[group] -= 1
        if not self._running[group]:
            del self._running[group]
        waiting = self._parked.get(group)
        while waiting:
            key = waiting.popleft()
            entry = self._entries.get(key)
            if entry is not None and entry.parked and not entry.running:
                self._set(key, entry, entry.due)
                return
        self._parked.pop(group, None)

    def _set(self, key: str, entry: Entry, due: datetime) -> None:
        entry.due = due
        entry.parked = False
        if not entry.running:
            entry.ticket = next(self._tickets)
            heapq.heappush(self._heap, (due, entry.ticket, key))
