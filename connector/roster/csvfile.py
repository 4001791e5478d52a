"""A roster kept in a CSV file with a column ``address``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from connector.roster.base import RosterUnreadable

LARGEST = 16_000_000
COLUMN = "address"
SEPARATORS = ("\t", ";", ",")
SHOWN = 60
"""So much of a wrong cell is repeated in the sentence."""


class CsvRoster:
    """Reads the file anew at each run; further columns are for people and passed over."""

    def __init__(self, name: str, path: Path, policy: str) -> None:
        self.name = name
        self.policy = policy
        self._path = path

    def addresses(self) -> tuple[str, ...]:
        """The column ``address``; empty cells and lines beginning with # are passed over."""
        rows = self._rows(self._read())
        header = [cell.strip().lower() for cell in next(rows, [])]
        if COLUMN not in header:
            raise RosterUnreadable(
                f"{self._path}: the first line must name the columns, one of them: {COLUMN}"
            )
        at = header.index(COLUMN)
        found = [row[at].strip().lower() for row in rows if len(row) > at]
        bad = next((cell for cell in found if cell and not _plausible(cell)), None)
        if bad is not None:
            raise RosterUnreadable(f"{self._path}: “{bad[:SHOWN]}” is no mail address; nothing was changed")
        addresses = tuple(dict.fromkeys(cell for cell in found if cell))
        if not addresses:
            raise RosterUnreadable(f"{self._path} names nobody; nothing was changed")
        return addresses

    def _rows(self, text: str) -> Iterator[list[str]]:
        """Rows that are no comments. Spreadsheets separate by what the user's country separates by."""
        lines = io.StringIO(text, newline=None)
        header = next((line for line in lines if line.strip() and not line.startswith("#")), "")
        lines.seek(0)
        delimiter = next((one for one in SEPARATORS if one in header), ",")
        try:
            for row in csv.reader(lines, delimiter=delimiter, strict=True):
                if row and not row[0].startswith("#"):
                    yield row
        except csv.Error as error:
            raise RosterUnreadable(f"{self._path} is no CSV file ({error}); nothing was changed") from error

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                raw = file.read(LARGEST + 1)
            if len(raw) > LARGEST:
                raise RosterUnreadable(f"{self._path} is larger than {LARGEST:,} bytes")
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise RosterUnreadable(f"{self._path} is not UTF-8 text") from error
        except OSError as error:
            raise RosterUnreadable(f"{self._path} can't be read: {error.strerror}") from error


def _plausible(cell: str) -> bool:
    local, _, domain = cell.partition("@")
    return bool(local) and "." in domain and " " not in cell and len(cell) <= 254 and "@" not in domain
