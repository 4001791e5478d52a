"""The few words of man(7) that our pages are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

_MONO = re.compile(r"`([^`]+)`")


def text(words: str) -> str:
    """Words as roff shows them: no character is taken for a command; `code` becomes bold."""
    escaped = words.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    bold = _MONO.sub(r"\\fB\1\\fR", escaped)
    return f"\\&{bold}" if bold.startswith((".", "\\(aq")) else bold


def page(name: str, section: int, day: date, version: str, body: Iterable[str]) -> str:
    """A whole page; ``body`` gives its lines, from NAME on."""
    head = (
        f'.TH {name.upper()} {section} {day.isoformat()} "calendar-connector {version}" "calendar-connector"'
    )
    return "\n".join([head, *body]) + "\n"


def part(title: str, *paragraphs: str) -> Iterator[str]:
    """A section with its paragraphs."""
    yield f".SH {title.upper()}"
    yield from _paragraphs(paragraphs)


def below(title: str, *paragraphs: str) -> Iterator[str]:
    """A part of a section."""
    yield f".SS {text(title)}"
    yield from _paragraphs(paragraphs)


def item(term: str, *meaning: str) -> Iterator[str]:
    """A term in bold, and what it means below."""
    yield ".TP"
    yield f".B {text(term)}"
    for number, words in enumerate(filter(None, meaning)):
        if number:
            yield ".br"
        yield text(words)


def _paragraphs(paragraphs: Iterable[str]) -> Iterator[str]:
    for number, words in enumerate(filter(None, paragraphs)):
        if number:
            yield ".PP"
        yield text(" ".join(words.split()))
