"""What is left of a configuration when everything wrong is taken out, so that the cross checks can run on it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from connector.config.models import Config
from connector.config.tree import Path

_STAND_IN: Mapping[str, Any] = {
    "version": 1,
    "instance": "stand-in.invalid",
    "hub": {"url": "https://stand-in.invalid"},
    "sources": {
        "stand-in": {
            "type": "exchange",
            "domains": ["stand-in.invalid"],
            "accounts": {"stand-in": {"user": "stand-in"}},
        }
    },
}

_ROUNDS = 4
"""Taking out one wrong value may uncover a wrong section around it, up to the root."""


def salvage(data: Mapping[str, Any], wrong: tuple[Path, ...]) -> Config | None:
    """Take out ``wrong`` paths, then what no longer holds without them; None when nothing whole is left."""
    rest = copy.deepcopy(dict(data))
    for path in wrong:
        _take_out(rest, path)
    for level in range(_ROUNDS):
        for key, value in _STAND_IN.items():
            rest[key] = rest.get(key) or copy.deepcopy(value)
        try:
            return Config.model_validate(rest)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                _take_out(rest, detail["loc"][: max(1, _ROUNDS - 1 - level)])
    return None


def _take_out(data: dict[str, Any], path: Path) -> None:
    """Remove the value at ``path``; list items stay, so that others keep their places, and the list goes."""
    node: Any = data
    for part, following in pairwise(path):
        if not isinstance(node, dict) or part not in node:
            return
        if isinstance(following, int):
            node.pop(part)
            return
        node = node[part]
    if isinstance(node, dict):
        node.pop(path[-1] if path else None, None)
