"""How a streaming connection may end, and how long to wait before the next one is opened."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum

from connector.errors import CredentialRefused, Throttled, Verdict
from connector.source.exchange.enrolment import back_off

HASTY = 3
"""So many connections in a row may end early and as planned before the reader slows down."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How streams behave; times in seconds but for ``minutes``, the ConnectionTimeout (1 to 30).

    ``subscribe_share`` is how much of the limit on requests new subscriptions may use: the other half is for those who are
    looked at meanwhile. ``per_mailbox`` is the most connections in that mode.
    ``prompt`` is how soon a planned end has to be reopened to need no nudge, ``steady`` how long a connection has to
    live to count as a good one. ``settle`` is the shortest time between two changes of who sits where, ``tick`` between
    two looks whether there is anything to do, ``return_within`` the time over which sources come back after a rest.
    """

    minutes: int = 30
    subscribe_share: float = 0.5
    per_mailbox: int = 100
    silence: float = 95.0
    prompt: float = 10.0
    steady: float = 30.0
    settle: float = 2.0
    tick: float = 0.25
    first_wait: float = 2.0
    longest_wait: float = 300.0
    taken_wait: float = 300.0
    crowded_wait: float = 600.0
    return_within: float = 10.0
    refused_wait: float = 10.0


class Sort(Enum):
    """How a connection ended; the words of the last two stand in status and log."""

    PLANNED = "planned"  # ConnectionStatus Closed
    CHANGED = "changed"  # we ended it ourselves to change who is on it
    REPLACE = "replace"  # some ids are dead, the others have to be opened without them
    IDLE = "idle"  # there is nobody to listen for
    BROKEN = "broken"  # everything unplanned
    TAKEN = "stream-taken-over"  # somebody else streams the same ids
    CROWDED = "too-many-streams"  # the charged mailbox has all the connections it may have

    @property
    def gap(self) -> bool:
        """Whether events may have been lost, and everybody is polled until the stream is back."""
        return self in {Sort.BROKEN, Sort.TAKEN, Sort.CROWDED}


@dataclass(frozen=True, slots=True)
class End:
    """The end of a connection; ``verdict`` says why when it was not planned."""

    sort: Sort
    verdict: Verdict | None = None

    @property
    def trouble(self) -> str:
        """The word for status, "" when there is no trouble."""
        if not self.sort.gap:
            return ""
        return self.verdict.code if self.verdict and self.sort is Sort.BROKEN else self.sort.value


class Patience:
    """Counts what went wrong in a row and chooses the wait."""

    def __init__(self, tuning: Tuning, dice: random.Random) -> None:
        self._tuning = tuning
        self._dice = dice
        self._failures = 0
        self._hasty = 0

    def after(self, end: End, lasted: float) -> float:
        """Seconds to wait after a connection that lasted so many seconds."""
        if lasted >= self._tuning.steady:
            self._failures = self._hasty = 0
        match end.sort:
            case Sort.IDLE:
                return self._tuning.first_wait
            case Sort.PLANNED:
                self._hasty += 1
                return self._jitter(self._hasty - HASTY) if self._hasty > HASTY else 0.0
            case Sort.CHANGED | Sort.REPLACE:
                return 0.0
            case Sort.CROWDED:
                return self._tuning.crowded_wait * self._dice.uniform(0.5, 1.5)
            case Sort.TAKEN:
                return self._tuning.taken_wait * self._dice.uniform(0.5, 1.5)
        return self._after_failure(end.verdict)

    def _after_failure(self, verdict: Verdict | None) -> float:
        self._failures += 1
        if isinstance(verdict, CredentialRefused):
            return (
                self._tuning.refused_wait
            )  # the logon gate lets no refused password out; a new one is seen soon
        least = verdict.retry_after.total_seconds() if isinstance(verdict, Throttled) else 0.0
        return least + self._jitter(self._failures)

    def _jitter(self, attempts: int) -> float:
        return back_off(attempts, self._tuning.first_wait, self._tuning.longest_wait, self._dice)
