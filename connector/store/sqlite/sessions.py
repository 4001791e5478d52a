"""Sessions as rows."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from connector.errors import SessionChanged
from connector.model import Load, Phase, Session, Stage
from connector.store.rows import from_micros, from_micros_or_none, to_micros, to_micros_or_none

_INSERT = """
INSERT INTO sessions (
  mailbox_id, phase, due, version, cursor, revision, attempts, reason,
  load_stage, load_generation, load_resend, load_filled_to, load_snapshot,
  covered, synced_at, presence_at, presence_digest, failed_at, resume, erase
) VALUES (
  :mailbox_id, :phase, :due, :version, :cursor, :revision, :attempts, :reason,
  :load_stage, :load_generation, :load_resend, :load_filled_to, :load_snapshot,
  :covered, :synced_at, :presence_at, :presence_digest, :failed_at, :resume, :erase
)
"""

_UPDATE = """
UPDATE sessions SET
  phase = :phase, due = :due, version = version + 1, cursor = :cursor, revision = :revision,
  attempts = :attempts, reason = :reason,
  load_stage = :load_stage, load_generation = :load_generation, load_resend = :load_resend,
  load_filled_to = :load_filled_to, load_snapshot = :load_snapshot,
  covered = :covered, synced_at = :synced_at,
  presence_at = :presence_at, presence_digest = :presence_digest,
  failed_at = :failed_at, resume = :resume, erase = :erase
WHERE mailbox_id = :mailbox_id AND version = :version
"""


def insert_session(connection: sqlite3.Connection, session: Session) -> None:
    """Write the first state of a mailbox."""
    connection.execute(_INSERT, _columns(session))


def update_session(connection: sqlite3.Connection, session: Session) -> Session:
    """Write the next state; raises SessionChanged unless ``session.version`` is the stored one."""
    if connection.execute(_UPDATE, _columns(session)).rowcount != 1:
        raise SessionChanged(session.mailbox_id)
    return replace(session, version=session.version + 1)


def session_of(row: sqlite3.Row) -> Session:
    """The session that a row of the table holds."""
    return Session(
        mailbox_id=row["mailbox_id"],
        phase=Phase(row["phase"]),
        due=from_micros(row["due"]),
        version=row["version"],
        cursor=row["cursor"],
        revision=row["revision"],
        attempts=row["attempts"],
        reason=row["reason"],
        load=_load_of(row),
        covered=from_micros_or_none(row["covered"]),
        synced_at=from_micros_or_none(row["synced_at"]),
        presence_at=from_micros_or_none(row["presence_at"]),
        presence_digest=row["presence_digest"],
        failed_at=from_micros_or_none(row["failed_at"]),
        resume=None if row["resume"] is None else Phase(row["resume"]),
        erase=bool(row["erase"]),
    )


def _load_of(row: sqlite3.Row) -> Load | None:
    if row["load_stage"] is None:
        return None
    return Load(
        stage=Stage(row["load_stage"]),
        generation=row["load_generation"],
        resend=bool(row["load_resend"]),
        filled_to=from_micros_or_none(row["load_filled_to"]),
        snapshot=row["load_snapshot"],
    )


def _columns(session: Session) -> dict[str, Any]:
    load = session.load
    return {
        "mailbox_id": session.mailbox_id,
        "phase": int(session.phase),
        "due": to_micros(session.due),
        "version": session.version,
        "cursor": session.cursor,
        "revision": session.revision,
        "attempts": session.attempts,
        "reason": session.reason,
        "load_stage": load.stage.value if load else None,
        "load_generation": load.generation if load else None,
        "load_resend": load.resend if load else None,
        "load_filled_to": to_micros_or_none(load.filled_to) if load else None,
        "load_snapshot": load.snapshot if load else None,
        "covered": to_micros_or_none(session.covered),
        "synced_at": to_micros_or_none(session.synced_at),
        "presence_at": to_micros_or_none(session.presence_at),
        "presence_digest": session.presence_digest,
        "failed_at": to_micros_or_none(session.failed_at),
        "resume": None if session.resume is None else int(session.resume),
        "erase": session.erase,
    }
