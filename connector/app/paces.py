"""How often each source is asked, where that depends on how many people it has: Google counts a project's requests by the day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connector.config.sources import GoogleSource, Source
from connector.model import Clock
from connector.rules import pace_of
from connector.source.google.throttle import Budget, Spending
from connector.sync.context import Pace
from connector.sync.hints import FALLBACK_ROUNDS

SHARE = 0.8
"""So much of a day's requests goes into looking regularly; the rest is for what was found, and for writes."""
PRESENCE_SHARE = SHARE / 2
"""So much of them at most is for presence."""
PRESENCE_COST = 2
"""Requests of one look at somebody's presence: vacation settings and out-of-office events."""
JITTER = 0.25
"""Looks are spread by so much of their interval, so that a thousand calendars don't stay in step."""
COUNTED = timedelta(minutes=5)
"""People are counted so often."""
DAY = timedelta(days=1)


class Paces(Mapping[str, Pace]):
    """The pace of each source by name; of those at Google stretched to the day's requests and spread. Thread-safe."""

    def __init__(
        self,
        sections: Mapping[str, Source],
        people: Callable[[str], int],
        clock: Clock,
        luck: Callable[[], float],
    ) -> None:
        self._sections = sections
        self._plain = {name: pace_of(section) for name, section in sections.items()}
        self._people = people
        self._clock = clock
        self._luck = luck
        self._lock = threading.Lock()
        self._stretched: dict[str, tuple[Pace, datetime]] = {}

    def __getitem__(self, name: str) -> Pace:
        section = self._sections[name]
        if not isinstance(section, GoogleSource):
            return self._plain[name]
        pace = self._of_google(name, section)
        return replace(pace, poll=pace.poll * (1 + JITTER * self._luck()))

    def steady(self, name: str) -> Pace:
        """The pace without the spread."""
        section = self._sections[name]
        return self._of_google(name, section) if isinstance(section, GoogleSource) else self._plain[name]

    def budgets(self, spent: Mapping[str, Budget]) -> list[dict[str, Any]]:
        """What the sources that count requests were asked beside what they may be asked, for status."""
        return [
            _row(name, section, spent[name].spending(), self.steady(name))
            for name, section in self._sections.items()
            if isinstance(section, GoogleSource) and name in spent
        ]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def _of_google(self, name: str, section: GoogleSource) -> Pace:
        now = self._clock()
        with self._lock:
            pace, counted_at = self._stretched.get(name, (self._plain[name], None))
        if counted_at is None or now - counted_at >= COUNTED:
            pace = stretched(self._plain[name], self._people(name), section.limits.day)
            with self._lock:
                self._stretched[name] = (pace, now)
        return pace


def _row(name: str, section: GoogleSource, spending: Spending, pace: Pace) -> dict[str, Any]:
    limits = section.limits
    return {
        "source": name,
        "minute": {"used": spending.minute, "limit": round(limits.requests.per_second * 60)},
        "user": {"used": spending.busiest, "limit": round(limits.per_user.per_second * 60)},
        "day": {"used": spending.day, "limit": limits.day},
        "look_seconds": round(pace.poll.total_seconds()),
    }


def stretched(pace: Pace, people: int, day: int) -> Pace:
    """The pace at which so many people's calendars and presence are looked at within a day's requests."""
    rarest = DAY * (people * PRESENCE_COST / (day * PRESENCE_SHARE * FALLBACK_ROUNDS))
    presence = max(pace.presence, rarest)
    left = day * SHARE - people * PRESENCE_COST * (DAY / (presence * FALLBACK_ROUNDS))
    slowest = DAY * (people / left)
    return replace(pace, presence=presence, poll=max(pace.poll, slowest), sweep=max(pace.sweep, slowest))
