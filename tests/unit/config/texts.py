"""A least configuration, and ways to spoil it."""

from __future__ import annotations

from connector.config import Loaded, load_text
from connector.errors import ConfigError

LEAST = """\
version: 1
instance: cal-01.example.com
hub: {url: https://hub.example.net}
sources:
  hq:
    type: exchange
    domains: [example.com]
    accounts: {a: {user: svc}}
"""


def loaded(more: str = "", *, instead: tuple[str, str] | None = None) -> Loaded:
    """The least configuration, with lines added at the end or some words replaced."""
    text = LEAST
    if instead is not None:
        assert instead[0] in text
        text = text.replace(*instead)
    return load_text(text + more)


def problems(more: str = "", *, instead: tuple[str, str] | None = None) -> list[str]:
    """What is said about it, as LINE: sentence; nothing when it holds."""
    try:
        loaded(more, instead=instead)
    except ConfigError as error:
        return [f"{problem.line}: {problem.sentence}" for problem in error.problems]
    return []
