"""Which of the ways found is the one: by place, then by order, with doubles of one meeting made one."""

from __future__ import annotations

from collections.abc import Iterable

from connector.meeting.joinlink.candidate import Candidate
from connector.meeting.joinlink.rule import Category


def ranked(found: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Best first, one for each meeting.

    Structured data before location, location before body. In one place the first wins, but webinars and links that
    lack something give way. Of two links to one meeting the better stays, at the rank of the first.
    """
    chosen: dict[tuple[str, ...], Candidate] = {}
    for candidate in sorted(found, key=_order):
        known = chosen.get(candidate.key)
        chosen[candidate.key] = candidate if known is None or _better(candidate, known) else known
    return tuple(chosen.values())


def _order(candidate: Candidate) -> tuple[bool, int, bool, int, int]:
    gives_way = candidate.weak or candidate.category is not Category.MEETING
    return (
        candidate.own_pattern,
        -candidate.place.weight,
        gives_way,
        candidate.passage,
        candidate.start,
    )


def _better(other: Candidate, known: Candidate) -> bool:
    """Whether the lower-ranked link to the same meeting should stand in for the higher one."""
    if other.weak != known.weak:
        return known.weak
    if bool(other.passcode) != bool(known.passcode):
        return bool(other.passcode)
    return other.place is known.place and len(other.url) > len(known.url)
