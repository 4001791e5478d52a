"""Whoever knows one source finds the way in the other."""

from __future__ import annotations

from pathlib import Path

import connector.source

FOLDER = Path(connector.source.__path__[0])
COMMON = {
    "__init__",
    "account",
    "authentication",
    "convert",
    "delta",
    "errors",
    "expand",
    "presence",
    "reading",
    "services",
    "settings",
    "source",
    "text",
    "throttle",
    "transport",
    "viewing",
    "watcher",
    "write",
}
"""What a source does, whichever it is; every other file is about what that system alone has."""


def files(source: str) -> set[str]:
    return {path.stem for path in (FOLDER / source).glob("*.py")}


def test_both_sources_have_the_same_rooms() -> None:
    """The same work is done in files of the same name, and nothing else is called the same."""
    assert files("exchange") & files("google") == COMMON
