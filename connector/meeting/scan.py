"""Where in a text web addresses stand, and where they end. Every pass is linear in the text.

Positions are found by searching for fixed letters; patterns are applied at those places only and hold no choice
between two ways to match the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from connector.meeting.host_ends import slashes_behind, small
from connector.meeting.text import decode_entities
from connector.meeting.weblink import LONGEST

MOST_HITS = 50_000
"""Places that look like an address before a scan gives up."""

MOST_BARE = 1_000
"""Places where a known host ends before a scan of a text gives up."""

NEAR = 1 << 17
"""Characters of a text in which what has no scheme is looked for: it may be any word with a dot or an at sign."""

MOST_SPANS = 2_000
"""Addresses of interest before a scan gives up."""

# Blanks, brackets and quotes of prose end an address, also those of other scripts.
_OUTSIDE = (
    r"\s<>\"`\x00-\x1f\x7f\u00ab\u00bb\u200b-\u200f\u2018-\u201f\u2026\u2028-\u202f\u2039\u203a\u2060-\u206f\ufeff"
    r"\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_SIGN = re.compile("://")  # faster than str.find where slashes are many
_FEW = 64
_AUTHORITY = re.compile(r"://([\w.:@%-]{1,260}+)")
_PORT = re.compile(r"[.:][0-9]*/")
_HOST = re.compile(r"[\w.:@%-]{1,260}")
_INSIDE = re.compile(rf"[^{_OUTSIDE}]{{0,{LONGEST}}}")
_SCHEME = re.compile(r"(?:https?|zoommtg|zoomus|msteams)\Z", re.IGNORECASE)
_LONGEST_SCHEME = 8
_ANY_OUTSIDE = re.compile(rf"[{_OUTSIDE}]")
_LOOKED_BACK = 2_048
_MOST_HOSTS = 64
_CUT = re.compile(
    r"[,;|'()\[\]]https?://"  # the next address follows without a blank
    r"|&(?:lt|gt|quot|nbsp|apos|#34|#39|#60|#62|#160|#x22|#x27|#x3c|#x3e|#xa0);"  # an entity that means an end
    r"|\\(?![\\,;])",  # an escaped line break
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'*|\\"
_MOST_EMPHASIS = 3
_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRAILING_AND_BRACKETS = _TRAILING + "()[]{}"
_HOST_LETTERS = re.compile(r"[A-Za-z0-9.-]*+")
_LONGEST_HOST = 253


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch ``[start, end)`` of a text; ``address`` is what it means, without escapes."""

    start: int
    end: int
    address: str


@dataclass(frozen=True, slots=True)
class Interest:
    """Which addresses are worth taking apart: those of ``hosts``, and those whose path fits ``paths`` on any host.

    Where none of ``words`` stands in a text, no path in it fits. ``domains`` are those whose hosts may stand without a
    scheme; empty means any. ``hints`` are parts of hosts of interest that lie in none of them.
    """

    hosts: Callable[[str], bool]
    paths: re.Pattern[str] | None = None
    words: tuple[str, ...] = ()
    domains: frozenset[str] = frozenset()
    hints: tuple[str, ...] = ()


EVERYTHING = Interest(lambda _host: True, re.compile(""), ("",))


