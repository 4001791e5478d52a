"""Authorizations: who may use a resource. Whoever may, may let others in and take them out."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from typing import Any

from connector.errors import Refused
from connector.kms import names, times
from connector.kms.caller import ANONYMOUS
from connector.kms.operations.work import Done, Work
from connector.kms.refusal import Refusal, not_found
from connector.seal.kmswire.objects import AuthorizationObject, read_ids, write_authorization
from connector.seal.kmswire.plain import LINE, a_number, a_text

TOKEN = "kmsa_"  # noqa: S105 - the prefix, not a token
"""Begins the tokens of anonymous authorizations."""


def create(work: Work) -> Done:
    """``create /authorizations``: all that are named, or none."""
    resource = work.names.id_of(work.members.get("resourceUri"), "resources")
    work.resource(resource)
    users = read_ids(work.members)
    anonymous = work.members.get("anonymous", 0)
    if not users and not anonymous:
        raise Refusal(400, "authIds names nobody.")
    rows = [allow(work, resource, user) for user in users]
    made = [*(_written(work, row) for row in rows), *allow_anonymous(work, resource, anonymous)]
    return Done(201, {"authorizations": made}, _objects(work, resource, made))


def of_resource(work: Work) -> Done:
    """``retrieve /resources/{id}/authorizations``, of one user with ``?authId=``; an empty list when there are none."""
    work.resource(work.target.id)
    found = [_written(work, row) for row in _rows(work, work.target.id)]
    return Done(200, {"authorizations": found}, (work.names.resource(work.target.id),))


def delete(work: Work) -> Done:
    """``delete /authorizations/{id}``."""
    row = work.connection.execute("SELECT * FROM authorizations WHERE id = ?", (work.target.id,)).fetchone()
    if row is None:
        raise not_found()
    work.resource(row["resource"])
    gone = _remove(work, [row])
    return Done(200, {"authorization": gone[0]}, _objects(work, row["resource"], gone))


def delete_of_user(work: Work) -> Done:
    """``delete /resources/{id}/authorizations?authId=``. The draft answers ``authorization``, the SDK reads ``authorizations``."""
    work.resource(work.target.id)
    if not work.target.query.get("authId"):
        raise Refusal(400, "Name whose authorization is to go: ?authId=")
    gone = _remove(work, _rows(work, work.target.id))
    if not gone:
        raise not_found()
    return Done(200, {"authorization": gone[0], "authorizations": gone}, _objects(work, work.target.id, gone))


def delete_many(work: Work) -> Done:
    """``delete /authorizations``: the named users of one resource, or none of them."""
    asked = work.members.get("resourceUri") or work.members.get("resource")
    resource = work.names.id_of(asked, "resources")
    work.resource(resource)
    users = read_ids(work.members)
    if not users or len(users) > work.terms.limits.authorizations:
        raise Refusal(400, f"authIds names from 1 to {work.terms.limits.authorizations} users.")
    rows = [row for user in users for row in _of_user(work, resource, user)]
    if len(rows) != len(users):
        raise not_found()
    gone = _remove(work, rows)
    return Done(200, {"authorizations": gone}, _objects(work, resource, gone))


# --- shared with /resources ------------------------------------------------------------------------


def allow(work: Work, resource: str, user: str) -> sqlite3.Row:
    """Authorize a user, or whoever is authorized on another resource; one who is already stays as is."""
    who = _auth_id(work, user)
    held = work.connection.execute(
        "SELECT count(*) FROM authorizations WHERE resource = ?", (resource,)
    ).fetchone()[0]
    if held >= work.terms.limits.authorizations:
        raise Refusal(400, f"A resource takes {work.terms.limits.authorizations} authorizations.")
    work.connection.execute(
        "INSERT OR IGNORE INTO authorizations VALUES (?, ?, ?, NULL, ?)",
        (names.fresh(), resource, who, work.at),
    )
    row: sqlite3.Row = _of_user(work, resource, who)[0]
    return row


def allow_anonymous(work: Work, resource: str, count: object) -> list[dict[str, Any]]:
    """So many authorizations for whoever holds their tokens, which are shown this once."""
    most = work.terms.limits.keys
    try:
        number = a_number(count, "anonymous", 0, most)
    except Refused as error:
        raise Refusal(400, f"anonymous is a whole number up to {most}.") from error
    return [_anonymous(work, resource) for _ in range(number)]


def holder(connection: sqlite3.Connection, token: str) -> str | None:
    """The name of whoever holds this token of an anonymous authorization; None when it is none."""
    row = connection.execute(
        "SELECT auth_id FROM authorizations WHERE digest = ?", (_digest(token),)
    ).fetchone()
    return row["auth_id"] if row else None


def _anonymous(work: Work, resource: str) -> dict[str, Any]:
    identity, token = names.fresh(), TOKEN + secrets.token_urlsafe(32)
    work.connection.execute(
        "INSERT INTO authorizations VALUES (?, ?, ?, ?, ?)",
        (identity, resource, ANONYMOUS + identity, _digest(token), work.at),
    )
    row = work.connection.execute("SELECT * FROM authorizations WHERE id = ?", (identity,)).fetchone()
    return _written(work, row, token)


def _auth_id(work: Work, user: str) -> str:
    """A user's name as it stands; a resource's URI absolutely, if there is such a resource that the caller may use."""
    if user.startswith(ANONYMOUS):
        raise Refusal(400, "This name is kept for anonymous authorizations.")
    if not user.startswith(("kms://", "/resources/")):
        return user
    identity = work.names.id_of(user, "resources")
    work.resource(identity)
    return work.names.resource(identity)


def _rows(work: Work, resource: str) -> list[sqlite3.Row]:
    if "authId" in work.target.query:
        return _of_user(work, resource, a_text(work.target.query["authId"], "authId", LINE))
    return work.connection.execute(
        "SELECT * FROM authorizations WHERE resource = ? ORDER BY created_at, id", (resource,)
    ).fetchall()


def _of_user(work: Work, resource: str, user: str) -> list[sqlite3.Row]:
    return work.connection.execute(
        "SELECT * FROM authorizations WHERE resource = ? AND auth_id = ?", (resource, user)
    ).fetchall()


def _remove(work: Work, rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    work.connection.executemany("DELETE FROM authorizations WHERE id = ?", [(row["id"],) for row in rows])
    return [_written(work, row) for row in rows]


def _written(work: Work, row: sqlite3.Row, token: str = "") -> dict[str, Any]:
    return write_authorization(
        AuthorizationObject(
            uri=work.names.uri("authorizations", row["id"]),
            auth_id=row["auth_id"],
            resource_uri=work.names.resource(row["resource"]),
            created=times.moment(row["created_at"]),
            bearer=token,
        )
    )


def _objects(work: Work, resource: str, written: list[dict[str, Any]]) -> tuple[str, ...]:
    """The resource and whom it was about, for the audit trail: never a token."""
    return (work.names.resource(resource), *(str(one.get("authId") or one["uri"]) for one in written))


def _digest(token: str) -> bytes:
    """A token has 256 random bits, so that a plain hash is as good as a slow one."""
    return hashlib.sha256(token.encode()).digest()
