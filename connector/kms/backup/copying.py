"""Copies of the database in which everything is wrapped anew: under a key of the backup's own, and back.

The server's KEKs never leave it: a backup of a server with a hardware token can be restored into one without, and the reverse.
Copies are made in memory; no backup key ever touches the disk.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from connector.errors import UserError
from connector.kms import database, hierarchy
from connector.kms.hierarchy import Hierarchy, UriOf
from connector.kms.house import House
from connector.kms.keks.base import KekMissing, KekProvider
from connector.kms.keks.master import MASTER_BYTES, MasterKeks


def taken(house: House) -> bytes:
    """The backup's own master secret, then the database, all of it wrapped under that one. Raises UserError and sqlite3.Error."""
    own = secrets.token_bytes(MASTER_BYTES)
    with _in_memory() as copy:
        with house.database.reading() as connection:
            connection.backup(copy)
        moved(copy, house.hierarchy, MasterKeks(own, "backup"), house.names.key)
        return own + _without_wal(copy.serialize())


@contextmanager
def opened(clear: bytes) -> Iterator[tuple[sqlite3.Connection, Hierarchy]]:
    """The database of a backup with its hierarchy. Raises UserError when it is none."""
    with _in_memory() as copy:
        try:
            copy.deserialize(clear[MASTER_BYTES:])
            copy.row_factory = sqlite3.Row
            database.prepare(copy, "the backup")
            row = copy.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()
        except sqlite3.Error as error:
            raise UserError("The backup holds no database of a key server.") from error
        if row is None:
            raise UserError("The backup holds no database of a key server.")
        yield copy, Hierarchy(MasterKeks(clear[:MASTER_BYTES], "backup"), row["value"])


def moved(
    connection: sqlite3.Connection, source: Hierarchy, provider: KekProvider, uri_of: UriOf
) -> Hierarchy:
    """Wrap everything in a copy under a new KEK of another provider; older KEKs are forgotten. Raises UserError."""
    target = Hierarchy(_Both(source, provider), secrets.token_hex(8))
    connection.execute("BEGIN")
    connection.execute("UPDATE facts SET value = ? WHERE name = 'id'", (target.id,))
    now = connection.execute("SELECT max(created_at) FROM keks").fetchone()[0]
    version: int = connection.execute("SELECT max(version) + 1 FROM keks").fetchone()[0]
    provider.make(f"{target.id}/{version}")
    connection.execute("UPDATE keks SET state = 'inactive'")
    connection.execute("INSERT INTO keks VALUES (?, ?, 'active')", (version, now))
    try:
        while hierarchy.rewrap_some(connection, target, uri_of):
            pass
    except KekMissing as error:
        raise UserError(
            "A key in it can't be opened: this copy is damaged, nothing was made of it."
        ) from error
    connection.execute(
        "DELETE FROM keks WHERE state = 'inactive' AND version NOT IN (SELECT kek_version FROM keys)"
    )
    connection.execute("COMMIT")
    return Hierarchy(provider, target.id)


def _without_wal(image: bytes) -> bytes:
    """A database in memory has no write-ahead log: bytes 18 and 19 of the header say so (SQLite file format, 1.3.3)."""
    return image[:18] + b"\x01\x01" + image[20:]


class _Both:
    """Opens under the old names, wraps under the new one: what ``moved`` needs while both are in the rows."""

    kind = "both"

    def __init__(self, source: Hierarchy, provider: KekProvider) -> None:
        self._source = source
        self._provider = provider

    def make(self, name: str) -> None:
        self._provider.make(name)

    def wrap(self, name: str, clear: bytes, bound: bytes) -> bytes:
        return self._provider.wrap(name, clear, bound)

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        old = f"{self._source.id}/{name.rpartition('/')[2]}"
        return self._source.provider.unwrap(old, wrapped, bound)

    def warnings(self) -> tuple[str, ...]:
        return ()


@contextmanager
def _in_memory() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()
