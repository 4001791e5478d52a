"""Due sessions on a fixed pool of workers; never two on one mailbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model import Clock
from connector.sync.agenda import Agenda, Turn

LONGEST_WAIT = timedelta(seconds=30)
"""A worker looks up at least this often, so that a moved clock is noticed."""


@dataclass(frozen=True, slots=True)
class Next:
    """When a session wants its next turn. ``held``: a back-off that nudges don't shorten; ``due`` None: never."""

    due: datetime | None
    held: bool = False
    reasons: frozenset[str] = frozenset()


class Scheduler:
    """Hands turns to workers. ``work`` does a turn and says when the next is; it may raise: that ends the process."""

    def __init__(self, work: Callable[[Turn], Next], clock: Clock, workers: int) -> None:
        self._work = work
        self._clock = clock
        self.workers = workers
        self._agenda = Agenda(share=max(1, workers // 2))
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._freed = threading.Condition(lock)
        self._stopped = False
        self.turns = 0

    def put(self, key: str, group: str, due: datetime, *, held: bool = False) -> None:
        """Give a session its due time."""
        with self._changed:
            self._agenda.put(key, group, due, held=held)
            self._changed.notify()

    def forget(self, key: str) -> None:
        """Take a session out."""
        with self._changed:
            self._agenda.forget(key)

    def wake(self, key: str, reason: str, delay: timedelta = timedelta()) -> None:
        """Make a session due soon; unknown keys are passed over."""
        with self._changed:
            self._agenda.wake(key, reason, self._clock(), delay)
            self._changed.notify()

    def release(self, key: str) -> None:
        """End a session's back-off early."""
        with self._changed:
            self._agenda.release(key, self._clock())
            self._changed.notify()

    @contextmanager
    def alone(self, key: str, patience: timedelta) -> Iterator[bool]:
        """Be alone with a session: wait for the end of its step, and let no worker begin another.

        Gives False, and nothing is kept, where the step takes longer than ``patience``.
        """
        with self._changed:
            borrowed = self._freed.wait_for(lambda: self._agenda.borrow(key), patience.total_seconds())
        try:
            yield borrowed is not None
        finally:
            if borrowed is not None:
                with self._changed:
                    self._agenda.give_back(key, borrowed)
                    self._freed.notify_all()
                    self._changed.notify()

    def stop(self) -> None:
        """Let every worker end after the turn it is at."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def run_worker(self) -> None:
        """The body of a worker thread: turn after turn until stopped."""
        while (turn := self._wait()) is not None:
            self.finish(turn, self._work(turn))

    def run_due(self) -> bool:
        """Do one due turn in the caller's thread; whether there was one. For tests without threads."""
        with self._changed:
            turn = self._agenda.take(self._clock())
        if turn is None:
            return False
        self.finish(turn, self._work(turn))
        return True

    def next_due(self) -> datetime | None:
        """When the next turn is due."""
        with self._changed:
            return self._agenda.next_due()

    def load(self) -> tuple[int, int]:
        """Sessions known, and sessions being stepped right now."""
        with self._changed:
            return len(self._agenda), self._agenda.running

    def finish(self, turn: Turn, following: Next) -> None:
        """Put a session back after its turn."""
        with self._changed:
            self.turns += 1
            self._agenda.done(turn.key, following.due, held=following.held)
            for reason in following.reasons:
                self._agenda.wake(turn.key, reason, self._clock())
            self._freed.notify_all()
            self._changed.notify()

    def _wait(self) -> Turn | None:
        with self._changed:
            while not self._stopped:
                now = self._clock()
                turn = self._agenda.take(now)
                if turn is not None:
                    return turn
                due = self._agenda.next_due()
                patience = min(due - now, LONGEST_WAIT) if due else LONGEST_WAIT
                self._changed.wait(max(patience.total_seconds(), 0.001))
            return None
