"""The property that tells what of an item is ours: whose, since when, which words, and what it was made for. Pure.

It stands in the item itself, so that it tells the truth to whoever reads it: to a database that was set back, and of an
occurrence whose text was written before that of its series.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from connector.model import Wish

VERSION = "2"
FIRST_VERSION = "1"
"""It had no more than key, place and digest."""

NO_BLOCK = "hosted"
"""In the place of a digest: the calendar system made the conference itself, and no block was written."""
TAKEN_OUT = "none"
"""The same: the block of a series was taken out; occurrences may still hold it in a text of their own."""

MOST_BEFORE = 8
SHORT = 16
"""Digits of a digest from before; with all of them a marker stays below the 1,024 characters that Google keeps."""
_NOTHING = "-"
_NEXT = "~"
"""Stands in no digest."""


@dataclass(frozen=True, slots=True)
class Marker:
    """``place`` tells a copy of an item from the item itself: a copied property names another meeting.

    ``before`` are digests of blocks that stood there earlier, shortened. ``wish`` is what the conference under ``key`` was made
    for; None where the item borrows its series' conference.
    """

    key: str
    place: str
    digest: str
    before: tuple[str, ...] = ()
    wish: Wish | None = None

    def write(self) -> str:
        """As it stands in the property."""
        before = ",".join(self.before[:MOST_BEFORE]) or _NOTHING
        return " ".join((VERSION, self.key, self.place, self.digest, before, _written(self.wish)))

    def wrote(self, digest: str) -> bool:
        """Whether a block with this digest is one of ours, now or before."""
        return digest == self.digest or digest[:SHORT] in self.before

    def past(self, following: str) -> tuple[str, ...]:
        """What the next marker, with the digest ``following``, has to hold as ``before``."""
        known = () if self.digest in {NO_BLOCK, TAKEN_OUT, following} else (self.digest[:SHORT],)
        return tuple(dict.fromkeys((*known, *self.before)))[:MOST_BEFORE]


def read(text: str) -> Marker | None:
    """The marker in a property; None where it is empty, damaged or of a version we don't know."""
    version, *parts = text.split(" ")
    if version == FIRST_VERSION and len(parts) == 3:
        return Marker(parts[0], parts[1], parts[2])
    if version != VERSION or len(parts) != 5:
        return None
    key, place, digest, before, wish = parts
    return Marker(key, place, digest, () if before == _NOTHING else tuple(before.split(",")), _wish(wish))


def following(key: str) -> str:
    """The key of the next conference in the same place."""
    first, number = _place(key)
    return f"{first}{_NEXT}{number + 1}"


def foreseen(key: str, own: str) -> bool:
    """Whether ``key`` is ``own`` or one that came before it in the same place; any other was given in another life."""
    (first, number), (own_first, own_number) = _place(key), _place(own)
    return first == own_first and number <= own_number


def _place(key: str) -> tuple[str, int]:
    """What all keys of a place begin with, and which of them this is."""
    first, _, number = key.partition(_NEXT)
    return first, int(number) if number.isdecimal() else 1


def _written(wish: Wish | None) -> str:
    if wish is None:
        return _NOTHING
    return "/".join(quote(part, safe="") for part in (wish.keyword, wish.action, wish.override, wish.site))


def _wish(text: str) -> Wish | None:
    parts = [unquote(part) for part in text.split("/")]
    return Wish(*parts) if len(parts) == 4 else None
