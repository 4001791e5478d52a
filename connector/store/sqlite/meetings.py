"""Index rows as rows of the table ``meetings``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from connector.model import Commit, IndexRow
from connector.store.rows import from_micros, to_micros

_UPSERT = """
INSERT OR REPLACE INTO meetings (
  mailbox_id, meeting_id, series_key, item_id, home_id, change_key, original_start, start_at, end_at,
  digest, digest_version, rules_version, key_uri, revision, generation
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def write_rows(connection: sqlite3.Connection, commit: Commit) -> None:
    """Drop, write and touch the rows of one step."""
    mailbox_id = commit.session.mailbox_id
    connection.executemany(
        "DELETE FROM meetings WHERE mailbox_id = ? AND meeting_id = ?",
        [(mailbox_id, meeting_id) for meeting_id in commit.dropped],
    )
    connection.executemany(_UPSERT, [(mailbox_id, *_columns(row)) for row in commit.rows])
    if commit.session.load:
        connection.executemany(
            "UPDATE meetings SET generation = ? WHERE mailbox_id = ? AND meeting_id = ?",
            [(commit.session.load.generation, mailbox_id, meeting_id) for meeting_id in commit.touched],
        )


def write_quarantine(connection: sqlite3.Connection, commit: Commit) -> None:
    """Release, then hold what one step could not read."""
    mailbox_id = commit.session.mailbox_id
    connection.executemany(
        "DELETE FROM quarantine WHERE mailbox_id = ? AND item_id = ?",
        [(mailbox_id, item_id) for item_id in commit.released],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO quarantine (mailbox_id, item_id, code) VALUES (?, ?, ?)",
        [(mailbox_id, item.item_id, item.code) for item in commit.quarantined],
    )


def rows_of(found: Sequence[sqlite3.Row]) -> tuple[IndexRow, ...]:
    """The index rows that rows of the table hold."""
    return tuple(
        IndexRow(
            meeting_id=row["meeting_id"],
            series_key=row["series_key"],
            item_id=row["item_id"],
            home_id=row["home_id"],
            change_key=row["change_key"],
            original_start=from_micros(row["original_start"]),
            start=from_micros(row["start_at"]),
            end=from_micros(row["end_at"]),
            digest=row["digest"],
            digest_version=row["digest_version"],
            rules_version=row["rules_version"],
            key_uri=row["key_uri"],
            revision=row["revision"],
            generation=row["generation"],
        )
        for row in found
    )


def _columns(row: IndexRow) -> tuple[object, ...]:
    return (
        row.meeting_id,
        row.series_key,
        row.item_id,
        row.home_id,
        row.change_key,
        to_micros(row.original_start),
        to_micros(row.start),
        to_micros(row.end),
        row.digest,
        row.digest_version,
        row.rules_version,
        row.key_uri,
        row.revision,
        row.generation,
    )
