"""HTML taken apart without losing a letter: tags and text by where they stand in the source (WHATWG HTML, 13.2.5).

Nothing is put together again from a tree: what is taken out of a body is cut out of its source, so that everything
else comes back as it was written. Linear in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple


class Sort(Enum):
    """What a token is. ``HIDDEN`` is what nobody sees: comments, declarations, scripts, style sheets."""

    TEXT = "text"
    OPEN = "open"
    CLOSE = "close"
    VOID = "void"
    HIDDEN = "hidden"


class Token(NamedTuple):
    """``source[start:end]``; ``name`` is a tag's, lower-case."""

    sort: Sort
    start: int
    end: int
    name: str = ""


_TAG = re.compile(
    r"<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*+)"
    r"(?:[^>\"'=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"']))|[\"'])*+>"
)
_VOID = frozenset(
    [
        "area",
        "base",
        "basefont",
        "br",
        "col",
        "embed",
        "frame",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
    ]
)
RAW = {
    name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE)
    for name in ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
}
"""Elements that hold no tags, and how they end."""
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def tokens(source: str) -> list[Token]:
    """Every letter of the source, in tokens, in order."""
    return list(_tokens(source))


def _tokens(source: str) -> Iterator[Token]:
    position, text = 0, 0
    while (begin := source.find("<", position)) >= 0:
        token = _mark(source, begin)
        if token is None:
            position = begin + 1
            continue
        if text < begin:
            yield Token(Sort.TEXT, text, begin)
        yield token
        position = text = token.end
        if token.sort is Sort.OPEN and token.name in RAW:
            position = text = _raw_end(source, token)
            if position > token.end:
                yield Token(Sort.HIDDEN, token.end, position)
    if text < len(source):
        yield Token(Sort.TEXT, text, len(source))


def _mark(source: str, begin: int) -> Token | None:
    """The tag, comment or declaration that begins here; None where the sign is just a sign."""
    following = source[begin + 1 : begin + 3]
    if following[:1] in _LETTERS or (following[:1] == "/" and following[1:] in _LETTERS):
        return _tag(source, begin)
    if source.startswith("<!--", begin):
        return Token(Sort.HIDDEN, begin, _behind(source, "-->", begin + 2))
    if following[:1] in {"!", "?"} or following in {"/>", "/!", "/?"}:
        return Token(Sort.HIDDEN, begin, _behind(source, ">", begin + 1))
    return None


def _tag(source: str, begin: int) -> Token:
    found = _TAG.match(source, begin)
    if found is None:  # cut off: the rest of the page is inside the tag
        return Token(Sort.HIDDEN, begin, len(source))
    name, end = found["name"].lower(), found.end()
    if found["slash"]:
        return Token(Sort.CLOSE, begin, end, name)
    if name in _VOID or source[end - 2] == "/":
        return Token(Sort.VOID, begin, end, name)
    return Token(Sort.OPEN, begin, end, name)


def _behind(source: str, sign: str, begin: int) -> int:
    found = source.find(sign, begin)
    return len(source) if found < 0 else found + len(sign)


def _raw_end(source: str, token: Token) -> int:
    found = RAW[token.name].search(source, token.end)
    return found.start() if found else len(source)


def ends(marks: Sequence[Token]) -> list[int]:
    """For each opening tag the index at which its element ends, for each closing tag that at which it begins.

    An element without a closing tag ends where the one around it does, or at the next paragraph; ``len(marks)`` is the
    end of the page. Whatever is no tag, or closes nothing, has its own index.
    """
    found = list(range(len(marks)))
    opened: list[int] = []
    counts: dict[str, int] = {}
    for index, token in enumerate(marks):
        if token.sort is Sort.OPEN:
            if token.name == "p" and opened and marks[opened[-1]].name == "p":
                found[opened.pop()] = index
                counts["p"] -= 1
            opened.append(index)
            counts[token.name] = counts.get(token.name, 0) + 1
        elif token.sort is Sort.CLOSE and counts.get(token.name):
            _close(index, marks, opened, counts, found)
    for index in opened:
        found[index] = len(marks)
    return found


def _close(
    index: int, marks: Sequence[Token], opened: list[int], counts: dict[str, int], found: list[int]
) -> None:
    name = marks[index].name
    while opened:
        begun = opened.pop()
        counts[marks[begun].name] -= 1
        found[begun] = index
        if marks[begun].name == name:
            found[index] = begun
            return
