"""What is known of who is away, so that the truth is read only where it seems to differ. Thread-safe; lost at a restart.

A hint (mail tips) only says whose settings to read. Behind good hints the truth is read every 360 rounds, where there are
none every ten; in the first rounds after a start hints are waited for. Starts and ends of scheduled absences are due times, exact without asking; one that was set since the last
reading begins with its hint.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model import Presence

FALLBACK_ROUNDS = 10
TRUTH_ROUNDS = 360
PATIENT_ROUNDS = 3
"""So long after a start everybody's first hint may take; without such patience a restart would read everybody's settings."""
NOT_AWAY = Presence(away=False)


@dataclass(slots=True)
class _Known:
    """What is known of one mailbox: its last definite hint, and when its schedule turns next."""

    mark: str | None = None
    heard_at: datetime | None = None
    turns_at: datetime | None = None
    owed: bool = False


class Hints:
    """What hints and schedules have told, by mailbox id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._begun: datetime | None = None

    def hear(self, mailbox_id: str, mark: str | None, now: datetime, *, seemed_back: bool) -> None:
        """Take a hint ("" not away, None unknown); the truth is owed where it differs from the last one.

        ``seemed_back`` tells what the hub was told last; it counts where no hint is remembered.
        """
        if mark is None:
            return
        with self._lock:
            known = self._known.setdefault(mailbox_id, _Known())
            differs = (bool(mark) or not seemed_back) if known.mark is None else known.mark != mark
            known.mark, known.heard_at = mark, now
            known.owed = known.owed or differs

    def owe(self, mailbox_id: str) -> None:
        """Something else than a hint tells that the truth has to be read."""
        with self._lock:
            self._known.setdefault(mailbox_id, _Known()).owed = True

    def read(self, mailbox_id: str, presence: Presence, now: datetime) -> None:
        """The truth was read."""
        ahead = [one for one in (presence.since, presence.until) if presence.away and one and one > now]
        with self._lock:
            known = self._known.setdefault(mailbox_id, _Known())
            known.owed, known.turns_at = False, min(ahead, default=None)

    def due(self, mailbox_id: str, read_at: datetime | None, interval: timedelta, now: datetime) -> datetime:
        """When the truth has to be read next, a round of hints being ``interval`` long; a past time means now."""
        if read_at is None:
            return now
        with self._lock:
            known = self._known.get(mailbox_id) or _Known()
            self._begun = begun = self._begun or now
        if known.owed:
            return now
        fallback = interval * FALLBACK_ROUNDS
        patience = fallback if known.heard_at else interval * PATIENT_ROUNDS
        fresh = now - (known.heard_at or begun) < patience
        by_clock = read_at + (interval * TRUTH_ROUNDS if fresh else fallback)
        return min(by_clock, known.turns_at) if known.turns_at else by_clock

    def forget(self, mailbox_id: str) -> None:
        """The mailbox is no longer here."""
        with self._lock:
            self._known.pop(mailbox_id, None)


def in_force(presence: Presence, now: datetime) -> Presence:
    """The presence to be told: a schedule that is over is no absence any more, one ahead is told with its times."""
    return NOT_AWAY if presence.until is not None and presence.until <= now else presence
