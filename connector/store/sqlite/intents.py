"""What keywords ask for, as rows of the table ``intents``."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from connector.model import Intent
from connector.store.intents import intent_of, plain
from connector.store.rows import to_micros, to_micros_or_none
from connector.store.sqlite.sealing import Sealing
from connector.store.sqlite.verbs import Verbs

_OF_SERIES = """
SELECT * FROM intents WHERE series_key IN (SELECT value FROM json_each(?)) ORDER BY mailbox_id, place
"""
_OF_MAILBOX = "SELECT * FROM intents WHERE mailbox_id = ? ORDER BY place"
_NEXT = """
SELECT * FROM intents WHERE mailbox_id = ? AND due IS NOT NULL ORDER BY due, place <> series_key, place LIMIT 1
"""
_UPSERT = """
INSERT OR REPLACE INTO intents (mailbox_id, place, series_key, due, until, sealed) VALUES (?, ?, ?, ?, ?, ?)
"""


class IntentVerbs(Verbs):
    """Intents are written by ``commit`` and read here."""

    def intents_of_series(self, series_keys: Sequence[str]) -> tuple[Intent, ...]:
        """All of these series, of whatever mailbox."""
        with self._database.read() as connection:
            rows = connection.execute(_OF_SERIES, (json.dumps(list(series_keys)),)).fetchall()
        return tuple(self._intent(row) for row in rows)

    def intents(self, mailbox_id: str) -> tuple[Intent, ...]:
        """All of one mailbox."""
        with self._database.read() as connection:
            rows = connection.execute(_OF_MAILBOX, (mailbox_id,)).fetchall()
        return tuple(self._intent(row) for row in rows)

    def next_intent(self, mailbox_id: str) -> Intent | None:
        """The one due first."""
        with self._database.read() as connection:
            row = connection.execute(_NEXT, (mailbox_id,)).fetchone()
        return self._intent(row) if row else None

    def _intent(self, row: sqlite3.Row) -> Intent:
        return intent_of(self._sealing.open("intents", _row(row["mailbox_id"], row["place"]), row["sealed"]))


def write_intents(connection: sqlite3.Connection, sealing: Sealing, intents: Sequence[Intent]) -> None:
    """Write or replace them by place; those of a mailbox that is no longer here are passed over."""
    for intent in intents:
        known = connection.execute("SELECT 1 FROM mailboxes WHERE id = ?", (intent.mailbox_id,)).fetchone()
        if known is None:
            continue
        values = (
            intent.mailbox_id,
            intent.place,
            intent.series_key,
            to_micros_or_none(intent.due),
            to_micros(intent.until),
            sealing.seal("intents", _row(intent.mailbox_id, intent.place), plain(intent)),
        )
        connection.execute(_UPSERT, values)


def forget_intents(connection: sqlite3.Connection, ended_before: datetime) -> None:
    """Delete those whose meetings were over by then and that nothing is to be done for."""
    connection.execute(
        "DELETE FROM intents WHERE until < ? AND due IS NULL",
        (to_micros(ended_before),),
    )


def _row(mailbox_id: str, place: str) -> str:
    return f"{mailbox_id}/{place}"
