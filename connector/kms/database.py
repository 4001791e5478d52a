"""The key server's SQLite file: every effect one transaction that is on disk when it ends."""

from __future__ import annotations

import sqlite3
from functools import partial
from importlib import resources
from pathlib import Path

from connector.errors import StoreError
from connector.server.database import ServerDatabase, too_new

VERSION = 1
APPLICATION_ID = 0x43616C4B
"""So that file(1) and we can tell whose database it is: "CalK"."""

_SCHEMA = resources.files("connector.kms").joinpath("schema.sql").read_text(encoding="utf-8")


class Database(ServerDatabase):
    """The key server's. Raises StoreError when the file can't be used."""

    def __init__(self, path: Path, *, readers: int = 2) -> None:
        super().__init__(path, "The key server's", partial(prepare, where=str(path)), readers)


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Lay an empty database out. Raises StoreError for one that is another program's, or of a newer version."""
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if application != APPLICATION_ID and not (empty and found == 0):
        raise StoreError(f"{where} is a database of another program; name another file for the key server.")
    if found > VERSION:
        raise too_new("The key server's", where, found, VERSION)
    if found == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA}; PRAGMA application_id = {APPLICATION_ID};"
            f" PRAGMA user_version = {VERSION}; COMMIT;"
        )
