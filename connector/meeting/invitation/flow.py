"""The words of a body as they are seen, each with its place in the source."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from connector.meeting.invitation.markup import Sort, Token, tokens

_UNSEEN = dict.fromkeys(
    [
        0xAD,
        0x34F,
        0x61C,
        0x180E,
        0xFEFF,
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    ]
)
"""Characters without a shape of their own: soft hyphens, joiners, marks and isolates of direction."""

_UNIT = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);?|.", re.DOTALL)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "link",
        "mark",
        "meta",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_PICTURES = frozenset(["img", "object", "embed", "video", "audio", "svg", "picture", "canvas", "input"])
PICTURE = "\ufffc"
"""Stands for whatever is seen and is no text."""


def seen(text: str) -> str:
    """A text without what has no shape."""
    return text if text.isascii() else text.translate(_UNSEEN)


def _decoded(source: str) -> str:
    return seen(html.unescape(source) if "&" in source else source)


@dataclass(frozen=True, slots=True)
class Flow:
    """``text`` is what is seen of ``source``; ``marks`` are the tokens of HTML, empty where it is plain text.

    Position ``firsts[i]`` of the text is where what ``spans[i]`` of the source shows begins; a span is a stretch of the
    source and whether it is a tag. ``cited`` are the stretches of the text that stand in a blockquote.
    """

    source: str
    text: str
    marks: Sequence[Token] = ()
    firsts: Sequence[int] = (0,)
    spans: Sequence[tuple[int, int, bool]] = ()
    read: Callable[[str], str] = _decoded
    cited: Sequence[tuple[int, int]] = field(default=())

    @property
    def is_html(self) -> bool:
        """Whether the source is HTML."""
        return self.read is _decoded

    def begins(self, position: int) -> int:
        """Where in the source the letter at a position of the text begins."""
        index = max(0, bisect_right(self.firsts, position) - 1)
        return self._unit(index, position)[0]

    def ends(self, position: int) -> int:
        """Where in the source the letter before a position of the text ends."""
        index = max(0, bisect_right(self.firsts, position - 1) - 1)
        return self._unit(index, position - 1)[1]

    def _unit(self, index: int, position: int) -> tuple[int, int]:
        """The stretch of the source that shows one letter."""
        start, end, is_tag = self.spans[index]
        if is_tag:
            return start, end
        shown = self.firsts[index]
        piece = self.source[start:end]
        if self.read(piece) == piece:
            return start + position - shown, start + position - shown + 1
        for unit in _UNIT.finditer(piece) if self.is_html else re.finditer(".", piece, re.DOTALL):
            shown += len(self.read(unit[0]))
            if shown > position:
                return start + unit.start(), start + unit.end()
        return end, end


def of_text(source: str) -> Flow:
    """A plain body."""
    return Flow(source, seen(source), spans=((0, len(source), False),), read=seen)


def of_html(source: str) -> Flow:
    """A body in HTML: blocks on lines of their own, pictures as ``PICTURE``."""
    marks = tokens(source)
    pieces: list[str] = []
    firsts: list[int] = []
    spans: list[tuple[int, int, bool]] = []
    cited: list[tuple[int, int]] = []
    opened: list[int] = []
    length = 0
    for token in marks:
        if token.name == "blockquote":
            _cite(token, length, opened, cited)
        if shown := _shown(source, token):
            pieces.append(shown)
            firsts.append(length)
            spans.append((token.start, token.end, token.sort is not Sort.TEXT))
            length += len(shown)
    cited += [(begin, length) for begin in opened[:1]]
    text = "".join(pieces)
    return Flow(source, text, marks, firsts or [0], spans or [(0, len(source), False)], _decoded, cited)


def _shown(source: str, token: Token) -> str:
    if token.sort is Sort.TEXT:
        return _decoded(source[token.start : token.end])
    if token.sort is Sort.HIDDEN:
        return ""
    if token.name in _PICTURES:
        return PICTURE if token.sort is not Sort.CLOSE else ""
    return "" if token.name in _INLINE or ":" in token.name else "\n"


def _cite(token: Token, length: int, opened: list[int], cited: list[tuple[int, int]]) -> None:
    if token.sort is Sort.OPEN:
        opened.append(length)
    elif token.sort is Sort.CLOSE and opened:
        begin = opened.pop()
        if not opened:
            cited.append((begin, length))
