"""A server's SQLite file: one writer, several readers, every block of writing on disk when it has ended."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import StoreError

BUSY_SECONDS = 10.0
"""So long another process (a command) may hold the write lock."""

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "trusted_schema = OFF",
    "temp_store = MEMORY",
)


class ServerDatabase:
    """Transactions. Safe to call from several threads; ``writing`` blocks are one after the other.

    ``prepare`` lays the file out, or brings it to this version; ``whose`` begins the sentence of what goes wrong. Raises StoreError
    when the file can't be used; sqlite3.Error from a block means that nothing of it was done.
    """

    def __init__(
        self, path: Path, whose: str, prepare: Callable[[sqlite3.Connection], None], readers: int
    ) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._count = readers
        try:
            _touch(path)
            self._writer = connect(path)
            prepare(self._writer)
            self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
            for _ in range(readers):
                self._readers.put(connect(path))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{whose} database {path} can't be used: {error}") from error

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


def connect(path: Path | str) -> sqlite3.Connection:
    """A connection with the settings that all of ours have. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def too_new(whose: str, where: str, found: int, known: int) -> StoreError:
    """For a file that a newer version has written."""
    return StoreError(
        f"{whose} database {where} was written by a newer version ({found}; this one knows {known});"
        " install that version again."
    )


def _touch(path: Path) -> None:
    """The file is its owner's alone from the first moment."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
