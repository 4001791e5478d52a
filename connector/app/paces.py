"""How often each source is asked, where that depends on how many people it has: Google counts a project's requests by the day."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connector.config.sources import GoogleSource, Source
from connector.model import Clock
from connector.rules import pace_of
from connector.sync.context import Pace
from connector.sync.hints import FALLBACK_ROUNDS

SHARE = 0.8
"""So much of a day's requests goes into looking regularly; the rest is for what was found, and for writes."""
LEAST = 0.1
"""So much of them is for looking whatever presence costs."""
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


def stretched(pace: Pace, people: int, day: int) -> Pace:
    """The pace at which so many people's calendars are looked at within a day's requests."""
    presence = people * PRESENCE_COST * (DAY / (pace.presence * FALLBACK_ROUNDS))
    left = max(day * SHARE - presence, day * LEAST)
    slowest = DAY * (people / left)
    return replace(pace, poll=max(pace.poll, slowest), sweep=max(pace.sweep, slowest))
