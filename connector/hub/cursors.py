"""Bookmarks of outcomes and commands.

Each names a row and the row's nonce, so that a bookmark is worth nothing in a restored database, where another row may
bear its number.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after a row."""

    number: int
    nonce: str

    def __str__(self) -> str:
        return f"{self.number}.{self.nonce}"


def after(row: sqlite3.Row) -> Cursor:
    """The bookmark after a row with ``number`` and ``nonce``."""
    return Cursor(row["number"], row["nonce"])


def read(text: str) -> Cursor | None:
    """A bookmark of ours; None for any other text."""
    match = _CURSOR.fullmatch(text)
    return Cursor(int(match[1]), match[2]) if match else None
