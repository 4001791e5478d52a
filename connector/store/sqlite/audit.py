"""The audit trail: sealed rows in a chain of keyed digests."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from connector.errors import StoreError
from connector.model import AuditEntry
from connector.store.base import AuditRow
from connector.store.rows import audit_entry, audit_text, chain_text, from_json, to_json, to_micros
from connector.store.sqlite.sealing import Sealing
from connector.store.sqlite.verbs import Verbs


class AuditVerbs(Verbs):
    """Append-only; the two ends of the chain are kept beside it."""

    def audit(self, entry: AuditEntry) -> int:
        """Append; the number of the row."""
        with self._database.write() as connection:
            return append_audit(connection, self._sealing, entry)

    def audit_rows(self, after: int = 0, limit: int = 1000) -> tuple[AuditRow, ...]:
        """Rows with a number above ``after``, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, max(limit, 0))
            ).fetchall()
        return tuple(AuditRow(row["number"], self._entry(row), row["chain"]) for row in rows)

    def last_audit(self) -> int:
        """The number of the newest row."""
        with self._database.read() as connection:
            number: int = connection.execute("SELECT head_number FROM audit_ends").fetchone()[0]
            return number

    def count_audit(self, action: str, since: datetime, mailbox_id: str | None = None) -> int:
        """How often ``action`` happened at or after ``since``."""
        with self._database.read() as connection:
            if mailbox_id is None:
                found = connection.execute(
                    "SELECT count(*) FROM audit WHERE action = ? AND at >= ?", (action, to_micros(since))
                )
            else:
                found = connection.execute(
                    "SELECT count(*) FROM audit WHERE mailbox_digest = ? AND action = ? AND at >= ?",
                    (self._sealing.digest(mailbox_id), action, to_micros(since)),
                )
            count: int = found.fetchone()[0]
            return count

    def verify_audit(self) -> int | None:
        """The number of the first row that is missing, was changed, or does not follow from the one before."""
        with self._database.read() as connection:
            ends = connection.execute("SELECT * FROM audit_ends").fetchone()
            number: int = ends["anchor_number"]
            chain: str = ends["anchor_chain"]
            for row in connection.execute("SELECT * FROM audit ORDER BY number"):
                number += 1
                if row["number"] != number or not self._holds(row, chain):
                    return number
                chain = row["chain"]
        if (number, chain) == (ends["head_number"], ends["head_chain"]):
            return None
        return min(number, int(ends["head_number"])) + 1

    def purge_audit(self, before: datetime) -> int:
        """Delete the oldest rows up to the first that is not older than ``before``; keep the chain's anchor."""
        with self._database.write() as connection:
            last = connection.execute(
                """
                SELECT number, chain FROM audit
                WHERE number < coalesce(
                  (SELECT number FROM audit WHERE at >= ? ORDER BY number LIMIT 1),
                  (SELECT head_number + 1 FROM audit_ends)
                )
                ORDER BY number DESC LIMIT 1
                """,
                (to_micros(before),),
            ).fetchone()
            if last is None:
                return 0
            connection.execute(
                "UPDATE audit_ends SET anchor_number = ?, anchor_chain = ?", (last["number"], last["chain"])
            )
            return connection.execute("DELETE FROM audit WHERE number <= ?", (last["number"],)).rowcount

    def _entry(self, row: sqlite3.Row) -> AuditEntry:
        return audit_entry(to_json(self._sealing.open("audit", row["number"], row["sealed"])))

    def _holds(self, row: sqlite3.Row, previous: str) -> bool:
        try:
            entry = self._entry(row)
        except StoreError:
            return False
        said = (row["at"], row["action"], row["mailbox_digest"], row["chain"])
        chain = self._sealing.digest(chain_text(previous, row["number"], audit_text(entry)))
        return said == (to_micros(entry.at), entry.action, self._sealing.digest(entry.mailbox), chain)


def append_audit(connection: sqlite3.Connection, sealing: Sealing, entry: AuditEntry) -> int:
    """Add a row inside a transaction that is open already; its number."""
    text = audit_text(entry)
    head = connection.execute("SELECT head_number, head_chain FROM audit_ends").fetchone()
    number: int = head["head_number"] + 1
    chain = sealing.digest(chain_text(head["head_chain"], number, text))
    connection.execute(
        "INSERT INTO audit (number, at, action, mailbox_digest, chain, sealed) VALUES (?, ?, ?, ?, ?, ?)",
        (
            number,
            to_micros(entry.at),
            entry.action,
            sealing.digest(entry.mailbox),
            chain,
            sealing.seal("audit", number, from_json(text)),
        ),
    )
    connection.execute("UPDATE audit_ends SET head_number = ?, head_chain = ?", (number, chain))
    return number
