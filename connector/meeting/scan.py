"""Where in a text web addresses stand, and where they end. Every pass is linear in the text.

Positions are found by searching for fixed letters; patterns are applied at those places only and hold no choice
between two ways to match the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connector.meeting.text import decode_entities
from connector.meeting.weblink import LONGEST

MOST_HITS = 50_000
"""Places that look like an address before a scan gives up."""

_SCHEME = re.compile(r"(?:https?|zoommtg|zoomus|msteams)\Z", re.IGNORECASE)
_LONGEST_SCHEME = 8
# Blanks, brackets and quotes of prose end an address, also those of other scripts.
_INSIDE = re.compile(
    rf"[^\s<>\"`\x00-\x1f\x7f\u00ab\u00bb\u200b-\u200f\u2018-\u201f\u2026\u2028-\u202f\u2039\u203a\u2060\ufeff"
    rf"\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]{{1,{LONGEST}}}"
)
_CUT = re.compile(
    r"[,;|'()\[\]]https?://"  # the next address follows without a blank
    r"|&(?:lt|gt|quot|nbsp|apos|#34|#39|#60|#62|#160|#x22|#x27|#x3c|#x3e|#xa0);"  # an entity that means an end
    r"|\\[nNrt]"  # an escaped line break
    r"|\\(?![\\,;])",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'*|"
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRAILING_AND_BRACKETS = _TRAILING + "()[]{}"
_BARE = re.compile(r"\.[A-Za-z]{2,12}/")
_HOST_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")
_LONGEST_HOST = 253


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch ``[start, end)`` of a text; ``address`` is what it means, without escapes."""

    start: int
    end: int
    address: str


def web_links(text: str) -> Iterator[Span]:
    """Addresses with a scheme that leads to a web page or a meeting, in order."""
    position = 0
    for _ in range(MOST_HITS):
        colon = text.find("://", position)
        if colon < 0:
            return
        position = colon + 3
        scheme = _SCHEME.search(text[max(0, colon - _LONGEST_SCHEME) : colon])
        inside = _INSIDE.match(text, position) if scheme else None
        if scheme is None or inside is None:
            continue
        start = colon - len(scheme[0])
        end = _end(text, start, position, inside.end())
        if end > position:
            yield Span(start, end, cleaned(text[start:end]))
            position = end


def bare_links(text: str, known: Callable[[str], bool]) -> Iterator[Span]:
    """Addresses of ``known`` hosts that are written without a scheme; the addresses returned have https."""
    for count, dot in enumerate(_BARE.finditer(text)):
        if count > MOST_HITS:
            return
        start = _host_start(text, dot.start())
        if not _stands_alone(text, start) or not known(text[start : dot.end() - 1].lower()):
            continue
        inside = _INSIDE.match(text, dot.end())
        end = _end(text, start, dot.end(), inside.end()) if inside else dot.end()
        yield Span(start, end, f"https://{cleaned(text[start:end])}")


def _host_start(text: str, position: int) -> int:
    lowest = max(0, position - _LONGEST_HOST)
    while position > lowest and text[position - 1] in _HOST_LETTERS:
        position -= 1
    return position


def _stands_alone(text: str, start: int) -> bool:
    """Not the tail of an address, a path or a longer word."""
    before = text[start - 1] if start else " "
    return not (before in "@/:_=%&?#~+$" or before.isalnum())


def cleaned(address: str) -> str:
    r"""An address without what HTML and iCalendar wrap it in: ``&amp;`` and ``\,``."""
    if "\\" in address:
        address = address.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    return decode_entities(address)


def _end(text: str, start: int, body: int, end: int) -> int:
    """Where the address that begins at ``start`` ends: before another one, and without punctuation of the sentence."""
    if cut := _CUT.search(text, body, end):
        end = cut.start()
    stem = text[body:end].rstrip(_TRAILING_AND_BRACKETS)
    end = _with_own_brackets(text, start, body + len(stem), end)
    if start and text[start - 1] in "_~" and text[end - 1] == text[start - 1]:
        end -= 1  # emphasis of Markdown
    return end


def _with_own_brackets(text: str, start: int, end: int, limit: int) -> int:
    """Take closing brackets back in whose opening ones stand inside the address."""
    opened = {
        close: text.count(opener, start, end) - text.count(close, start, end)
        for close, opener in _PAIRS.items()
    }
    while end < limit and opened.get(text[end], 0) > 0:
        opened[text[end]] -= 1
        end += 1
    return end
