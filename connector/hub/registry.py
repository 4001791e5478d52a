"""Connectors as the operator sees them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.errors import NotFound
from connector.hub import enrolment, rows, times
from connector.hub.database import Database
from connector.relay import wire


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A connector. ``state`` is ``live``, ``silent``, ``never-seen`` or ``revoked``; ``waiting`` counts its commands."""

    name: str
    state: str
    seen_at: datetime | None
    version: str
    mark: wire.Order
    mailboxes: int
    waiting: int
    credentials: int


def connectors(connection: sqlite3.Connection, now: datetime, silent_after: timedelta) -> list[Enrolled]:
    """All of them, by name."""
    found = connection.execute(
        "SELECT *,"
        " (SELECT count(*) FROM mailboxes WHERE connector = connectors.number AND gone_at IS NULL) AS mailboxes,"
        " (SELECT count(*) FROM commands WHERE connector = connectors.number AND jwe IS NOT NULL) AS waiting,"
        " (SELECT count(*) FROM tokens WHERE connector = connectors.number)"
        " + (SELECT count(*) FROM keys WHERE connector = connectors.number) AS credentials"
        " FROM connectors ORDER BY name"
    )
    return [_enrolled(row, now, silent_after) for row in found]


def _enrolled(row: sqlite3.Row, now: datetime, silent_after: timedelta) -> Enrolled:
    seen_at = None if row["seen_at"] is None else times.moment(row["seen_at"])
    return Enrolled(
        name=row["name"],
        state=_state(row["credentials"], seen_at, now, silent_after),
        seen_at=seen_at,
        version=row["version"],
        mark=(row["epoch"], row["sequence"]),
        mailboxes=row["mailboxes"],
        waiting=row["waiting"],
        credentials=row["credentials"],
    )


def _state(credentials: int, seen_at: datetime | None, now: datetime, silent_after: timedelta) -> str:
    if not credentials:
        return "revoked"
    if seen_at is None:
        return "never-seen"
    return "silent" if now - seen_at >= silent_after else "live"


def known(database: Database, name: str) -> None:
    """Raises NotFound for a name that no connector has."""
    with database.reading() as connection:
        _number(connection, name)


def revoke(database: Database, name: str, *, erase: bool) -> None:
    """Take its tokens and keys away; with ``erase`` all that it sent, too. Raises NotFound."""
    with database.writing() as connection:
        number = _number(connection, name)
        enrolment.end(connection, number)
        if erase:
            rows.forget(connection, number)


def summary(connection: sqlite3.Connection, now: datetime, silent_after: timedelta) -> dict[str, int]:
    """Counts for ``status``."""
    found = connectors(connection, now, silent_after)
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    page = connection.execute("PRAGMA page_size").fetchone()[0]
    return {
        "size": pages * page,
        "connectors": len(found),
        "silent connectors": sum(one.state == "silent" for one in found),
        "mailboxes": sum(one.mailboxes for one in found),
        "meetings": _count(connection, "meetings WHERE data IS NOT NULL"),
        "waiting commands": sum(one.waiting for one in found),
        "user tokens": _count(connection, "tokens WHERE connector IS NULL"),
    }


def _count(connection: sqlite3.Connection, what: str) -> int:
    counted: int = connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0]  # noqa: S608 - our own names
    return counted


def _number(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT number FROM connectors WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f"There is no connector {name}; connector list shows them.")
    number: int = row["number"]
    return number
