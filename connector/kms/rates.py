"""Counts the keys that leave, and says when somebody fetches more than is usual."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

import structlog

from connector.kms.settings import Alarms
from connector.kms.who.enrolled import PREFIX

WINDOW = timedelta(minutes=1)
_USERS = 10_000

_log = structlog.get_logger(__name__)


class Retrievals:
    """Keys handed out in the present minute, by user. Safe to call from several threads."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._lock = Lock()
        self._counts: OrderedDict[str, tuple[datetime, int]] = OrderedDict()
        self._raised: tuple[datetime, str] | None = None

    def heed(self, alarms: Alarms) -> None:
        """Other thresholds from now on; what was counted counts."""
        with self._lock:
            self._alarms = alarms

    def count(self, user: str, handed: int, now: datetime) -> bool:
        """Add to a user's count; whether it has just passed the threshold, once a minute."""
        with self._lock:
            since, before = self._counts.pop(user, (now, 0))
            if now - since >= WINDOW:
                since, before = now, 0
            self._counts[user] = (since, before + handed)
            if len(self._counts) > _USERS:
                self._counts.popitem(last=False)
            most = self._alarms.connector if user.startswith(PREFIX) else self._alarms.user
            passed = before <= most < before + handed
            if passed:
                self._raised = (now, user)
            return passed

    @property
    def last(self) -> tuple[datetime, str] | None:
        """When the alarm was last raised, and for whom."""
        return self._raised


class Unreadable:
    """Rows for messages that can't be opened, which anybody can send: so many a minute, the others are counted only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._since: datetime | None = None
        self._count = 0

    def heed(self, most: int) -> None:
        """Another threshold from now on."""
        with self._lock:
            self._most = most

    def worth_a_row(self, now: datetime) -> bool:
        """Whether one more may be written down; the first that may not is the log's to tell."""
        with self._lock:
            if self._since is None or now - self._since >= WINDOW:
                self._since, self._count = now, 0
            self._count += 1
            if self._count == self._most + 1:
                _log.warning("alarm.unreadable", rows=self._most)
            return self._count <= self._most
