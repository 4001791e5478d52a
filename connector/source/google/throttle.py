"""Our own budget below Google's quotas: requests a minute for the project and for each user, in a sliding minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

from connector.errors import Scope, Throttled

PATIENCE_SECONDS = 20.0
"""A request that would have to wait longer gives its worker back instead."""
BURST = 0.5
"""So much of a minute's requests may be used at once after a quiet time."""
REMEMBERED = 100_000
"""Users whose budget is remembered at most; a forgotten one begins with a full burst."""


class Budget:
    """Token buckets whose takers wait their turn. Thread-safe."""

    def __init__(self, project: int, user: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._project, self._user = 60.0 / project, 60.0 / user
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._project_at = monotonic() - 60.0 * BURST
        self._user_at: dict[str, float] = {}
        self.spent = 0

    def wait(self, subject: str, cost: int = 1) -> None:
        """Return when a request of ``cost`` units may be sent in the user's name. Raises Throttled ``own-limit``."""
        delay = self._take(subject, cost)
        if delay > 0:
            self._closing.wait(delay)

    def close(self) -> None:
        """Let everybody who waits go on: the process is ending."""
        self._closing.set()

    def _take(self, subject: str, cost: int) -> float:
        now = self._monotonic()
        earliest = now - 60.0 * BURST
        with self._lock:
            if len(self._user_at) > REMEMBERED:
                self._user_at.clear()
            project = max(self._project_at, earliest) + cost * self._project
            user = max(self._user_at.get(subject, earliest), earliest) + cost * self._user
            if max(project, user) - now > PATIENCE_SECONDS:
                scope = Scope.SOURCE if project >= user else Scope.MAILBOX
                wait = timedelta(seconds=max(project, user) - now)
                raise Throttled("own-limit", retry_after=wait, scope=scope)
            self._project_at, self._user_at[subject] = project, user
            self.spent += cost
        return max(project, user) - now
