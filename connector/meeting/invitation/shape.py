"""What a join block looks like, and what its words come down to when markup, wrapping and typography are set aside."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from connector.meeting.invitation.flow import seen
from connector.meeting.unwrap import unwrap_text

EDGE = "~-~-~-~"
"""Stands on both sides of the title in a block's first line."""

FOOT = "~-~-~-~-~-~-~-~-~-~-~-~-~-~-~"
"""A block's last line."""

LONGEST_TITLE = 120
LONGEST_BLOCK = 32 * 1024
"""Characters from a block's first to its last."""

_TILDE = "[~\u02dc\u223c\uff5e]"
_DASH = "[-\u2010-\u2015\u2212\ufe63\uff0d]"
# Lookbehinds stand behind the first letter, so that the engine can leap from one such letter to the next.
_FIRST = f"{_TILDE}(?<!{_TILDE}{_DASH}{_TILDE})(?<!{_TILDE}{_TILDE})"
_LAST = f"(?!{_DASH}?{_TILDE})"
_SHORT = rf"{_FIRST}(?:{_DASH}{_TILDE}){{3}}{_LAST}"
_PLAIN = "[^~\u02dc\u223c\uff5e]"
OPENING = re.compile(
    rf"{_SHORT}(?={_PLAIN}{{0,{LONGEST_TITLE}}}?\w){_PLAIN}{{1,{LONGEST_TITLE}}}(?P<right>{_SHORT})"
)
CLOSING = re.compile(rf"{_FIRST}(?:{_DASH}{_TILDE}){{9,19}}{_LAST}")
_HINT = re.compile(rf"{_TILDE}|&(?:#0*126|#[xX]0*7[eE]|tilde)")

_LINK_BEHIND = re.compile(
    r"<\s{0,8}[A-Za-z][A-Za-z0-9+.-]{1,15}:[^<>]{0,4096}>|[\[(]\s{0,8}https?:[^\]\[()\s]{0,4096}[\])]"
    r"|HYPERLINK[^\S\n]{1,8}[\"“”][^\"“”\n]{0,4096}[\"“”]"
)
"""Addresses that a converter puts behind or before the words of a link."""

_NESTED = 8
"""Times that a link may have been put behind itself."""

_TYPOGRAPHY = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛`´′", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("∼˜", "~"),
        "*": None,
        "|": None,
    }
)
_DASHES = re.compile("-{2,}")


def may_hold(source: str) -> bool:
    """Whether a block's ornament may stand in a source at all; quick to say."""
    return _HINT.search(source) is not None


def decorated(text: str) -> bool:
    """Whether a text holds what looks like a block's own lines, and so could be taken for them."""
    squeezed = "".join(seen(text).split())
    return re.search(f"{_TILDE}{_DASH}{_TILDE}", squeezed) is not None


def digest(text: str) -> str:
    """SHA-256 in hexadecimal of a block's words as they are meant.

    Equal for a block in HTML and in plain text, however it is wrapped, indented or spaced, with typographic quotes and
    dashes or without, with rewritten links undone and addresses in brackets behind a link dropped.
    """
    plain = seen(unwrap_text(seen(text)))
    for _ in range(_NESTED):
        plain = _LINK_BEHIND.sub("", plain)
    plain = unicodedata.normalize("NFKC", plain.translate(_TYPOGRAPHY)).translate(_TYPOGRAPHY)
    plain = _DASHES.sub("-", "".join(plain.split()))
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
