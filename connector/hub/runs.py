"""Which process of a connector may speak: greetings, and the check of every later request (docs/relay.md sections 3, 4, 7)."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from connector.hub import times
from connector.hub.problems import Refusal
from connector.relay import strict, wire
from connector.relay.base import Greeting


def greet(connection: sqlite3.Connection, connector: int, greeting: Greeting, now: datetime) -> wire.Order:
    """Make the run the current one and supersede the former; the mark. Raises Refusal 409."""
    _refuse_superseded(connection, connector, greeting.run)
    row = _row(connection, connector)
    if row["run"] not in (None, greeting.run):
        connection.execute(
            "INSERT INTO superseded (connector, run, at) VALUES (?, ?, ?)",
            (connector, row["run"], times.stamp(now)),
        )
    connection.execute(
        "UPDATE connectors SET run = ?, version = ?, seen_at = ? WHERE number = ?",
        (greeting.run, greeting.version, times.stamp(now), connector),
    )
    return (row["epoch"], row["sequence"])


def check(connection: sqlite3.Connection, connector: int, run: str | None) -> wire.Order:
    """The mark, if the run is the current one. Raises Refusal 409 or 428."""
    if not run or not strict.ID.fullmatch(run):
        raise Refusal(428, "greet-first")
    _refuse_superseded(connection, connector, run)
    row = _row(connection, connector)
    if row["run"] != run:
        raise Refusal(428, "greet-first")
    return (row["epoch"], row["sequence"])


def _refuse_superseded(connection: sqlite3.Connection, connector: int, run: str) -> None:
    asked = "SELECT 1 FROM superseded WHERE connector = ? AND run = ?"
    if connection.execute(asked, (connector, run)).fetchone():
        raise Refusal(409, "superseded")


def _row(connection: sqlite3.Connection, connector: int) -> sqlite3.Row:
    row = connection.execute(
        "SELECT run, epoch, sequence FROM connectors WHERE number = ?", (connector,)
    ).fetchone()
    if row is None:
        raise Refusal(401, "credential-refused")
    found: sqlite3.Row = row
    return found
