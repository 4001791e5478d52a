"""Where in a body somebody else's mail begins that was forwarded or replied to; what stands there is not ours.

A blockquote and lines behind ``>`` say so for certain. A mail's head (From, Sent, To, Subject) says so likely.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from connector.meeting.invitation.flow import Flow
from connector.meeting.invitation.wording import SHIPPED

_LINES_OF_A_HEAD = 10
_CITED_LINE = re.compile(r"^[^\S\n]{0,8}>", re.MULTILINE)


@lru_cache(maxsize=1)
def _head() -> re.Pattern[str]:
    """The first line of a forwarded mail's head with its subject a few lines below, in every shipped language."""
    senders = _any(label for words in SHIPPED.values() for label in words.mail_from)
    subjects = _any(label for words in SHIPPED.values() for label in words.mail_subject)
    return re.compile(
        rf"^[^\S\n]{{0,8}}[*>]{{0,2}}[^\S\n]{{0,2}}(?:{senders})[^\S\n]{{0,2}}[:：][^\n]{{1,400}}\n"
        rf"(?:[^\n]{{0,400}}\n){{0,{_LINES_OF_A_HEAD}}}?[^\S\n]{{0,8}}[*>]{{0,2}}[^\S\n]{{0,2}}"
        rf"(?:{subjects})[^\S\n]{{0,2}}[:：]",
        re.MULTILINE | re.IGNORECASE,
    )


def _any(labels: Iterable[str]) -> str:
    return "|".join(re.escape(label) for label in sorted(set(labels), key=len, reverse=True))


def is_cited(flow: Flow, position: int) -> bool:
    """Whether what begins at a position of the text stands in a quotation for certain."""
    if any(begin <= position < end for begin, end in flow.cited):
        return True
    line = flow.text.rfind("\n", 0, position) + 1
    return _CITED_LINE.match(flow.text, line, position) is not None


def first_head(text: str) -> int:
    """Where the first head of a forwarded mail begins; the text's length where there is none."""
    found = _head().search(text)
    return found.start() if found else len(text)


def first_quotation(flow: Flow) -> int:
    """Where the first quotation begins, whether certain or likely; the text's length where there is none."""
    line = _CITED_LINE.search(flow.text)
    starts = [first_head(flow.text), *(begin for begin, _ in flow.cited[:1])]
    return min([*starts, line.start()] if line else starts)


def first_line(text: str) -> int:
    """Where the first line with words begins; the text's length where there is none."""
    words = len(text) - len(text.lstrip())
    return text.rfind("\n", 0, words) + 1 if words < len(text) else len(text)
