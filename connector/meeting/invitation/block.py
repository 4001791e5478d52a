"""A join block found in a body again: by its visible shape, and by the digest of its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, zip_longest

from connector.meeting.invitation.flow import Flow
from connector.meeting.invitation.quoted import first_head, is_cited
from connector.meeting.invitation.shape import CLOSING, LONGEST_BLOCK, OPENING, digest

MOST_BLOCKS = 100
"""Blocks in one body that are looked at."""


class Standing(StrEnum):
    """What became of a block since it was written."""

    AS_WRITTEN = "as-written"
    """Its words are those that the item's marker tells of."""

    EDITED = "edited"
    """Somebody changed its words, put something into it, or took one of its edges away: it is theirs now."""

    UNMARKED = "unmarked"
    """It is whole, but the item holds no marker to compare with, as on a copy of a meeting."""


@dataclass(frozen=True, slots=True)
class Block:
    """The own block of a body; ``digest`` is of its words as they stand now, ``text`` its words.

    ``begin`` and ``end`` are where in the visible text of the body it stands, edges included.
    """

    text: str
    digest: str
    standing: Standing
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class _Frame:
    """What looks like a block; not ``whole`` where an edge is gone."""

    begin: int
    end: int
    whole: bool


def own_block(flow: Flow, marker: str | None) -> Block | None:
    """The block that is ours: the one the marker tells of, else the topmost that stands in no quotation.

    What stands below a forwarded mail's head is ours only where the marker says so and nothing above is.
    """
    head = first_head(flow.text)
    free = [_read(flow, frame, marker) for frame in _frames(flow.text) if not is_cited(flow, frame.begin)]
    above = [block for block in free if block.begin < head]
    written = [block for block in above or free if block.standing is Standing.AS_WRITTEN]
    return next(iter([*written, *above]), None)


def _read(flow: Flow, frame: _Frame, marker: str | None) -> Block:
    text = flow.text[frame.begin : frame.end]
    found = digest(text)
    if not frame.whole:
        standing = Standing.EDITED
    elif marker is None:
        standing = Standing.UNMARKED
    else:
        standing = Standing.AS_WRITTEN if found == marker else Standing.EDITED
    return Block(text, found, standing, frame.begin, frame.end)


def _frames(text: str) -> Iterator[_Frame]:
    """Everything that looks like a block or the rest of one, in order."""
    edges = sorted(
        [*_openings(text), *islice(CLOSING.finditer(text), MOST_BLOCKS)], key=lambda edge: edge.start()
    )
    taken = -1
    for edge, following in zip_longest(edges, edges[1:]):
        if edge.end() <= taken:
            continue
        begins = edge.re is OPENING and following is not None and following.re is CLOSING
        if begins and following.end() - edge.start() <= LONGEST_BLOCK:
            taken = following.end()
            yield _Frame(edge.start(), taken, whole=True)
        else:
            yield _Frame(edge.start(), edge.end(), whole=False)


def _openings(text: str) -> Iterator[re.Match[str]]:
    """First lines of blocks. Where the right edge of one is the left edge of another, the words between them are the user's."""
    found = OPENING.search(text)
    for _ in range(MOST_BLOCKS):
        if found is None:
            return
        inner = OPENING.match(text, found.start("right"))
        if inner is None:
            yield found
        found = inner or OPENING.search(text, found.end())
