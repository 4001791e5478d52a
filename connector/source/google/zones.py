"""The zone a user lives in, by which whole days begin and end: events say days without a zone."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.model import Clock, Mailbox
from connector.source.google.services import Services

KEPT = timedelta(days=1)
REMEMBERED = 50_000


class Zones:
    """The settings ``timezone`` of users, cached for a day. Thread-safe."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, datetime]] = {}

    def of(self, mailbox: Mailbox) -> tzinfo:
        """The zone of a mailbox's owner; UTC where Google names one that is not known here. Raises verdicts."""
        return _zone(self._name(mailbox))

    def _name(self, mailbox: Mailbox) -> str:
        now = self._clock()
        with self._lock:
            name, asked_at = self._known.get(mailbox.id, ("", None))
        if asked_at is not None and now - asked_at < KEPT:
            return name
        name = self._services.setting(mailbox, "timezone")
        with self._lock:
            if len(self._known) > REMEMBERED:
                self._known.clear()
            self._known[mailbox.id] = (name, now)
        return name


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
