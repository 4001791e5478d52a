"""Whether a trouble is one user's or everybody's: Google says both in the same words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from connector.errors import AccessDenied, CredentialRefused, Scope, Throttled, Verdict

USERS = 3
"""So many different users, and nobody in between who got through: it is everybody's."""
SECONDS = 120.0
"""So long a user's trouble is counted."""

SHARED = frozenset({"google-not-authorized", "google-grant-refused", "busy"})
"""Codes that may be anybody's or everybody's."""


class Breadth:
    """Counts who met what. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._met: dict[str, dict[str, float]] = {}

    def judge(self, verdict: Verdict, subject: str) -> Verdict:
        """The verdict as far as it really reaches."""
        if verdict.code not in SHARED:
            return verdict
        now = self._monotonic()
        with self._lock:
            met = self._met.setdefault(verdict.code, {})
            met[subject] = now
            for one in [one for one, at in met.items() if now - at > SECONDS]:
                del met[one]
            everybody = len(met) >= USERS
        return _wide(verdict) if everybody else verdict

    def passed(self) -> None:
        """Somebody got through."""
        if self._met:
            with self._lock:
                self._met.clear()


def _wide(verdict: Verdict) -> Verdict:
    if isinstance(verdict, Throttled):
        return Throttled(verdict.code, verdict.detail, retry_after=verdict.retry_after, scope=Scope.SOURCE)
    if isinstance(verdict, AccessDenied):
        return CredentialRefused(verdict.code, verdict.detail)
    return verdict
