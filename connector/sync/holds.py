"""What is held back as a whole: a server that is down, an account that is refused, a source an administrator paused.

A fault that every mailbox of a server would meet is met by one of them; the others wait until that one gets through.
Thread-safe.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.errors import CredentialRefused, Scope, Throttled, Verdict
from connector.model import Clock, Mailbox
from connector.sync import state

CREDENTIAL_PATIENCE = timedelta(minutes=30)
PROBE_PATIENCE = timedelta(seconds=90)
"""How long the one that goes first may take before another is let try."""
VAIN = 3
UNEVEN_FOR = timedelta(minutes=10)
"""So many holds within this time were ended by the first who tried: what was met was no fault of the whole server."""
FORGOTTEN = timedelta(minutes=10)
"""A hold that ran out so long ago is of a server where no mailbox lives any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why and until when; ``forced`` ones end by hand (or by their time), not by a success."""

    code: str
    since: datetime
    until: datetime
    attempts: int
    forced: bool = False
    probing: bool = False


class Holds:
    """The holds in force, by key: a source's name, or a source and a server."""

    def __init__(self, clock: Clock, luck: Callable[[], float]) -> None:
        self._clock = clock
        self._luck = luck
        self._holds: dict[str, Hold] = {}
        self._vain: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def meet(self, mailbox: Mailbox, verdict: Verdict) -> Hold | None:
        """Take note of a verdict; the hold it led to, if it reaches beyond the mailbox."""
        if not state.far_reaching(verdict):
            return None
        key = mailbox.source if verdict.scope is Scope.SOURCE else server_key(mailbox)
        now = self._clock()
        with self._lock:
            old = self._holds.get(key)
            if old is not None and old.forced:
                return None
            if old is not None and old.until > now and not old.probing:
                return old
            if old is None and self._uneven(key, verdict, now):
                return None
            attempts = old.attempts + 1 if old else 1
            hold = Hold(
                verdict.code,
                old.since if old else now,
                now + self._patience(verdict, attempts),
                attempts,
            )
            self._holds[key] = hold
            if verdict.scope is Scope.SOURCE:
                self._end_servers(key)
            return hold

    def until(self, mailbox: Mailbox) -> datetime | None:
        """The moment before which the mailbox must not be stepped; None when nothing holds it."""
        now = self._clock()
        with self._lock:
            ends = [
                hold.until
                for key in (mailbox.source, server_key(mailbox))
                if (hold := self._holds.get(key)) is not None and hold.until > now
            ]
        return max(ends, default=None)

    def claim_probe(self, mailbox: Mailbox) -> None:
        """A hold has run out and this mailbox goes first: the others wait until it is back."""
        now = self._clock()
        with self._lock:
            for key in (mailbox.source, server_key(mailbox)):
                old = self._holds.get(key)
                if old is not None and old.until <= now and old.forced:
                    del self._holds[key]
                elif old is not None and old.until <= now:
                    self._holds[key] = replace(old, until=now + PROBE_PATIENCE, probing=True)

    def passed(self, mailbox: Mailbox) -> bool:
        """A step got through: holds of its server and source end. Whether there was one."""
        with self._lock:
            ended = [
                key
                for key in {mailbox.source, server_key(mailbox)}  # one and the same before it was looked up
                if (hold := self._holds.get(key)) is not None and not hold.forced
            ]
            for key in ended:
                hold = self._holds.pop(key)
                if hold.attempts == 1:
                    self._vain.setdefault(key, deque(maxlen=VAIN)).append(self._clock())
        return bool(ended)

    def force(self, source: str, code: str, until: datetime) -> None:
        """Hold a source by an administrator's will."""
        with self._lock:
            self._holds[source] = Hold(code, self._clock(), until, 0, forced=True)

    def lift(self, source: str) -> bool:
        """Let one look at once (resumed by hand, password changed), the rest when it got through; whether there was a hold.

        What an administrator's will held is over with it.
        """
        now = self._clock()
        with self._lock:
            lifted = [key for key in self._holds if key == source or key.startswith(source + " ")]
            for key in lifted:
                hold = self._holds.pop(key)
                if not hold.forced:
                    self._holds[key] = replace(hold, until=now, probing=False)
        return bool(lifted)

    def all(self) -> dict[str, Hold]:
        """Those in force, for status and alarms; a pause whose time is over is none, nor what nobody met any more."""
        now = self._clock()
        with self._lock:
            return {
                key: one
                for key, one in self._holds.items()
                if one.until > (now if one.forced else now - FORGOTTEN)
            }

    def _uneven(self, key: str, verdict: Verdict, now: datetime) -> bool:
        """Whether a server answers some and not others, as when one of its back ends is down: then each waits alone."""
        if isinstance(verdict, (CredentialRefused, Throttled)) or key not in self._vain:
            return False
        vain = self._vain[key]
        return len(vain) == VAIN and now - vain[0] < UNEVEN_FOR

    def _end_servers(self, source: str) -> None:
        """A hold of the source says all there is to say of its servers."""
        for key in [key for key in self._holds if key.startswith(source + " ")]:
            del self._holds[key]

    def _patience(self, verdict: Verdict, attempts: int) -> timedelta:
        if isinstance(verdict, Throttled):
            return max(verdict.retry_after, state.back_off(attempts, self._luck()))
        if isinstance(verdict, CredentialRefused):
            return CREDENTIAL_PATIENCE
        return min(state.back_off(attempts, self._luck()), state.PROBE_EVERY)


def server_key(mailbox: Mailbox) -> str:
    """The key of the server that a mailbox's requests go to."""
    return f"{mailbox.source} {mailbox.location.endpoint if mailbox.location else ''}".strip()
