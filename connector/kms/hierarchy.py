"""The key hierarchy: versioned KEKs over content keys and over the server's own secrets."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connector.errors import UserError
from connector.kms import times
from connector.kms.keks.base import KekMissing, KekProvider

UriOf = Callable[[str], str]
"""A key's URI from its id."""

REWRAPPED_AT_A_TIME = 2000
"""Keys of one transaction, so that requests get their turn in between."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A secret at rest and the version of the KEK over it."""

    kek_version: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Wraps and unwraps for one database, whose random ``id`` is part of every KEK's name.

    What is wrapped is bound to its name (a key's URI), its owner and the version of the KEK: a row moved to another
    place in the database does not open.
    """

    provider: KekProvider
    id: str

    def wrap(self, connection: sqlite3.Connection, name: str, owner: str, clear: bytes) -> Wrapped:
        """Under the active KEK. Raises KekMissing."""
        version = active_version(connection)
        return Wrapped(version, self.provider.wrap(self._kek(version), clear, _bound(name, owner, version)))

    def unwrap(self, name: str, owner: str, wrapped: Wrapped) -> bytes:
        """The secret. Raises KekMissing."""
        bound = _bound(name, owner, wrapped.kek_version)
        return self.provider.unwrap(self._kek(wrapped.kek_version), wrapped.value, bound)

    def add_version(self, connection: sqlite3.Connection, now: datetime) -> int:
        """A new KEK that wraps from now on; what is wrapped under older ones still opens."""
        version: int = connection.execute("SELECT coalesce(max(version), 0) + 1 FROM keks").fetchone()[0]
        self.provider.make(self._kek(version))
        connection.execute("UPDATE keks SET state = 'inactive'")
        connection.execute("INSERT INTO keks VALUES (?, ?, 'active')", (version, times.micros(now)))
        return version

    def _kek(self, version: int) -> str:
        return f"{self.id}/{version}"


def active_version(connection: sqlite3.Connection) -> int:
    """The KEK that wraps what is new."""
    version: int = connection.execute("SELECT version FROM keks WHERE state = 'active'").fetchone()[0]
    return version


def found(connection: sqlite3.Connection, provider: KekProvider, now: datetime) -> Hierarchy:
    """The hierarchy of this database, laid down when there is none. Raises UserError when the KEK is another one."""
    row = connection.execute("SELECT value FROM facts WHERE name = 'id'").fetchone()
    if row is None:
        hierarchy = Hierarchy(provider, secrets.token_hex(8))
        connection.execute("INSERT INTO facts VALUES ('id', ?)", (hierarchy.id,))
        hierarchy.add_version(connection, now)
        put_secret(connection, hierarchy, AUDIT, secrets.token_bytes(32))
        return hierarchy
    hierarchy = Hierarchy(provider, row["value"])
    secret(connection, hierarchy, AUDIT)
    return hierarchy


# --- the server's own secrets --------------------------------------------------------------------

AUDIT = "audit"
"""The key of the audit trail's chain."""
_SERVER = "server"


def put_secret(connection: sqlite3.Connection, hierarchy: Hierarchy, name: str, value: bytes) -> None:
    """Keep a secret, over one of the same name."""
    wrapped = hierarchy.wrap(connection, name, _SERVER, value)
    connection.execute(
        "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?)", (name, wrapped.kek_version, wrapped.value)
    )


def secret(connection: sqlite3.Connection, hierarchy: Hierarchy, name: str) -> bytes:
    """One that was kept. Raises UserError when the KEK is not the one of this database."""
    row = connection.execute("SELECT * FROM secrets WHERE name = ?", (name,)).fetchone()
    try:
        return hierarchy.unwrap(name, _SERVER, Wrapped(row["kek_version"], row["wrapped"]))
    except KekMissing as error:
        raise UserError(
            "The master secret or token does not fit this database: put the right one back,"
            " or restore a backup: calendar-connector-kms restore FILE"
        ) from error


# --- rotation ------------------------------------------------------------------------------------


def left_to_rewrap(connection: sqlite3.Connection) -> int:
    """How many keys are not yet under the active KEK."""
    count: int = connection.execute("SELECT count(*) FROM keys_to_rewrap").fetchone()[0]
    return count


def rewrap_some(
    connection: sqlite3.Connection, hierarchy: Hierarchy, uri_of: UriOf, most: int = REWRAPPED_AT_A_TIME
) -> int:
    """Wrap up to ``most`` keys anew under the active KEK; the number done. Raises KekMissing and then does none."""
    version = active_version(connection)
    rows = connection.execute(
        "SELECT id, owner, kek_version, wrapped FROM keys_to_rewrap LIMIT ?",
        (most,),
    ).fetchall()
    renewed = [(*_renewed(connection, hierarchy, uri_of(row["id"]), row), row["id"]) for row in rows]
    connection.executemany("UPDATE keys SET kek_version = ?, wrapped = ? WHERE id = ?", renewed)
    if not rows:
        _rewrap_secrets(connection, hierarchy, version)
    return len(rows)


def _renewed(
    connection: sqlite3.Connection, hierarchy: Hierarchy, uri: str, row: sqlite3.Row
) -> tuple[int, bytes]:
    clear = hierarchy.unwrap(uri, row["owner"], Wrapped(row["kek_version"], row["wrapped"]))
    wrapped = hierarchy.wrap(connection, uri, row["owner"], clear)
    return wrapped.kek_version, wrapped.value


def _rewrap_secrets(connection: sqlite3.Connection, hierarchy: Hierarchy, version: int) -> None:
    for row in connection.execute("SELECT name FROM secrets WHERE kek_version != ?", (version,)).fetchall():
        put_secret(connection, hierarchy, row["name"], secret(connection, hierarchy, row["name"]))


def _bound(name: str, owner: str, version: int) -> bytes:
    return json.dumps([name, owner, version], separators=(",", ":")).encode()
