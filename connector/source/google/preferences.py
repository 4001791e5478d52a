"""What users have set in Google Calendar: the zone by which whole days begin, and the language they read (settings.get)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.model import Clock, Mailbox
from connector.source.google.services import Services

KEPT = timedelta(days=1)
REMEMBERED = 50_000
"""Settings that are remembered at most."""


class Preferences:
    """Settings of users, each asked for once a day. Thread-safe; what is remembered may be lost."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self._services = services
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], tuple[str, datetime]] = {}

    def zone(self, mailbox: Mailbox) -> tzinfo:
        """The zone of a mailbox's owner; UTC where Google names one that is not known here. Raises verdicts."""
        return _zone(self._setting(mailbox, "timezone"))

    def locale(self, mailbox: Mailbox) -> str:
        """The language of a mailbox's owner as Google writes it (``en``, ``pt_BR``), "" where none is set. Raises verdicts."""
        return self._setting(mailbox, "locale")

    def _setting(self, mailbox: Mailbox, name: str) -> str:
        now = self._clock()
        with self._lock:
            value, asked_at = self._known.get((mailbox.id, name), ("", None))
        if asked_at is not None and now - asked_at < KEPT:
            return value
        value = self._services.setting(mailbox, name)
        with self._lock:
            if len(self._known) > REMEMBERED:
                self._known.clear()
            self._known[mailbox.id, name] = (value, now)
        return value


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
