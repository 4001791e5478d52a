"""The configuration in force, written as YAML that can be read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from connector.config.load import Loaded
from connector.config.problems import spell
from connector.config.provenance import Leaf, Source, leaves, written
from connector.config.tree import Path, resolve

_PLAIN = re.compile(r"[A-Za-z0-9_/.%+-]+(?:[@:=][A-Za-z0-9_/.%+-]+)*")
_COMMENT_AT = 60


def show(loaded: Loaded) -> str:
    """Write every value with a comment that says where it comes from; what may be secret only in outline."""
    return "".join(_lines(loaded, commented=True))


def effective(loaded: Loaded) -> str:
    """Write every value as it is, without comments: reading this gives an equal configuration."""
    return "".join(_lines(loaded, commented=False))


def values(loaded: Loaded) -> list[dict[str, Any]]:
    """List every value with its path and origin, for programs; what may be secret only in outline."""
    return [
        {
            "path": spell(leaf.path),
            "value": outlined(leaf),
            "from": str(loaded.provenance[spell(leaf.path)]),
        }
        for leaf in leaves(loaded.config)
    ]


def outlined(leaf: Leaf) -> Any:
    """Give a value as written, and of an address that may carry a token only its host."""
    value = written(leaf.value)
    if not leaf.masked or not isinstance(value, str):
        return value
    parts = urlsplit(value)
    return f"{parts.scheme}://{parts.hostname}/********"


def _lines(loaded: Loaded, *, commented: bool) -> Iterator[str]:
    above: Path = ()
    for leaf in leaves(loaded.config):
        *parents, key = leaf.path
        yield from _opened(above, tuple(parents))
        above = tuple(parents)
        value = outlined(leaf) if commented else written(leaf.value)
        line = f"{'  ' * len(parents)}{_scalar(key)}: {_flow(value)}".rstrip()
        origin = loaded.provenance[spell(leaf.path)]
        yield f"{line:<{_COMMENT_AT}}  # {_told(origin, value)}\n" if commented else f"{line}\n"


def _opened(above: Path, parents: Path) -> Iterator[str]:
    """Write the keys that lead from the section above to the next value."""
    shared = 0
    while shared < min(len(above), len(parents)) and above[shared] == parents[shared]:
        shared += 1
    for depth, key in enumerate(parents[shared:], start=shared):
        yield f"{'  ' * depth}{_scalar(key)}:\n"


def _told(origin: Source, value: Any) -> str:
    return f"{origin}, not set" if value is None else str(origin)


def _flow(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    return "{}" if value == {} else _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return (
            value
            if _PLAIN.fullmatch(value) and resolve(value) == value and value[0] not in "-%"
            else json.dumps(value, ensure_ascii=False)
        )
    return str(value)
