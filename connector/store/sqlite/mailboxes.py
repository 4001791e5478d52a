"""Mailboxes and their sessions."""

from __future__ import annotations

import json
import sqlite3
from sys import intern

from connector.errors import StoreError
from connector.model import AuditEntry, Location, Mailbox, Phase, Session
from connector.store.rows import from_micros_or_none, to_micros_or_none
from connector.store.sqlite.audit import append_audit
from connector.store.sqlite.sessions import insert_session, session_of, update_session
from connector.store.sqlite.verbs import Verbs

# Every table that names a mailbox and is not emptied by the foreign key of `mailboxes`.
_ERASURES = (
    "DELETE FROM mailboxes WHERE id = ?",
    "DELETE FROM commands WHERE mailbox_id = ?",
    "DELETE FROM subscriptions WHERE mailbox_id = ?",
    "DELETE FROM wrapped_keys WHERE mailbox_id = ?",
    "DELETE FROM dead_letters WHERE mailbox_id = ?",
)


class MailboxVerbs(Verbs):
    """Who is activated, and where each stands."""

    def add_mailbox(self, mailbox: Mailbox, session: Session, audit: AuditEntry) -> None:
        """Record a new mailbox."""
        if session.mailbox_id != mailbox.id:
            raise StoreError(f"The session given for mailbox {mailbox.id} is that of another.")
        with self._database.write() as connection:
            if _is_there(connection, mailbox.id):
                raise StoreError(f"The mailbox {mailbox.id} is in the store already.")
            self._refuse_twin(connection, mailbox)
            connection.execute(
                "INSERT INTO mailboxes (source, policy, origin, left_at, address_digest, sealed, id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._columns(mailbox),
            )
            insert_session(connection, session)
            append_audit(connection, self._sealing, audit)

    def change_mailbox(self, mailbox: Mailbox, audit: AuditEntry | None = None) -> None:
        """Replace the record of a mailbox that is there."""
        with self._database.write() as connection:
            if not _is_there(connection, mailbox.id):
                raise StoreError(f"The mailbox {mailbox.id} is not in the store.")
            self._refuse_twin(connection, mailbox)
            connection.execute(
                "UPDATE mailboxes SET source = ?, policy = ?, origin = ?, left_at = ?, address_digest = ?,"
                " sealed = ? WHERE id = ?",
                self._columns(mailbox),
            )
            if audit:
                append_audit(connection, self._sealing, audit)

    def mailbox(self, mailbox_id: str) -> Mailbox | None:
        """By id."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM mailboxes WHERE id = ?", (mailbox_id,)).fetchone()
        return self._mailbox_of(row) if row else None

    def find_mailbox(self, address: str) -> Mailbox | None:
        """By primary address, any case; of several sources, the one recorded first."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT * FROM mailboxes WHERE address_digest = ? ORDER BY number LIMIT 1",
                (self._address_digest(address),),
            ).fetchone()
        return self._mailbox_of(row) if row else None

    def mailboxes(self, *phases: Phase) -> tuple[Mailbox, ...]:
        """Those in one of the phases; all without an argument."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT mailboxes.*, sessions.phase FROM mailboxes JOIN sessions ON mailbox_id = id"
            )
            return tuple(self._mailbox_of(row) for row in rows if not phases or row["phase"] in phases)

    def count_mailboxes(self, *phases: Phase) -> int:
        """How many are in one of the phases; all without an argument."""
        wanted = json.dumps([int(phase) for phase in phases or Phase])
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT count(*) FROM sessions WHERE phase IN (SELECT value FROM json_each(?))", (wanted,)
            )
            count: int = found.fetchone()[0]
            return count

    def session(self, mailbox_id: str) -> Session | None:
        """The state of one mailbox."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM sessions WHERE mailbox_id = ?", (mailbox_id,)).fetchone()
        return session_of(row) if row else None

    def sessions(self) -> tuple[Session, ...]:
        """All of them."""
        with self._database.read() as connection:
            return tuple(map(session_of, connection.execute("SELECT * FROM sessions")))

    def change_session(self, session: Session, audit: AuditEntry | None = None) -> Session:
        """Write a session without anything else."""
        with self._database.write() as connection:
            stored = update_session(connection, session)
            if audit:
                append_audit(connection, self._sealing, audit)
        return stored

    def erase_mailbox(self, mailbox_id: str, audit: AuditEntry, *, keep_outbox: bool = True) -> None:
        """Delete every row of the mailbox, except what still has to reach the hub."""
        with self._database.write() as connection:
            for erasure in _ERASURES:
                connection.execute(erasure, (mailbox_id,))
            if not keep_outbox:
                connection.execute("DELETE FROM outbox WHERE mailbox_id = ?", (mailbox_id,))
            append_audit(connection, self._sealing, audit)

    def _refuse_twin(self, connection: sqlite3.Connection, mailbox: Mailbox) -> None:
        twin = connection.execute(
            "SELECT 1 FROM mailboxes WHERE address_digest = ? AND source = ? AND id <> ?",
            (self._address_digest(mailbox.address), mailbox.source, mailbox.id),
        ).fetchone()
        if twin:
            raise StoreError(f"The source {mailbox.source} has a mailbox of this address already.")

    def _address_digest(self, address: str) -> str:
        return self._sealing.digest(address.lower())

    def _columns(self, mailbox: Mailbox) -> tuple[object, ...]:
        location = mailbox.location
        private = {
            "address": mailbox.address,
            "stable_id": mailbox.stable_id,  # may be a legacy name with the person's in it
            "location": [location.endpoint, location.group] if location else None,
        }
        return (
            mailbox.source,
            mailbox.policy,
            mailbox.origin,
            to_micros_or_none(mailbox.left_at),
            self._address_digest(mailbox.address),
            self._sealing.seal("mailboxes", mailbox.id, private),
            mailbox.id,
        )

    def _mailbox_of(self, row: sqlite3.Row) -> Mailbox:
        """What thousands have in common is held in memory once."""
        private = self._sealing.open("mailboxes", row["id"], row["sealed"])
        return Mailbox(
            id=row["id"],
            source=intern(row["source"]),
            address=private["address"],
            policy=intern(row["policy"]),
            origin=intern(row["origin"]),
            stable_id=private["stable_id"],
            location=Location(*map(intern, private["location"])) if private["location"] else None,
            left_at=from_micros_or_none(row["left_at"]),
        )


def _is_there(connection: sqlite3.Connection, mailbox_id: str) -> bool:
    return connection.execute("SELECT 1 FROM mailboxes WHERE id = ?", (mailbox_id,)).fetchone() is not None
