"""Connections and transactions: one writer at a time, any number of readers beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Lock

from connector.errors import StoreError
from connector.store.migrations import migrate
from connector.store.sqlite.faults import store_error
from connector.store.sqlite.files import prepare

PATIENCE = timedelta(seconds=15)
"""How long a verb waits for a lock before it gives up."""

_WAL_KEPT_BYTES = 64 * 1024 * 1024

_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    f"PRAGMA journal_size_limit = {_WAL_KEPT_BYTES}",
)


class Database:
    """One SQLite file that belongs to this process.

    A connection that met an error is closed, not trusted again; the next transaction opens a new one. So a disk that
    has room again, or a lock that came free, needs no restart.
    """

    def __init__(self, path: Path, patience: timedelta = PATIENCE) -> None:
        self.path = path
        self._patience = patience.total_seconds()
        self._turn = Lock()
        self._writer: sqlite3.Connection | None = None
        self._idle_guard = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._lock = prepare(path)
        try:
            self._writer = self._open()
            self._shape(self._writer)
            migrate(self._writer, str(path))
        except (sqlite3.Error, StoreError) as error:
            self.close()
            raise self._explained(error) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when the block is left, or undone when it is left by an exception.

        Raises StoreError; exceptions of the block itself pass through.
        """
        if not self._turn.acquire(timeout=self._patience):
            raise StoreError(
                f"The database {self.path} did not come free within {self._patience:.0f} s.", passing=True
            )
        try:
            connection = self._writer = self._writer or self._open()
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon_writer()
            raise self._explained(error) from error
        except BaseException:
            self._undo()
            raise
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the data, beside any writer. Raises StoreError."""
        connection = None
        try:
            connection = self._take_reader()
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection:
                connection.close()
            raise self._explained(error) from error
        except BaseException:
            if connection:
                connection.close()
            raise
        self._give_back(connection)

    def close(self) -> None:
        """End every connection and let another process have the file; a second call does nothing."""
        with self._turn, self._idle_guard:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._idle, self._writer):
                if connection:
                    connection.close()
            self._idle.clear()
            self._writer = None
            self._lock.release()

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError(f"The database {self.path} was closed.")
        connection = sqlite3.connect(
            self.path,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma).fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return connection

    def _shape(self, connection: sqlite3.Connection) -> None:
        """Set what the file itself remembers; the first can be chosen only before anything is written."""
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(
                f"The file system of {self.path} has no shared memory: put the database on another."
            )

    def _take_reader(self) -> sqlite3.Connection:
        with self._idle_guard:
            if self._idle:
                return self._idle.pop()
        connection = self._open()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._idle_guard:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _undo(self) -> None:
        if self._writer and self._writer.in_transaction:
            try:
                self._writer.execute("ROLLBACK")
            except sqlite3.Error:
                self._abandon_writer()

    def _abandon_writer(self) -> None:
        """Close the connection; whatever it had not committed is undone by that."""
        if self._writer:
            self._writer.close()
            self._writer = None

    def _explained(self, error: sqlite3.Error | StoreError) -> StoreError:
        return error if isinstance(error, StoreError) else store_error(error, str(self.path))


def give_back_pages(connection: sqlite3.Connection, most: int) -> None:
    """Return at most so many free pages to the file system, in a transaction that is open already.

    One by one, because the sqlite3 module ends a statement that yields no columns after its first step.
    """
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    for _ in range(min(free, most)):
        connection.execute("PRAGMA incremental_vacuum(1)")
