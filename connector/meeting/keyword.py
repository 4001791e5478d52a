"""Keywords that a user types into Location to ask for join details, such as ``@meet`` or ``@webex:myroom``.

What they mean is the administrator's: each is mapped to an action, the name of a conference service. Behind the
colon stands which kind of conference is meant, or a site. Pure, linear in the location's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from connector.errors import ConfigError, Problem
from connector.meeting.scan import inside_address

LONGEST = 4_096
"""Characters of a location that are looked at; Exchange holds 255."""

LONGEST_KEYWORD = 64
LONGEST_SITE = 64

_SIGNS = "@:#"
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_BLANKLESS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff"
"""Letters of scripts that are written without blanks: a keyword may stand right beside them."""

_WORD_BEFORE = re.compile(rf"[^\W{_BLANKLESS}]|[%+~$&=@#\\]")
_WORD_BEHIND = re.compile(rf"[^\W{_BLANKLESS}]|[@#]|[.'’:/\\-](?=[^\W{_BLANKLESS}])")
_SUFFIX = re.compile(rf":(?P<word>[a-z0-9](?:[a-z0-9.-]{{0,{LONGEST_SITE - 2}}}[a-z0-9])?)")
_SPARK = "@spark"


class Override(StrEnum):
    """Which conference is asked for by what follows the colon; the action's own where nothing does."""

    SPACE = "space"
    MYROOM = "myroom"
    ONETIME = "onetime"


@dataclass(frozen=True, slots=True)
class Found:
    """A keyword in a location: ``location[start:end]``, its colon and what follows included.

    ``word`` is the keyword as the administrator's table has it, ``action`` what it is mapped to. ``site`` is what
    follows the colon where that is no override, lower-case.
    """

    word: str
    action: str
    start: int
    end: int
    override: Override | None = None
    site: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Keywords and their actions, as ``keyword.table`` makes it of the configuration; keywords are lower-case."""

    actions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def table(actions: Mapping[str, str]) -> Table:
    """The table of ``keywords:`` of the configuration, keyword to action. Letters count whatever their case.

    A keyword may name its kind (``@meet:space``); one that begins with a colon (``:space``) is the action of that kind
    behind any keyword. Raises ConfigError where two keywords differ in case alone.
    """
    folded: dict[str, str] = {}
    problems = []
    for word, action in actions.items():
        if _folded(word) in folded:
            problems.append(
                Problem(f"keywords.{word} is there twice, for capitals do not count; take one of them out")
            )
        folded[_folded(word)] = action
    if problems:
        raise ConfigError(tuple(problems))
    return Table(MappingProxyType(folded))


def find(location: str, table: Table) -> Found | None:
    """The leftmost keyword of a location, the longest of several that begin there; None where there is none.

    It stands by itself: ``bob@webex.com`` and ``@meeting`` hold none.
    """
    text = _folded(location[:LONGEST])
    for start in _starts(text):
        if found := _at(text, start, table.actions):
            return found
    return None


def _folded(text: str) -> str:
    """Lower case and half width, letter by letter, so that positions stay."""
    text = text.translate(_FULL_WIDTH)
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)


def _starts(text: str) -> Iterator[int]:
    for position, letter in enumerate(text):
        if letter in _SIGNS and not (position and _WORD_BEFORE.match(text, position - 1)):
            in_path = text[position - 1 : position] == "/" and inside_address(text, position)
            if not in_path:
                yield position


def _at(text: str, start: int, actions: Mapping[str, str]) -> Found | None:
    for end in range(min(len(text), start + LONGEST_KEYWORD), start + 1, -1):
        word = text[start:end]
        if word in actions or word == _SPARK:
            found = _spark(text, start, actions) if word not in actions else _known(text, start, end, actions)
            if found:
                return found
    return None


def _known(text: str, start: int, end: int, actions: Mapping[str, str]) -> Found | None:
    """A keyword of the table, with what follows its colon."""
    word = text[start:end]
    suffix = _SUFFIX.match(text, end)
    if suffix and ":" not in word and not _WORD_BEHIND.match(text, suffix.end()):
        said = suffix["word"]
        if said in {each.value for each in Override}:
            action = actions.get(f":{said}", actions[word])
            return Found(word, action, start, suffix.end(), Override(said))
        return Found(word, actions[word], start, suffix.end(), site=said)
    if _WORD_BEHIND.match(text, end):
        return None
    return Found(word, actions[word], start, end, _own_override(word))


def _own_override(word: str) -> Override | None:
    said = word.rpartition(":")[2]
    return Override(said) if ":" in word and said in {each.value for each in Override} else None


def _spark(text: str, start: int, actions: Mapping[str, str]) -> Found | None:
    """``@spark``, the old name of a space: whatever the table says of spaces, else of its meeting keywords."""
    end = start + len(_SPARK)
    known = (":space", "@meet:space", "@webex:space", "@meet", "@webex")
    action = next((actions[word] for word in known if word in actions), None)
    if action is None or _WORD_BEHIND.match(text, end):
        return None
    return Found(_SPARK, action, start, end, Override.SPACE)
