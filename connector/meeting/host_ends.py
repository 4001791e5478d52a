"""Where in a text hosts of certain domains end before a slash, with or without a scheme before them.

The text is read backwards, from each slash: the domains are then a tree that the pattern engine walks from its root,
and most slashes fail at their first letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

_Tree: TypeAlias = dict[str, "_Tree"]
_END = ""
_ANY = re.compile(r"/(?=[a-z]{2,12}\.)")
_SMALL = {code: each for code in range(0x0250) if len(each := chr(code).lower()) == 1}
"""Latin letters, for the rare texts with such capitals."""


def slashes_behind(text: str, domains: frozenset[str]) -> Iterator[int]:
    """The places of slashes right behind one of the domains or a host below it, the last first; no domains mean any."""
    last = len(text) - 1
    for found in _pattern(domains).finditer(small(text)[::-1]):
        yield last - found.start()


def small(text: str) -> str:
    """The text in small letters, each letter where it was: a few capitals have a small form of two and stay."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_SMALL)


@lru_cache(maxsize=64)
def _pattern(domains: frozenset[str]) -> re.Pattern[str]:
    return re.compile("/" + _written(_tree(sorted(domains)))) if domains else _ANY


def _tree(domains: Iterable[str]) -> _Tree:
    root: _Tree = {}
    for domain in domains:
        node = root
        for letter in reversed(domain):
            node = node.setdefault(letter, {})
        node[_END] = {}
    return root


def _written(node: _Tree) -> str:
    """A tree as a pattern; a host may go on with further labels, not with further letters of this one."""
    branches = []
    for letter, below in node.items():
        stem, end = re.escape(letter), below
        while len(end) == 1 and _END not in end:
            ((further, end),) = end.items()
            stem += re.escape(further)
        branches.append(stem + _written(end) if letter else r"(?![a-z0-9-])")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