class Scan:
    """The addresses of interest in a text, in order.

    Most addresses are of no interest, so the hosts are listed first, in one pass that the pattern engine makes alone;
    only addresses of interesting hosts are walked to.
    """

    def __init__(self, text: str, interest: Interest = EVERYTHING) -> None:
        self.spans: list[Span] = []
        self._text = text
        self._interest = interest
        self._known: dict[str, bool] = {}
        self._run = 0
        places = _signs(text)
        if len(places) > _FEW:
            self._list()
        else:
            self._walk_to(places)

    def _list(self) -> None:
        """Note the addresses of interest among many."""
        needles = [f"://{host}" for host in self._of_interest(set(_AUTHORITY.findall(self._text)))]
        if len(needles) > _MOST_HOSTS or "" in self._interest.words:
            self._walk(0, len(self._text))
        else:
            self._visit([*needles, *self._interest.words])

    def _of_interest(self, hosts: set[str]) -> list[str]:
        """Those of interest; written side by side, so that the pattern engine goes through them all at once."""
        domains, hints = self._interest.domains, self._interest.hints
        if not domains:
            return [host for host in hosts if self._is_known(host)]
        listed = "/".join(hosts) + "/"
        if ":" in listed or "./" in listed:
            listed = _PORT.sub("/", listed)
        ends = {*slashes_behind(listed, domains)}
        ends |= {listed.find("/", place) for hint in hints for place in _places(small(listed), hint)}
        likely = {listed[listed.rfind("/", 0, end) + 1 : end] for end in ends}
        return [host for host in likely if self._is_known(host)]

    def _walk_to(self, places: Iterable[int]) -> None:
        """Note the addresses of interest among few."""
        reached = 0
        for place in places:
            if place >= reached:
                reached = self._walk(place, place + 1)

    def _visit(self, needles: Iterable[str]) -> None:
        """Walk the stretches without a blank in which one of the needles stands."""
        reached = 0
        for place in sorted(place for needle in needles for place in _places(self._text, needle)):
            if place >= reached:
                start = _run_start(self._text, place)
                reached = self._walk(max(start, reached), place + 1)

    def _walk(self, start: int, limit: int) -> int:
        """Go from one ``://`` to the next, up to those that begin before ``limit``; return where to look on."""
        position = start
        for _ in range(MOST_HITS):
            colon = self._text.find("://", position, limit + 2)
            if colon < 0 or len(self.spans) >= MOST_SPANS:
                break
            position = self._take(colon, colon + 3)
        return position

    def _take(self, colon: int, body: int) -> int:
        """Note an address if it is of interest; return where to look on."""
        text = self._text
        if body >= self._run:  # else the next address in the same run of letters, whose end is known
            self._run = _inside_to(text, body)
        host = _HOST.match(text, body, self._run)
        if host is None or "@" in host[0]:
            return body
        cut = _CUT.search(text, body, self._run)
        end = cut.start() if cut else self._run
        scheme = _SCHEME.search(text[max(0, colon - _LONGEST_SCHEME) : colon])
        if scheme and self._wanted(host[0], host.end()):
            start = colon - len(scheme[0])
            trimmed = _trimmed(text, start, body, end)
            if trimmed > body:
                self.spans.append(Span(start, trimmed, cleaned(text[start:trimmed])))
        return max(end, body)

    def _wanted(self, authority: str, path: int) -> bool:
        paths = self._interest.paths
        return self._is_known(authority) or (paths is not None and paths.match(self._text, path) is not None)

    def _is_known(self, authority: str) -> bool:
        known = self._known.get(authority)
        if known is None:
            host = authority.partition(":")[0].rstrip(".").lower()
            known = self._known[authority] = self._interest.hosts(host)
        return known

    def bare(self) -> list[Span]:
        """Addresses of hosts of interest that are written without a scheme; https is put before them."""
        places = sorted(slashes_behind(self._text[:NEAR], self._interest.domains))[:MOST_BARE]
        return [self._bare(start, slash) for slash in places if (start := self._host(slash)) is not None]

    def _host(self, slash: int) -> int | None:
        """Where the host of interest begins that ends before this slash and stands alone; None where none does."""
        start = _host_start(self._text, slash)
        alone = _stands_alone(self._text, start) and self._is_known(self._text[start:slash])
        return start if alone and not inside_address(self._text, start) else None

    def _bare(self, start: int, body: int) -> Span:
        text, end = self._text, _inside_to(self._text, body)
        cut = _CUT.search(text, body, end)
        end = _trimmed(text, start, body, cut.start() if cut else end)
        return Span(start, end, f"https://{cleaned(text[start:end])}")


def any_case(text: str) -> str:
    """A pattern for ASCII letters in either case; the engine is several times slower with a flag for that."""
    return "".join(
        f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else re.escape(letter) for letter in text
    )


def _signs(text: str) -> list[int]:
    """Where ``://`` stands, at most one more than a few times."""
    colons = few_places(text, ":")
    if colons is not None:
        return [colon for colon in colons if text.startswith("//", colon + 1)]
    return [sign.start() for sign in islice(_SIGN.finditer(text), _FEW + 1)]


def few_places(text: str, sign: str) -> list[int] | None:
    """Where a single sign stands, None where it stands more than a few times: looking for it so is fastest where it is rare."""
    places, place = [], text.find(sign)
    while place >= 0:
        places.append(place)
        if len(places) > _FEW:
            return None
        place = text.find(sign, place + 1)
    return places


def _places(text: str, needle: str) -> Iterator[int]:
    place = text.find(needle)
    for _ in range(MOST_SPANS):
        if place < 0:
            return
        yield place
        place = text.find(needle, place + len(needle))


def _run_start(text: str, position: int) -> int:
    """Where the stretch without blanks or angle brackets begins that holds a position."""
    lowest = max(0, position - LONGEST)
    return max(lowest, *(text.rfind(sign, lowest, position) + 1 for sign in ' \n\t\r<>"'))


def inside_address(text: str, position: int) -> bool:
    """Whether the position lies in an address that began before it."""
    begun = text.rfind("://", max(0, position - _LOOKED_BACK), position)
    return begun >= 0 and _ANY_OUTSIDE.search(text, begun, position) is None


def _inside_to(text: str, position: int) -> int:
    inside = _INSIDE.match(text, position)
    return inside.end() if inside else position


def _host_start(text: str, position: int) -> int:
    return position - tail(_HOST_LETTERS, text, position, _LONGEST_HOST)


def tail(letters: re.Pattern[str], text: str, position: int, longest: int) -> int:
    """The number of letters right before a position, up to ``longest``; the pattern matches any number of them."""
    found = letters.match(text[max(0, position - longest) : position][::-1])
    return found.end() if found else 0


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
    for before in range(1, _MOST_EMPHASIS + 1):  # of Markdown
        sign = text[start - before : start - before + 1] if start >= before else ""
        if not sign or sign not in "_~" or text[end - 1] != sign:
            break
        end -= 1
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
