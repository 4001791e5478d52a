"""The hub's SQLite file: everything acknowledged is on disk."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

from connector.server.database import ServerDatabase, too_new

_STEPS = tuple(
    resources.files("connector.hub").joinpath(name).read_text(encoding="utf-8")
    for name in ("schema.sql", "enrolment.sql")
)
"""What leads from each version of the database to the next; read while we are who we were."""
VERSION = len(_STEPS)


class Database(ServerDatabase):
    """The hub's. Raises StoreError when the file can't be used."""

    def __init__(self, path: Path, *, readers: int = 4) -> None:
        super().__init__(path, "The hub's", self._prepare, readers)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise too_new("The hub's", str(self.path), found, VERSION)
        if found < VERSION:
            steps = "; ".join(_STEPS[found:])
            connection.executescript(f"BEGIN IMMEDIATE; {steps}; PRAGMA user_version = {VERSION}; COMMIT;")
