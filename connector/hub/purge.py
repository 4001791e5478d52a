"""What the hub deletes by its own clock, whatever the connector says (docs/relay.md section 6.8)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from connector.hub import rows, times
from connector.hub.office import Office
from connector.hub.settings import Times

PORTION = 500
"""So many rows in one transaction, so that events are not kept waiting."""

_log = structlog.get_logger(__name__)

Step = Callable[[sqlite3.Connection, datetime], int]


async def forever(office: Office) -> None:
    """Purge again and again; trouble with the database is logged and tried again."""
    while True:
        try:
            await once(office)
        except sqlite3.Error as error:
            _log.error("purge.trouble", kind=error.sqlite_errorname)
        await asyncio.sleep(office.settings.times.purge_every.total_seconds())


async def once(office: Office) -> int:
    """Delete all that is due; how many rows that were."""
    total = 0
    for name, step in steps(office.settings.times):
        gone = await _all(office, step)
        if gone:
            _log.info("purged", what=name, rows=gone)
        total += gone
    return total


async def _all(office: Office, step: Step) -> int:
    total = 0
    while gone := await office.write(lambda db: step(db, office.clock())):
        total += gone
    return total


def steps(spans: Times) -> list[tuple[str, Step]]:
    """What is purged, by name. Each step deletes a portion and says how many rows; 0 means that nothing is left to do."""
    return [
        ("ended meetings", _ended(spans.keep_ended)),
        ("outcomes", _old_outcomes(spans.keep_outcomes)),
        ("commands", _expired_commands),
        ("command ids", _older("commands", spans.remember_events)),
        ("event ids", _older("taken", spans.remember_events)),
        ("tombstones", _older("meetings", spans.keep_tombstones, "AND data IS NULL")),
        ("gone mailboxes", _older("mailboxes", spans.keep_tombstones, column="gone_at")),
        ("outcome ids", _older("outcomes", spans.keep_tombstones)),
        ("silent connectors", _silent(spans.keep_silent)),
    ]


def _ended(keep: timedelta) -> Step:
    """A tombstone is left: what the connector says later of the meeting must still be in order."""

    def step(db: sqlite3.Connection, now: datetime) -> int:
        due = db.execute(
            "SELECT number, mailbox FROM meetings WHERE data IS NOT NULL AND ends <= ? LIMIT ?",
            (times.stamp(now - keep), PORTION),
        ).fetchall()
        db.executemany(
            "UPDATE meetings SET data = NULL, starts = NULL, ends = NULL, at = ? WHERE number = ?",
            [(times.stamp(now), row["number"]) for row in due],
        )
        db.executemany(
            "UPDATE mailboxes SET revision = revision + 1 WHERE number = ?",
            [(mailbox,) for mailbox in {row["mailbox"] for row in due}],
        )
        return len(due)

    return step


def _old_outcomes(keep: timedelta) -> Step:
    def step(db: sqlite3.Connection, now: datetime) -> int:
        return db.execute(
            "UPDATE outcomes SET data = NULL WHERE number IN"
            " (SELECT number FROM outcomes WHERE data IS NOT NULL AND at <= ? LIMIT ?)",
            (times.stamp(now - keep), PORTION),
        ).rowcount

    return step


def _expired_commands(db: sqlite3.Connection, now: datetime) -> int:
    return db.execute(
        "UPDATE commands SET jwe = NULL WHERE number IN"
        " (SELECT number FROM commands WHERE jwe IS NOT NULL AND expires <= ? LIMIT ?)",
        (times.stamp(now), PORTION),
    ).rowcount


def _older(table: str, keep: timedelta, condition: str = "", column: str = "at") -> Step:
    """Rows of that age, whatever they hold."""
    key = "(connector, event)" if table == "taken" else "number"
    columns = key.strip("()")

    def step(db: sqlite3.Connection, now: datetime) -> int:
        return db.execute(
            f"DELETE FROM {table} WHERE {key} IN"  # noqa: S608 - our own names
            f" (SELECT {columns} FROM {table} WHERE {column} <= ? {condition} LIMIT ?)",
            (times.stamp(now - keep), PORTION),
        ).rowcount

    return step


def _silent(keep: timedelta) -> Step:
    """All mailboxes of one connector, and its mark: should it ever come back, it must find out and send everything anew."""

    def step(db: sqlite3.Connection, now: datetime) -> int:
        row = db.execute(
            "SELECT connector, count(*) AS mailboxes FROM mailboxes JOIN connectors ON connectors.number = connector"
            " WHERE seen_at <= ? GROUP BY connector LIMIT 1",
            (times.stamp(now - keep),),
        ).fetchone()
        if row is None:
            return 0
        rows.forget(db, row["connector"])
        mailboxes: int = row["mailboxes"]
        return mailboxes

    return step
