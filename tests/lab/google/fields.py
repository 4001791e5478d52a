"""Partial responses: ``fields=a,b(c,d/e)`` (Google's "Performance tips")."""

import re
from typing import Any

from tests.lab.google.problems import ApiError

Wanted = dict[str, Any]
_WORD = re.compile(r"[A-Za-z*]+")


def partial(document: dict[str, Any], fields: str) -> dict[str, Any]:
    """The document as far as it was asked for; "" and ``*`` are everything. Raises ApiError for words that are no selection."""
    if not fields or fields == "*":
        return document
    wanted, end = _selection(fields, 0)
    if end != len(fields):
        raise ApiError("invalid", f"Invalid field selection {fields[end:]}", location="fields")
    return dict(_cut(document, wanted))


def _selection(text: str, at: int) -> tuple[Wanted, int]:
    found: Wanted = {}
    while True:
        word = _WORD.match(text, at)
        if not word:
            raise ApiError("invalid", f"Invalid field selection {text[at:]}", location="fields")
        at, inner = word.end(), None
        if text[at : at + 1] == "/":
            inner, at = _selection_of_one(text, at + 1)
        elif text[at : at + 1] == "(":
            inner, at = _selection(text, at + 1)
            if text[at : at + 1] != ")":
                raise ApiError("invalid", "Invalid field selection", location="fields")
            at += 1
        found[word.group()] = inner
        if text[at : at + 1] != ",":
            return found, at
        at += 1


def _selection_of_one(text: str, at: int) -> tuple[Wanted, int]:
    word = _WORD.match(text, at)
    if not word:
        raise ApiError("invalid", f"Invalid field selection {text[at:]}", location="fields")
    if text[word.end() : word.end() + 1] != "/":
        return {word.group(): None}, word.end()
    inner, end = _selection_of_one(text, word.end() + 1)
    return {word.group(): inner}, end


def _cut(value: Any, wanted: Wanted | None) -> Any:
    if wanted is None or "*" in wanted:
        return value
    if isinstance(value, list):
        return [_cut(one, wanted) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _cut(one, wanted[name]) for name, one in value.items() if name in wanted}
