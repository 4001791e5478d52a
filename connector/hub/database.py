"""The hub's SQLite file: one writer, several readers, everything acknowledged on disk."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from connector.errors import StoreError

_STEPS = tuple(
    resources.files("connector.hub").joinpath(name).read_text(encoding="utf-8")
    for name in ("schema.sql", "enrolment.sql")
)
"""What leads from each version of the database to the next; read while we are who we were."""
VERSION = len(_STEPS)
BUSY_SECONDS = 10.0
"""So long another process (a command) may hold the write lock."""


class Database:
    """Transactions. Safe to call from several threads; ``writing`` blocks are one after the other.

    Raises StoreError when the file can't be used; sqlite3.Error from a block means that nothing of it was done.
    """

    def __init__(self, path: Path, *, readers: int = 4) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            _touch(path)
            self._writer = _connect(path)
            self._prepare()
            self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
            for _ in range(readers):
                self._readers.put(_connect(path))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The hub's database {path} can't be used: {error}") from error
        self._count = readers

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when the block has ended, undone when it raises."""
        with self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of everything that is committed."""
        reader = self._readers.get()
        try:
            reader.execute("BEGIN")
            yield reader
        finally:
            if reader.in_transaction:
                reader.execute("ROLLBACK")
            self._readers.put(reader)

    def close(self) -> None:
        """Give the file back; waits for blocks that are open."""
        for _ in range(self._count):
            self._readers.get().close()
        with self._lock:
            self._writer.close()

    def _prepare(self) -> None:
        found = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise StoreError(
                f"The hub's database {self.path} was written by a newer version ({found}; this one knows {VERSION});"
                " install that version again."
            )
        if found < VERSION:
            steps = "; ".join(_STEPS[found:])
            self._writer.executescript(f"BEGIN IMMEDIATE; {steps}; PRAGMA user_version = {VERSION}; COMMIT;")


def _touch(path: Path) -> None:
    """The file holds who meets when, if sealed: its owner's alone from the first moment."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "trusted_schema = OFF",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection
