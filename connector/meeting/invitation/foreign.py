"""Join details that stand in a body already and are not ours: the user's, or those of another product."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.meeting.invitation.flow import Flow
from connector.meeting.joinlink import JoinRules, Passage, Place, find

_UNDERSCORES = re.compile(r"^[^\S\n]{0,8}(_{20,200})[^\S\n]{0,8}$", re.MULTILINE)
_GOOGLE = re.compile(r"^[^\S\n]{0,8}(-::~[-:~]{8,200}::-)[^\S\n]{0,8}$", re.MULTILINE)
_APPLE_TOP = re.compile(r"^[^\S\n]{0,8}(----\( [^\n()]{1,120} \)----)[^\S\n]{0,8}$", re.MULTILINE)
_APPLE_FOOT = re.compile(r"^[^\S\n]{0,8}(---===---)[^\S\n]{0,8}$", re.MULTILINE)
_FENCES = ((_UNDERSCORES, _UNDERSCORES), (_GOOGLE, _GOOGLE), (_APPLE_TOP, _APPLE_FOOT))
MOST_FENCES = 50
LONGEST_FENCED = 20_000
"""Characters of a block between two fences."""


def service_in(body: str, rules: JoinRules, *, is_html: bool) -> str | None:
    """The service whose link or video address stands in a body, the best one; None where there is none."""
    finding = find((Passage(Place.BODY, body, is_html=is_html),), rules)
    if finding.links:
        return finding.links[0].service
    named = [room.service or "sip" for room in finding.rooms]
    return named[0] if named else None


def fenced(flow: Flow, rules: JoinRules, limit: int) -> tuple[int, int] | None:
    """Begin and end in the text of a whole block of another product that stands between fences of its own.

    Teams and Skype draw lines of underscores, Google ``-::~:~``, Apple ``----( )----``. ``limit`` is where to stop.
    """
    for begin, end in _stretches(flow.text, limit):
        first, last = flow.begins(begin), flow.ends(end)
        if service_in(flow.source[first:last], rules, is_html=flow.is_html) is not None:
            return begin, end
    return None


def _stretches(text: str, limit: int) -> Iterator[tuple[int, int]]:
    for top, foot in _FENCES:
        position = 0
        for _ in range(MOST_FENCES):
            begun = top.search(text, position, limit)
            ended = foot.search(text, begun.end(), limit) if begun else None
            if begun is None or ended is None:
                break
            if ended.end() - begun.start() <= LONGEST_FENCED:
                yield begun.start(1), ended.end(1)
            position = ended.start()
