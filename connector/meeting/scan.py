"""Where in a text web addresses stand, and where they end. Every pass is linear in the text.

Positions are found by searching for fixed letters; patterns are applied at those places only and hold no choice
between two ways to match the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connector.meeting.text import decode_entities
from connector.meeting.weblink import LONGEST

MOST_HITS = 50_000
"""Places that look like an address before a scan gives up."""

MOST_SPANS = 2_000
"""Addresses of interest before a scan gives up."""

# Blanks, brackets and quotes of prose end an address, also those of other scripts.
_OUTSIDE = (
    r"\s<>\"`\x00-\x1f\x7f\u00ab\u00bb\u200b-\u200f\u2018-\u201f\u2026\u2028-\u202f\u2039\u203a\u2060\ufeff"
    r"\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_ADDRESS = re.compile(rf"(?P<host>[^{_OUTSIDE}/?#\\]{{1,260}})[^{_OUTSIDE}]{{0,{LONGEST}}}")
_HOST = re.compile(rf"[^{_OUTSIDE}/?#\\]{{1,260}}")
_INSIDE = re.compile(rf"[^{_OUTSIDE}]{{0,{LONGEST}}}")
_SCHEME = re.compile(r"(?:https?|zoommtg|zoomus|msteams)\Z", re.IGNORECASE)
_LONGEST_SCHEME = 8
_CUT = re.compile(
    r"[,;|'()\[\]]https?://"  # the next address follows without a blank
    r"|&(?:lt|gt|quot|nbsp|apos|#34|#39|#60|#62|#160|#x22|#x27|#x3c|#x3e|#xa0);"  # an entity that means an end
    r"|\\(?![\\,;])",  # an escaped line break
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'*|\\"
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


@dataclass(frozen=True, slots=True)
class Interest:
    """Which addresses are worth taking apart: those of ``hosts``, and those whose path fits ``paths`` on any host."""

    hosts: Callable[[str], bool]
    paths: re.Pattern[str] | None = None


EVERYTHING = Interest(lambda _host: True)


class Scan:
    """The addresses of a text: ``spans`` of interest in order, and the stretches that all addresses cover."""

    def __init__(self, text: str, interest: Interest = EVERYTHING) -> None:
        self.spans: list[Span] = []
        self._text = text
        self._interest = interest
        self._known: dict[str, bool] = {}
        self._covered: list[tuple[int, int]] = []
        self._run = 0
        self._look()

    def _look(self) -> None:
        """Go from one ``://`` to the next; what is of no interest costs little more than finding its end."""
        text, find, address = self._text, self._text.find, _ADDRESS.match
        colon = find("://")
        for _ in range(MOST_HITS):
            if colon < 0 or len(self.spans) >= MOST_SPANS:
                return
            body = colon + 3
            following = find("://", body)
            found = address(text, body) if body >= self._run else None
            if (
                found
                and not 0 <= following < found.end()
                and not self._wanted(found["host"], found.end("host"))
            ):
                self._covered.append((colon, found.end()))
            elif (end := self._take(colon, body)) > following >= 0:
                following = find("://", end)
            colon = following

    def _take(self, colon: int, body: int) -> int:
        """Note an address that is of interest or has another one in it; return where to look on."""
        text = self._text
        if body >= self._run:  # else the next address in the same run of letters, whose end is known
            self._run = self._inside_to(body)
        host = _HOST.match(text, body, self._run)
        if host is None or "@" in host[0]:
            return body
        cut = _CUT.search(text, body, self._run)
        end = cut.start() if cut else self._run
        self._covered.append((colon, end))
        scheme = _SCHEME.search(text[max(0, colon - _LONGEST_SCHEME) : colon])
        if scheme and self._wanted(host[0], host.end()):
            start = colon - len(scheme[0])
            trimmed = _trimmed(text, start, body, end)
            if trimmed > body:
                self.spans.append(Span(start, trimmed, cleaned(text[start:trimmed])))
        return max(end, body)

    def _inside_to(self, position: int) -> int:
        inside = _INSIDE.match(self._text, position)
        return inside.end() if inside else position

    def _wanted(self, authority: str, path: int) -> bool:
        known = self._known.get(authority)
        if known is None:
            host = authority.partition(":")[0].rstrip(_TRAILING_AND_BRACKETS).lower()
            known = self._known[authority] = self._interest.hosts(host)
        return known or (
            self._interest.paths is not None and bool(self._interest.paths.match(self._text, path))
        )

    def covered(self) -> Covered:
        """Tells positions inside of addresses."""
        return Covered(self._covered)

    def bare(self) -> list[Span]:
        """Addresses of hosts of interest that are written without a scheme; https is put before them."""
        text, covered = self._text, self.covered()
        found: list[Span] = []
        for count, dot in enumerate(_BARE.finditer(text)):
            if count > MOST_HITS or len(found) >= MOST_SPANS:
                break
            if covered.holds(dot.start()):
                continue
            start = _host_start(text, dot.start())
            if _stands_alone(text, start) and self._interest.hosts(text[start : dot.end() - 1].lower()):
                found.append(self._bare(start, dot.end()))
        return found

    def _bare(self, start: int, body: int) -> Span:
        text, end = self._text, self._inside_to(body)
        cut = _CUT.search(text, body, end)
        end = _trimmed(text, start, body, cut.start() if cut else end)
        return Span(start, end, f"https://{cleaned(text[start:end])}")


class Covered:
    """Tells for growing positions whether a stretch holds them; one pass over the stretches altogether."""

    def __init__(self, stretches: list[tuple[int, int]]) -> None:
        self._stretches = iter(stretches)
        self._current = next(self._stretches, None)

    def holds(self, position: int) -> bool:
        """Whether the position, no smaller than the last one asked for, lies in a stretch."""
        while self._current is not None and self._current[1] <= position:
            self._current = next(self._stretches, None)
        return self._current is not None and self._current[0] <= position


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


def _trimmed(text: str, start: int, body: int, end: int) -> int:
    """The end of an address without the punctuation of the sentence, which can't begin before ``body``."""
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
