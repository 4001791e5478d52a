"""The outbox and its dead letters."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from connector.model import DeadLetter, Envelope, EventKind, Queued
from connector.store.base import OutboxState
from connector.store.order import LeftBehind
from connector.store.rows import (
    BARRIERS,
    DEAD_LETTERS_SHOWN,
    REPLACEABLE,
    from_json,
    from_micros,
    from_micros_or_none,
    to_json,
    to_micros,
    to_micros_or_none,
)
from connector.store.sqlite.verbs import Verbs

# Nothing older of the same meeting and no barrier of the same mailbox may be in front, in flight or not.
# The index is named because the planner would rather read the whole outbox than sort the few that are urgent.
_URGENT = """
SELECT sequence FROM outbox AS urgent INDEXED BY outbox_urgent
WHERE claimed = 0 AND barrier = 0 AND starts < :before
  AND NOT EXISTS (
    SELECT 1 FROM outbox AS wall
    WHERE wall.mailbox_id = urgent.mailbox_id AND wall.barrier = 1 AND wall.sequence < urgent.sequence
  )
  AND NOT EXISTS (
    SELECT 1 FROM outbox AS older
    WHERE older.mailbox_id = urgent.mailbox_id AND older.meeting_id = urgent.meeting_id
      AND older.sequence < urgent.sequence
  )
ORDER BY sequence LIMIT :limit
"""

# Read from its beginning until enough was found: what is passed over is in flight, or waits for what is.
_WALK = "SELECT sequence, kind, mailbox_id, meeting_id, claimed FROM outbox ORDER BY sequence"

_PICKED = "SELECT * FROM outbox WHERE sequence IN (SELECT value FROM json_each(?))"

_BURY = """
INSERT OR REPLACE INTO dead_letters (
  id, kind, mailbox_id, meeting_id, revision, key_uri, starts,
  epoch, sequence, attempts, queued_at, code, buried_at, sealed
)
SELECT
  id, kind, mailbox_id, meeting_id, revision, key_uri, starts,
  (SELECT epoch FROM life), sequence, attempts, queued_at, :code, :now, :sealed
