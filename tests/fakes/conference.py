"""A conference provider in memory, with books of everything it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.errors import Refused, Verdict
from connector.meeting import keyword
from connector.model import Conference, ConferenceOrder, JoinDetails, Kind, Wish
from connector.sync.keywords.terms import KeywordTerms

KEYWORDS = {"@meet": "memory", "@webex": "other"}


@dataclass
class MemoryProvider:
    """``faults`` are raised by the next calls; a provider that is not ``tagged`` makes another room each time it is asked."""

    name: str = "memory"
    tagged: bool = True
    standing: dict[str, tuple[str, ConferenceOrder]] = field(default_factory=dict)
    """Conferences that exist, by id: the tag of their order, and the order."""
    made: int = 0
    refuses: bool = False
    """Whether it makes nothing new."""
    faults: list[Verdict] = field(default_factory=list)

    def make(self, order: ConferenceOrder) -> Conference:
        self._enter()
        found = self._found(order) if self.tagged else None
        if found:
            return found
        if self.refuses:
            raise Refused("conference-attribute-missing")
        self.made += 1
        room = f"{self.name}-{self.made}"
        self.standing[room] = (order.tag, order)
        return _conference(room)

    def find(self, order: ConferenceOrder) -> Conference | None:
        self._enter()
        return self._found(order)

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:
        self._enter()
        if conference.id in self.standing:
            self.standing[conference.id] = (order.tag, order)
        return conference

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        self._enter()
        self.standing.pop(conference.id, None)

    def close(self) -> None:
        """Nothing is open."""

    def _found(self, order: ConferenceOrder) -> Conference | None:
        return next((_conference(room) for room, (tag, _) in self.standing.items() if tag == order.tag), None)

    def _enter(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


def _conference(room: str) -> Conference:
    return Conference(Kind.ONE_TIME, JoinDetails(f"https://rooms.example.com/{room}", meeting_id=room), room)


def finder(actions: dict[str, str]) -> Callable[[str], Wish | None]:
    """What a location asks for, by a table of keywords."""
    table = keyword.table(actions)

    def find(location: str) -> Wish | None:
        found = keyword.find(location, table)
        override = found.override.value if found and found.override else ""
        return Wish(found.word, found.action, override, found.site) if found else None

    return find


def terms(*providers: MemoryProvider, **more: object) -> KeywordTerms:
    """The rules of keywords over these providers."""
    made = KeywordTerms(finder(KEYWORDS), {one.name: one for one in providers})
    return replace(made, **more)  # type: ignore[arg-type]
