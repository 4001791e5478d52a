"""Items that could not be read are asked for again: what looked like a damaged item may have been a server in trouble."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model import Mailbox, Quarantined

FIRST = timedelta(minutes=1)
LAST = timedelta(hours=2)
"""A second look comes so soon, further ones ever later, down to this pace: some items stay damaged for ever."""

_Stored = Callable[[str], tuple[Quarantined, ...]]


@dataclass(frozen=True, slots=True)
class _Turn:
    at: datetime
    pause: timedelta


class SecondLooks:
    """When each mailbox's set-aside items are due. In memory, for a restart is as good a moment as any. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn | None] = {}

    def at(self, mailbox: Mailbox, stored: _Stored, now: datetime) -> datetime | None:
        """When to look, None when nothing is set aside; ``stored`` is asked once for each mailbox."""
        with self._lock:
            if mailbox.id not in self._turns:
                self._turns[mailbox.id] = _Turn(now, FIRST) if stored(mailbox.id) else None
            turn = self._turns[mailbox.id]
        return turn.at if turn else None

    def set_aside(self, mailbox: Mailbox, now: datetime) -> None:
        """Something that was not set aside before could not be read."""
        with self._lock:
            self._turns[mailbox.id] = _Turn(now + FIRST, FIRST)

    def looked(self, mailbox: Mailbox, now: datetime, *, left: bool) -> None:
        """A look is over; ``left`` tells whether something still can't be read."""
        with self._lock:
            before = self._turns.get(mailbox.id)
            pause = min((before.pause if before else FIRST) * 2, LAST)
            self._turns[mailbox.id] = _Turn(now + pause, pause) if left else None
