"""Numbered changes of the layout: ``schema/NNN_name.sql``, each applied in one transaction, counted in user_version."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib import resources

from connector.errors import StoreError

APPLICATION_ID = 0x43616C43  # "CalC", so that file(1) and we can tell whose database it is

_FILE_NAME = re.compile(r"(\d{3})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the layout, from ``number - 1`` to ``number``."""

    number: int
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All that this version knows, in order, numbered from 1 without a gap."""
    found = []
    for entry in (resources.files("connector.store") / "schema").iterdir():
        match = _FILE_NAME.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), entry.read_text("utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StoreError("The program is installed incompletely: its database layouts are not 1 to N.")
    return tuple(found)


def migrate(connection: sqlite3.Connection, path: str, steps: tuple[Migration, ...] | None = None) -> None:
    """Bring the database up to this version's layout; an interrupted step leaves it at the one before.

    Raises StoreError for a database of a newer version and for one that is another program's.
    """
    steps = migrations() if steps is None else steps
    version = _version(connection, path)
    if version > len(steps):
        raise StoreError(
            f"The database {path} has layout {version}, this version of calendar-connector knows up to"
            f" {len(steps)}: install the newer version again, or restore a backup made by this one."
        )
    for step in steps[version:]:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{step.sql}\n;PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {step.number};COMMIT;"
        )


def _version(connection: sqlite3.Connection, path: str) -> int:
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if application != APPLICATION_ID and not (empty and application == 0 and version == 0):
        raise StoreError(
            f"{path} is a database of another program; name another file for calendar-connector."
        )
    return version
