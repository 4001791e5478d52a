"""First failure and recovery, not each retry."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any

import structlog

from connector.model import Clock

_CODES_LIMIT = 16


class Episode:
    """Something that is tried again and again; logs when it begins to fail and when it works again.

    ``what`` completes the sentences "… fails" and "… works again". A new reason within an episode is logged as well,
    each once.
    """

    def __init__(self, what: str, clock: Clock, **fields: Any) -> None:
        self._what = what
        self._clock = clock
        self._fields = fields
        self._log = structlog.get_logger(__name__)
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._failures = 0
        self._codes: set[str] = set()

    @property
    def since(self) -> datetime | None:
        """When it began to fail; None while it works."""
        return self._since

    def failed(self, code: str, **facts: Any) -> bool:
        """It failed (again); whether that was logged."""
        with self._lock:
            self._since = self._since or self._clock()
            self._failures += 1
            if code in self._codes or len(self._codes) >= _CODES_LIMIT:
                return False
            self._codes.add(code)
            self._log.warning(f"{self._what} fails", code=code, **self._fields, **facts)
            return True

    def recovered(self, **facts: Any) -> bool:
        """It worked; whether that was worth a line."""
        with self._lock:
            since, failures = self._since, self._failures
            self._since, self._failures = None, 0
            self._codes.clear()
            if since is None:
                return False
            lasted = round((self._clock() - since).total_seconds())
            self._log.info(
                f"{self._what} works again", failures=failures, seconds=lasted, **self._fields, **facts
            )
            return True


class Episodes:
    """Episodes of many things of one kind, by name; remembers only those that fail, and so many at most."""

    def __init__(self, what: str, clock: Clock, *, field: str, limit: int = 10_000) -> None:
        self._what = what
        self._clock = clock
        self._field = field
        self._limit = limit
        self._lock = threading.Lock()
        self._failing: dict[str, Episode] = {}

    def failed(self, name: str, code: str, **facts: Any) -> bool:
        """One of them failed (again); whether that was logged."""
        with self._lock:
            episode = self._failing.get(name)
            if episode is None:
                if len(self._failing) >= self._limit:
                    del self._failing[next(iter(self._failing))]
                episode = self._failing[name] = Episode(self._what, self._clock, **{self._field: name})
        return episode.failed(code, **facts)

    def recovered(self, name: str, **facts: Any) -> bool:
        """One of them worked; whether that was worth a line."""
        with self._lock:
            episode = self._failing.pop(name, None)
        return episode is not None and episode.recovered(**facts)
