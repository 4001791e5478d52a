"""Reads a table of TOML into a dataclass by its field types; every problem becomes one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

_SPAN = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


class _WrongError(Exception):
    """The sentence for a value that is of the wrong kind."""


def record(kind: type, table: Mapping[str, Any], where: str, problems: list[str]) -> Any:
    """An instance of ``kind``; sentences are added to ``problems``, and what is wrong keeps its default."""
    hints = get_type_hints(kind)
    known = [one.name for one in fields(kind)]
    found = {}
    for name, value in table.items():
        if name not in known:
            problems.append(f"{where}{name} is not known; there are {', '.join(known)}")
            continue
        try:
            found[name] = _value(hints[name], value, f"{where}{name}", problems)
        except _WrongError as wrong:
            problems.append(str(wrong))
    return kind(**found)


def _value(kind: Any, value: Any, name: str, problems: list[str]) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return record(kind, _table(value, name), f"{name}.", problems)
    if get_origin(kind) is Mapping:
        return _by_name(get_args(kind)[1], _table(value, name), name, problems)
    if get_origin(kind) is tuple:
        return _texts(value, name)
    return _plain(kind, value, name)


def _plain(kind: Any, value: Any, name: str) -> Any:
    if kind is timedelta:
        return _span(value, name)
    if kind is bool:
        return _checked(isinstance(value, bool), value, f"{name} is true or false")
    if kind is int:
        whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return _checked(whole, value, f"{name} is a whole number, 1 or more")
    text = _checked(isinstance(value, str) and value != "", value, f'{name} is a text: write {name} = "..."')
    return text if kind is str else Path(text)


def _by_name(kind: type, table: Mapping[str, Any], where: str, problems: list[str]) -> dict[str, Any]:
    return {
        name: record(kind, _table(value, f"{where}.{name}"), f"{where}.{name}.", problems)
        for name, value in table.items()
    }


def _table(value: Any, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _checked(isinstance(value, dict), value, f"{name} is a table: write [{name}]")
    return found


def _texts(value: Any, name: str) -> tuple[str, ...]:
    good = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
    return tuple(_checked(good, value, f'{name} is a list of texts: write {name} = ["..."]'))


def _span(value: Any, name: str) -> timedelta:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _WrongError(f'{name} is a duration with a unit: write "10m", "1h" or "31d"')
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _checked(good: bool, value: Any, sentence: str) -> Any:  # noqa: FBT001 - the test of the value beside it
    if not good:
        raise _WrongError(sentence)
    return value
