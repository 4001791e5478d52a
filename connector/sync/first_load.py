"""How fast full reads may go, beside the work of the day (``limits.first_load``, ``first_load_hours``)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model import Phase, Session, Stage

BURST = timedelta(seconds=20)
"""A handful of mailboxes is read at once; the rate is felt by hundreds."""
LOOK_AGAIN = timedelta(minutes=5)
"""Outside the hours a waiting mailbox is looked at so often."""


@dataclass(frozen=True, slots=True)
class Terms:
    """``rate`` in steps a second; ``open`` tells whether first loads may run at a moment."""

    rate: float
    open: Callable[[datetime], bool] = lambda _moment: True


class FirstLoads:
    """Lets steps of full reads through one after the other. Thread-safe."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._interval = timedelta(seconds=1) / terms.rate
        self._lock = threading.Lock()
        self._free_at: datetime | None = None

    def postpone(self, session: Session, now: datetime) -> datetime | None:
        """When the session's next step may be done; None: now. Other work than full reads is never held."""
        if session.phase is not Phase.LOADING or session.load is None or session.load.stage is Stage.SWEEP:
            return None
        if session.covered is None and not self._terms.open(now):
            return now + LOOK_AGAIN
        with self._lock:
            turn = max(self._free_at or now - BURST, now - BURST) + self._interval
            if turn > now:
                return turn
            self._free_at = turn
        return None
