"""Attributes of people from a CSV: one column ``address``, the others named as templates name them."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.errors import Transient

LARGEST = 16_000_000
"""Bytes of a file."""
KEY = "address"
SEPARATORS = ("\t", ";", ",")

_Stamp = tuple[int, int, int]


class CsvPeople:
    """Reads the file anew when it has changed. A file that can't be read is Transient: somebody is writing it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._rows: Mapping[str, Mapping[str, str]] = {}

    def attributes(self, address: str) -> Mapping[str, str]:
        """The row of an address, in any case; empty when there is none."""
        with self._lock:
            try:
                self._refresh()
            except (OSError, ValueError, csv.Error) as error:
                raise Transient("conference-file-unreadable", f"{self._path}: {error}") from error
            return self._rows.get(address.lower(), {})

    def _refresh(self) -> None:
        found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            with self._path.open("rb") as file:
                raw = file.read(LARGEST + 1)
            if len(raw) > LARGEST:
                raise ValueError(f"larger than {LARGEST:,} bytes")
            self._rows = dict(_rows(raw.decode("utf-8-sig")))
            self._stamp = stamp


def _rows(content: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Rows by lower-case address. Spreadsheets separate by what the user's country separates by."""
    lines = [line for line in io.StringIO(content, newline=None) if line.strip() and not line.startswith("#")]
    delimiter = next((one for one in SEPARATORS if lines and one in lines[0]), ",")
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header = [cell.strip() for cell in next(rows, [])]
    at = [name.lower() for name in header].index(KEY) if KEY in map(str.lower, header) else -1
    if at < 0:
        raise ValueError(f"the first line names no column {KEY}")
    for row in rows:
        if len(row) > at and row[at].strip():
            yield row[at].strip().lower(), dict(zip(header, row, strict=False))