FROM outbox WHERE id = :id
"""


class OutboxVerbs(Verbs):
    """Envelopes on their way."""

    def claim(self, limit: int, urgent_before: datetime) -> tuple[Queued, ...]:
        """The next envelopes to send: urgent ones first, then by sequence, none past what it has to follow."""
        with self._database.write() as connection:
            params = {"before": to_micros(urgent_before), "limit": max(limit, 0)}
            picked = [row["sequence"] for row in connection.execute(_URGENT, params)]
            picked += _in_order(connection, set(picked), limit - len(picked))
            connection.executemany(
                "UPDATE outbox SET claimed = 1 WHERE sequence = ?", [(number,) for number in picked]
            )
            rows = connection.execute(_PICKED, (json.dumps(picked),)).fetchall()
            epoch = connection.execute("SELECT epoch FROM life").fetchone()["epoch"]
        found = {row["sequence"]: _queued_of(row, epoch, row["data"]) for row in rows}
        return tuple(found[number] for number in picked)

    def acknowledge(self, event_ids: Sequence[str]) -> None:
        """The hub has them for good."""
        with self._database.write() as connection:
            connection.executemany("DELETE FROM outbox WHERE id = ?", [(event_id,) for event_id in event_ids])

    def release(self, event_ids: Sequence[str]) -> None:
        """They were not taken: to be claimed again, attempts counted."""
        with self._database.write() as connection:
            connection.executemany(
                "UPDATE outbox SET claimed = 0, attempts = attempts + 1 WHERE id = ? AND claimed = 1",
                [(event_id,) for event_id in event_ids],
            )

    def bury(self, event_id: str, code: str, now: datetime) -> None:
        """Move it to the dead letters, where its data rests sealed."""
        with self._database.write() as connection:
            row = connection.execute("SELECT data FROM outbox WHERE id = ?", (event_id,)).fetchone()
            if row is None:
                return
            sealed = self._sealing.seal("dead_letters", event_id, from_json(row["data"]))
            params = {"id": event_id, "code": code, "now": to_micros(now), "sealed": sealed}
            connection.execute(_BURY, params)
            connection.execute("DELETE FROM outbox WHERE id = ?", (event_id,))

    def release_all(self) -> int:
        """Give free what a killed process had claimed."""
        with self._database.write() as connection:
            return connection.execute("UPDATE outbox SET claimed = 0 WHERE claimed = 1").rowcount

    def outbox(self) -> OutboxState:
        """Its present size."""
        with self._database.read() as connection:
            waiting = connection.execute("SELECT count(*) FROM outbox").fetchone()[0]
            oldest = connection.execute("SELECT min(queued_at) FROM outbox").fetchone()[0]
            dead = connection.execute("SELECT count(*) FROM dead_letters").fetchone()[0]
        return OutboxState(waiting, from_micros_or_none(oldest), dead)

    def waiting(self, mailbox_id: str) -> tuple[Queued, ...]:
        """What waits of one mailbox, in order."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM outbox WHERE mailbox_id = ? ORDER BY sequence", (mailbox_id,)
            ).fetchall()
            epoch = connection.execute("SELECT epoch FROM life").fetchone()["epoch"]
        return tuple(_queued_of(row, epoch, row["data"]) for row in rows)

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The newest first, at most 1,000."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM dead_letters ORDER BY number DESC LIMIT ?", (DEAD_LETTERS_SHOWN,)
            ).fetchall()
        return tuple(self._dead_letter_of(row) for row in rows)

    def drop_dead_letter(self, event_id: str) -> bool:
        """Forget one; whether it was there."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM dead_letters WHERE id = ?", (event_id,)).rowcount == 1

    def _dead_letter_of(self, row: sqlite3.Row) -> DeadLetter:
        data = to_json(self._sealing.open("dead_letters", row["id"], row["sealed"]))
        return DeadLetter(_queued_of(row, row["epoch"], data), row["code"], from_micros(row["buried_at"]))


def enqueue(connection: sqlite3.Connection, envelopes: Sequence[Envelope], now: datetime) -> None:
    """Put envelopes at the end, in a transaction that is open already; what waits of the same meetings goes."""
    first = connection.execute("SELECT last_sequence FROM life").fetchone()["last_sequence"] + 1
    numbered = list(enumerate(envelopes, start=first))
    meetings: dict[tuple[str, str | None], int] = {
        (envelope.mailbox_id, envelope.meeting_id): number
        for number, envelope in numbered
        if envelope.kind in REPLACEABLE and envelope.meeting_id is not None
    }
    connection.executemany(
        "DELETE FROM outbox WHERE mailbox_id = ? AND meeting_id = ? AND claimed = 0"
        " AND kind IN ('meeting.put', 'meeting.gone')",
        list(meetings),
    )
    connection.executemany(
        "INSERT INTO outbox (sequence, id, kind, mailbox_id, meeting_id, revision, key_uri, starts,"
        " barrier, claimed, attempts, queued_at, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        [
            (number, *_columns(envelope), to_micros(now), to_json(envelope.data))
            for number, envelope in numbered
            if envelope.kind not in REPLACEABLE
            or meetings.get((envelope.mailbox_id, envelope.meeting_id), number) == number
        ],
    )
    connection.execute("UPDATE life SET last_sequence = last_sequence + ?", (len(numbered),))


def _in_order(connection: sqlite3.Connection, taken: set[int], limit: int) -> list[int]:
    chosen: list[int] = []
    left = LeftBehind()
    walk = connection.execute(_WALK)
    try:
        for row in walk:
            if len(chosen) >= limit:
                break
            place = (EventKind(row["kind"]), row["mailbox_id"], row["meeting_id"])
            if row["sequence"] in taken:
                continue
            if row["claimed"] or left.holds(*place):
                left.add(*place)
            else:
                chosen.append(row["sequence"])
    finally:
        walk.close()
    return chosen


def _columns(envelope: Envelope) -> tuple[object, ...]:
    return (
        envelope.id,
        envelope.kind.value,
        envelope.mailbox_id,
        envelope.meeting_id,
        envelope.revision,
        envelope.key_uri,
        to_micros_or_none(envelope.starts),
        envelope.kind in BARRIERS,
    )


def _queued_of(row: sqlite3.Row, epoch: int, data: bytes) -> Queued:
    envelope = Envelope(
        id=row["id"],
        kind=EventKind(row["kind"]),
        mailbox_id=row["mailbox_id"],
        data=from_json(data),
        meeting_id=row["meeting_id"],
        revision=row["revision"],
        key_uri=row["key_uri"],
        starts=from_micros_or_none(row["starts"]),
    )
    return Queued(envelope, epoch, row["sequence"], from_micros(row["queued_at"]), row["attempts"])
