"""Copies of a database, taken and put back while nobody need stop for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from connector.errors import StoreError

PAGES = 1000
"""Copied at a time; between them the daemon writes on."""


def copy_database(source: Path, target: Path) -> None:
    """One moment of the database at ``source``, also while a daemon writes to it. Raises StoreError."""
    target.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=15)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy, pages=PAGES, sleep=0.005)
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"The database {source} can't be copied: {error}") from error


def layout_of(path: Path) -> int:
    """The number of its layout (PRAGMA user_version). Raises StoreError for what is no whole database."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found: int = connection.execute("PRAGMA user_version").fetchone()[0]
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} can't be read: {error}") from error
    if sound != "ok":
        raise StoreError(f"The database {path} is damaged: {sound}")
    return found
