"""The property that tells what of an item is ours: intent key, place and the digest of the block's words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1"
NO_BLOCK = "hosted"
"""In the place of a digest: the calendar system made the conference itself, and no block was written."""


@dataclass(frozen=True, slots=True)
class Marker:
    """``place`` tells a copy of an item from the item itself: a copied property names another meeting."""

    key: str
    place: str
    digest: str

    def write(self) -> str:
        """As it stands in the property."""
        return f"{VERSION} {self.key} {self.place} {self.digest}"


def read(text: str) -> Marker | None:
    """The marker in a property; None where it is empty, damaged or of a version we don't know."""
    parts = text.split(" ")
    return Marker(*parts[1:]) if len(parts) == 4 and parts[0] == VERSION else None
