"""The index of what was sent, and the one transaction that moves it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from connector.errors import StoreError
from connector.model import Commit, Envelope, IndexRow, Quarantined, Session
from connector.store.rows import to_micros
from connector.store.sqlite.audit import append_audit
from connector.store.sqlite.commands import finish_command
from connector.store.sqlite.intents import write_intents
from connector.store.sqlite.meetings import rows_of, write_quarantine, write_rows
from connector.store.sqlite.outbox import enqueue
from connector.store.sqlite.sessions import update_session
from connector.store.sqlite.verbs import Verbs

_OF_SERIES = """
SELECT * FROM meetings
WHERE mailbox_id = ? AND series_key IN (SELECT value FROM json_each(?))
ORDER BY meeting_id
"""

_OF_ITEMS = """
WITH wanted AS (SELECT value FROM json_each(?2))
SELECT * FROM meetings
WHERE mailbox_id = ?1 AND (item_id IN wanted OR home_id IN wanted)
ORDER BY meeting_id
"""

_UNSEEN = "SELECT * FROM meetings WHERE mailbox_id = ? AND generation < ? ORDER BY meeting_id"

_BEFORE = "SELECT * FROM meetings WHERE mailbox_id = ? AND end_at <= ? ORDER BY meeting_id"

# The rule of ``model.Window.overlaps``: an empty meeting counts by its start.
_BETWEEN = """
SELECT * FROM meetings
WHERE mailbox_id = :mailbox_id AND start_at < :end
  AND (end_at > :start OR (end_at = start_at AND start_at >= :start))
ORDER BY meeting_id
"""


class IndexVerbs(Verbs):
    """Rows by mailbox, and ``commit``."""

    def rows_of_series(self, mailbox_id: str, series_keys: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows of these series."""
        with self._database.read() as connection:
            return rows_of(connection.execute(_OF_SERIES, (mailbox_id, _listed(series_keys))).fetchall())

    def rows_of_items(self, mailbox_id: str, item_ids: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows whose item id or home id is one of these."""
        with self._database.read() as connection:
            return rows_of(connection.execute(_OF_ITEMS, (mailbox_id, _listed(item_ids))).fetchall())

    def rows_unseen(self, mailbox_id: str, generation: int) -> tuple[IndexRow, ...]:
        """Rows whose generation is below ``generation``."""
        with self._database.read() as connection:
            return rows_of(connection.execute(_UNSEEN, (mailbox_id, generation)).fetchall())

    def rows_before(self, mailbox_id: str, moment: datetime) -> tuple[IndexRow, ...]:
        """Rows that ended at or before ``moment``."""
        with self._database.read() as connection:
            return rows_of(connection.execute(_BEFORE, (mailbox_id, to_micros(moment))).fetchall())

    def rows_between(self, mailbox_id: str, start: datetime, end: datetime) -> tuple[IndexRow, ...]:
        """Rows that overlap the half-open span, by the rule of ``Window.overlaps``."""
        params = {"mailbox_id": mailbox_id, "start": to_micros(start), "end": to_micros(end)}
        with self._database.read() as connection:
            return rows_of(connection.execute(_BETWEEN, params).fetchall())

    def count_rows(self, mailbox_id: str) -> int:
        """How many meetings of the mailbox the hub is believed to hold."""
        with self._database.read() as connection:
            found = connection.execute("SELECT count(*) FROM meetings WHERE mailbox_id = ?", (mailbox_id,))
            count: int = found.fetchone()[0]
            return count

    def quarantine(self, mailbox_id: str) -> tuple[Quarantined, ...]:
        """Items that could not be read, by item id."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT item_id, code FROM quarantine WHERE mailbox_id = ? ORDER BY item_id", (mailbox_id,)
            ).fetchall()
        return tuple(Quarantined(row["item_id"], row["code"]) for row in rows)

    def commit(self, commit: Commit, now: datetime) -> Session:
        """Write one step whole, or nothing of it."""
        with self._database.write() as connection:
            stored = update_session(connection, commit.session)
            _refuse_known_events(connection, commit.envelopes)
            write_rows(connection, commit)
            write_quarantine(connection, commit)
            write_intents(connection, self._sealing, commit.intents)
            enqueue(connection, commit.envelopes, now)
            if commit.finished:
                finish_command(connection, commit.finished, now)
            for entry in commit.audit:
                append_audit(connection, self._sealing, entry)
        return stored


def _listed(values: Sequence[str]) -> str:
    return json.dumps(list(values))


def _refuse_known_events(connection: sqlite3.Connection, envelopes: Sequence[Envelope]) -> None:
    ids = [envelope.id for envelope in envelopes]
    known = connection.execute(
        "SELECT 1 FROM outbox WHERE id IN (SELECT value FROM json_each(?)) LIMIT 1", (_listed(ids),)
    ).fetchone()
    if known or len(set(ids)) < len(ids):
        raise StoreError("An event of this step is in the outbox already.")
