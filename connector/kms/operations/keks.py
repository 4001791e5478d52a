"""The administrative operations on the key over the keys: /cmk and /kek name the same thing here."""

from __future__ import annotations

import sqlite3
from typing import Any

from connector.kms.operations.work import Done, Work
from connector.kms.refusal import Refusal, not_allowed, not_found


def create(work: Work) -> Done:
    """``create /kek``: a new one, active; the former is inactive, and what it wraps is wrapped anew by and by."""
    _demand_admin(work)
    version = work.hierarchy.add_version(work.connection, work.now)
    return _shown(work, version)


def retrieve(work: Work) -> Done:
    """``retrieve /kek``: all of them, newest first."""
    _demand_admin(work)
    rows = work.connection.execute("SELECT * FROM keks ORDER BY version DESC LIMIT 1000")
    return Done(200, {"keys": [_written(work, row) for row in rows]})


def update(work: Work) -> Done:
    """``update /kek/{id}``: ``state`` active makes that one wrap again. No other state can be asked for from afar."""
    _demand_admin(work)
    row = _row(work, work.target.id)
    if work.members.get("state") != "active":
        raise Refusal(400, "The only state that can be set is active.")
    work.connection.execute("UPDATE keks SET state = 'inactive'")
    work.connection.execute("UPDATE keks SET state = 'active' WHERE version = ?", (row["version"],))
    return _shown(work, row["version"])


def _demand_admin(work: Work) -> None:
    if not work.caller.admin:
        raise not_allowed()
    organisation = work.members.get("assignedOrgId", work.target.query.get("assignedOrgId", work.names.host))
    if organisation != work.names.host:
        raise Refusal(404, f"This key server knows one organisation, {work.names.host}.")


def _row(work: Work, identity: str) -> sqlite3.Row:
    number = int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 10 else 0
    row: sqlite3.Row | None = work.connection.execute(
        "SELECT * FROM keks WHERE version = ?", (number,)
    ).fetchone()
    if row is None:
        raise not_found()
    return row


def _shown(work: Work, version: int) -> Done:
    written = _written(work, _row(work, str(version)))
    return Done(200, {**written, "key": written}, (written["uri"],))


def _written(work: Work, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "uri": work.names.uri(work.target.collection, str(row["version"])),
        "state": row["state"],
        "assignedOrgId": work.names.host,
    }
