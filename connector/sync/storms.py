"""Mailboxes whose calendars change without end: their nudges are slowed down, so that they cost no more than others.

A bucket for each mailbox that was nudged lately: a nudge is a drop, and it leaks steadily. A day's work, or an import of
some hundred meetings, passes through; another product that corrects ours, or itself, fills it within minutes. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

FULL = 150.0
CALM = 15.0
LEAK = 0.25
"""Nudges a second that never make a storm."""
SLOW = timedelta(minutes=1)
"""A mailbox in a storm is looked at once in this time."""
SWEEP_AT = 5000


class Turn(Enum):
    """What a nudge or a look told."""

    NONE = "none"
    BEGAN = "began"
    ENDED = "ended"


@dataclass(slots=True)
class _Bucket:
    level: float
    at: datetime
    storm: bool = False

    def leak(self, now: datetime) -> None:
        self.level = max(0.0, self.level - LEAK * (now - self.at).total_seconds())
        self.at = now


class Storms:
    """The buckets of all mailboxes; small, for most of them are empty. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._sweep_at = SWEEP_AT

    def nudge(self, mailbox_id: str, now: datetime) -> Turn:
        """Count a nudge."""
        bucket = self._buckets.setdefault(mailbox_id, _Bucket(0.0, now))
        bucket.leak(now)
        bucket.level = min(bucket.level + 1.0, FULL)
        if len(self._buckets) > self._sweep_at:
            self._sweep(now)
        if bucket.storm or bucket.level < FULL:
            return Turn.NONE
        bucket.storm = True
        return Turn.BEGAN

    def look(self, mailbox_id: str, now: datetime) -> Turn:
        """See whether a storm is over."""
        bucket = self._buckets.get(mailbox_id)
        if bucket is None:
            return Turn.NONE
        bucket.leak(now)
        if not bucket.storm or bucket.level > CALM:
            return Turn.NONE
        del self._buckets[mailbox_id]
        return Turn.ENDED

    def raging(self, mailbox_id: str) -> bool:
        """Whether the mailbox is in a storm."""
        bucket = self._buckets.get(mailbox_id)
        return bucket is not None and bucket.storm

    def _sweep(self, now: datetime) -> None:
        """Drop the empty ones; where most are not, the next sweep waits until there are twice as many."""
        for bucket in self._buckets.values():
            bucket.leak(now)
        self._buckets = {one: bucket for one, bucket in self._buckets.items() if bucket.level or bucket.storm}
        self._sweep_at = max(SWEEP_AT, 2 * len(self._buckets))
