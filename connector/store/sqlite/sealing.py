"""JSON objects that rest sealed, each bound to the table and row it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.store.base import StateCipher
from connector.store.rows import from_json, to_json


@dataclass(frozen=True, slots=True)
class Sealing:
    """The state cipher as the tables use it: column ``sealed`` of one row."""

    cipher: StateCipher

    def seal(self, table: str, row: str | int, value: Mapping[str, Any]) -> bytes:
        """What to write into the column."""
        return self.cipher.seal(to_json(value), _context(table, row))

    def open(self, table: str, row: str | int, sealed: bytes) -> dict[str, Any]:
        """The object again; raises StoreError when it was not sealed for this row."""
        return from_json(self.cipher.open(sealed, _context(table, row)))

    def digest(self, text: str) -> str:
        """Keyed digest, to find a sealed value by."""
        return self.cipher.digest(text)


def _context(table: str, row: str | int) -> str:
    return f"{table}/{row}/sealed"
