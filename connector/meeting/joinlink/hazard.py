"""Whether a regular expression could take longer than the text deserves.

Python's engine tries every way to match. A repetition inside a repetition has exponentially many, several open
repetitions of the same letters polynomially many; both are refused before a hostile invitation finds them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]  # the engine's own parse tree, there is no other
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
_MANY = 64
"""A repetition that may match more often than this counts as open."""
_MOST_OPEN = 6
_MOST_ANY = 2


def hazard(pattern: str) -> str | None:
    """What is wrong with the pattern, to be read after its name; None when nothing is."""
    try:
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression ({error}); mend it"
    if _nested(tree, inside=False):
        return "repeats a repetition, such as (a+)+, which a hostile link could make run for hours; write it without"
    opened = list(_open_repeats(tree))
    anything = [body for body in opened if _any(body)]
    if len(opened) > _MOST_OPEN or len(anything) > _MOST_ANY:
        return f"has more than {_MOST_ANY} times .* or {_MOST_OPEN} open repetitions; say more exactly what is there"
    return None


def _open(low: int, high: int) -> bool:
    return high > _MANY and high != low


def _nested(tree: Any, *, inside: bool) -> bool:
    for code, argument in tree:
        within = inside
        if code in _REPEATS:
            low, high, _ = argument
            if inside and high > 1:
                return True
            within = inside or _open(low, high)
        if any(_nested(part, inside=within) for part in _parts(code, argument)):
            return True
    return False


def _open_repeats(tree: Any) -> Iterator[Any]:
    for code, argument in tree:
        if code in _REPEATS and _open(argument[0], argument[1]):
            yield argument[2]
        for part in _parts(code, argument):
            yield from _open_repeats(part)


def _any(body: Any) -> bool:
    return len(body) == 1 and body[0][0] is codes.ANY


def _parts(code: Any, argument: Any) -> Iterator[Any]:
    """Sub-patterns of a node of the parse tree."""
    if code in _REPEATS or code is codes.POSSESSIVE_REPEAT:
        yield argument[2]
    elif code is codes.SUBPATTERN:
        yield argument[3]
    elif code is codes.BRANCH:
        yield from argument[1]
    elif code is codes.ATOMIC_GROUP:
        yield argument
    elif code in {codes.ASSERT, codes.ASSERT_NOT}:
        yield argument[1]
    elif code is codes.GROUPREF_EXISTS:
        yield from (part for part in argument[1:] if part is not None)
