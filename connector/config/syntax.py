"""What a YAML parser complains about, in an administrator's words."""

from __future__ import annotations

import re

from yaml import Mark

_QUOTES = "put quotes around a value that begins with SIGN"

_SENTENCES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"mapping keys are not", "put quotes around a value that begins with ? and a space"),
        (r"character '\\t'", "indent with spaces, not with a tab"),
        (r"character '(?P<sign>.)' that cannot start", _QUOTES),
        (
            r"mapping values are not allowed",
            "a colon followed by a space ends a key: put quotes around the value, or mend the indentation",
        ),
        (r"could not find expected ':'", "a colon and a space are missing after the key: write key: value"),
        (r"flow sequence.*(expected|found)", "the list is not closed or lacks a comma: write [one, two]"),
        (
            r"flow mapping.*(expected|found)",
            "the map is not closed or lacks a comma: write {key: value, key: value}",
        ),
        (r"expected the node content", "a value is missing here, or one bracket or comma is too many"),
        (
            r"sequence entries are not allowed",
            "a list written with - begins on a line of its own below its key",
        ),
        (
            r"chomping|expected a comment or a line break",
            "nothing may follow | or > in its line: put quotes around the value",
        ),
        (r"found '<scalar>'", "the value goes on after its closing quote, or this line is indented wrongly"),
        (r"found ':'", "the key before the colon is missing: write key: value"),
        (r"expected <block end>", "the indentation of this line fits no line above it"),
        (r"quoted scalar.*(unexpected end|document separator)", "the quotes are not closed"),
        (r"escape (character|sequence)", "a backslash in double quotes begins an escape: use single quotes"),
        (r"anchor|alias", "put quotes around a value that begins with & or *"),
        (r"tag", "tags (!) are not used here: remove it, or put quotes around a value that begins with !"),
        (r"directive|%YAML|expected '<document start>'", "remove the line that begins with %"),
    )
)


def in_plain_words(context: str, problem: str) -> str:
    """One sentence on what to write instead, for a parser's ``context`` and ``problem``."""
    complaint = f"{context} {problem}"
    for pattern, sentence in _SENTENCES:
        if found := pattern.search(complaint):
            return sentence.replace("SIGN", found.groupdict().get("sign", ""))
    return f"this is no valid YAML: {problem or context}"


def place(context: str, begun: Mark | None, noticed: Mark | None) -> Mark | None:
    """Choose the mark to show: where something begins that is not closed, else where the parser noticed."""
    unclosed = re.search(r"flow|quoted scalar|simple key", context)
    return (begun or noticed) if unclosed else (noticed or begun)
