"""Who may use which resource: its authorizations, and those of resources that are themselves authorized."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from connector.kms.caller import Caller
from connector.kms.names import Names
from connector.kms.refusal import not_allowed, not_found
from connector.kms.times import micros

DEEPEST = 8
"""So many resources may stand between a user and the one that is asked for."""


def may_use(
    connection: sqlite3.Connection, names: Names, caller: Caller, resource: str, now: datetime
) -> bool:
    """Whether the caller is authorized on the resource, by name or through a resource that is."""
    reached, nearest = {resource}, {resource}
    for _ in range(DEEPEST + 1):
        following: set[str] = set()
        for one in nearest:
            if not _alive(connection, one, now):
                continue
            if _authorized(connection, one, caller.user):
                return True
            following |= _through(connection, names, one)
        nearest = following - reached
        reached |= nearest
        if not nearest:
            return False
    return False


def demand(
    connection: sqlite3.Connection, names: Names, caller: Caller, resource: str, now: datetime
) -> sqlite3.Row:
    """The resource's row. Raises Refusal 404 when there is none, 403 when it is not the caller's to use."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM resources WHERE id = ?", (resource,)
    ).fetchone()
    if row is None or not _alive(connection, resource, now):
        raise not_found()
    if not may_use(connection, names, caller, resource, now):
        raise not_allowed()
    return row


def _alive(connection: sqlite3.Connection, resource: str, now: datetime) -> bool:
    found = connection.execute(
        "SELECT 1 FROM resources WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)",
        (resource, micros(now)),
    ).fetchone()
    return found is not None


def _authorized(connection: sqlite3.Connection, resource: str, user: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM authorizations WHERE resource = ? AND auth_id = ?", (resource, user)
    ).fetchone()
    return found is not None


def _through(connection: sqlite3.Connection, names: Names, resource: str) -> set[str]:
    prefix = f"{names.cluster}/resources/"
    found = connection.execute(
        "SELECT auth_id FROM authorizations WHERE resource = ? AND substr(auth_id, 1, ?) = ?",
        (resource, len(prefix), prefix),
    )
    return {row["auth_id"].removeprefix(prefix) for row in found}
