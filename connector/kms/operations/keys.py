"""Content keys: make, fetch, bind (reference table: /keys, /resources/{id}/keys)."""

from __future__ import annotations

import secrets
import sqlite3

from connector.errors import Refused
from connector.kms import access, names, times
from connector.kms.hierarchy import Wrapped
from connector.kms.operations.work import Done, Work
from connector.kms.refusal import DESTROYED, REVOKED, Refusal, not_allowed, not_found
from connector.seal.kmswire.objects import KeyObject, write_key
from connector.seal.kmswire.plain import a_number

KEY_BYTES = 32


def create(work: Work) -> Done:
    """``create /keys``: so many new keys, unbound, for the caller's client to bind."""
    most = work.terms.limits.keys
    count = _count(work.members.get("count", 1), most)
    rows = [_make(work) for _ in range(count)]
    found = [opened(work, row) for row in rows]
    return Done(
        201,
        {"keys": [write_key(key) for key in found]},
        tuple(key.uri for key in found),
        handed=len(found),
    )


def retrieve(work: Work) -> Done:
    """``retrieve /keys/{id}``: an unbound key for its maker, a bound one for who is authorized on its resource."""
    row = by_id(work, work.target.id)
    if row["resource"] is None:
        _demand_own(work, row)
    elif not access.may_use(work.connection, work.names, work.caller, row["resource"], work.now):
        raise not_allowed()
    key = opened(work, row)
    return Done(200, {"key": write_key(key)}, (key.uri,), handed=1)


def bind(work: Work) -> Done:
    """``update /keys/{id}``: once, by its maker, to a resource that the maker is authorized on."""
    row = by_id(work, work.target.id)
    resource = work.names.id_of(work.members.get("resourceUri"), "resources")
    bind_row(work, row, resource)
    key = opened(work, by_id(work, work.target.id))
    return Done(200, {"key": write_key(key)}, (key.uri, work.names.resource(resource)), handed=1)


def bind_row(work: Work, row: sqlite3.Row, resource: str) -> None:
    """Bind a key. Raises Refusal 403 for somebody else's, 404 or 403 for the resource, 409 for a bound key."""
    if row["owner"] != work.caller.user:
        raise not_allowed()
    work.resource(resource)
    if row["resource"] is not None:
        raise Refusal(409, "The key is bound already.")
    _demand_own(work, row)
    expires = times.micros(work.now + work.terms.times.bound)
    work.connection.execute(
        "UPDATE keys SET resource = ?, bound_at = ?, expires_at = ? WHERE id = ?",
        (resource, work.at, expires, row["id"]),
    )


def of_resource(work: Work) -> Done:
    """``retrieve /resources/{id}/keys``: those bound at or after boundAfter and before boundBefore, newest first.

    Keys that are disabled or destroyed are left out.
    """
    work.resource(work.target.id)
    asked = {**work.target.query, **work.members}
    after, before = (_bound(asked, name) for name in ("boundAfter", "boundBefore"))
    most = work.terms.limits.listed
    count = _count(asked["count"], most) if "count" in asked else most
    rows = work.connection.execute(
        "SELECT * FROM keys WHERE resource = ? AND state IN ('active', 'no-encrypt')"
        " AND (? IS NULL OR bound_at >= ?) AND (? IS NULL OR bound_at < ?) ORDER BY bound_at DESC, id LIMIT ?",
        (work.target.id, after, after, before, before, count),
    ).fetchall()
    found = [opened(work, row) for row in rows]
    objects = (work.names.resource(work.target.id), *(key.uri for key in found))
    return Done(200, {"keys": [write_key(key) for key in found]}, objects, handed=len(found))


def by_id(work: Work, identity: str) -> sqlite3.Row:
    """A key's row. Raises Refusal 404."""
    row: sqlite3.Row | None = work.connection.execute(
        "SELECT * FROM keys WHERE id = ?", (identity,)
    ).fetchone()
    if row is None:
        raise not_found()
    return row


def opened(work: Work, row: sqlite3.Row) -> KeyObject:
    """The key itself. Raises Refusal 405 for one that is disabled or destroyed."""
    if row["state"] in ("disabled", "destroyed"):
        code = REVOKED if row["state"] == "disabled" else DESTROYED
        raise Refusal(405, f"The key is {row['state']}.", error_code=code)
    uri = work.names.key(row["id"])
    secret = work.hierarchy.unwrap(uri, row["owner"], Wrapped(row["kek_version"], row["wrapped"]))
    bound = row["resource"] is not None
    return KeyObject(
        uri=uri,
        secret=secret,
        user_id=row["owner"],
        client_id=row["client"],
        created=times.moment(row["created_at"]),
        expires=times.moment(row["expires_at"]),
        resource_uri=work.names.resource(row["resource"]) if bound else "",
        bound=times.moment(row["bound_at"]) if bound else None,
    )


def _make(work: Work) -> sqlite3.Row:
    identity, owner = names.fresh(), work.caller.user
    uri = work.names.key(identity)
    wrapped = work.hierarchy.wrap(work.connection, uri, owner, secrets.token_bytes(KEY_BYTES))
    expires = times.micros(work.now + work.terms.times.unbound)
    work.connection.execute(
        "INSERT INTO keys (id, owner, client, created_at, expires_at, state, kek_version, wrapped)"
        " VALUES (?, ?, ?, ?, ?, 'active', ?, ?)",
        (identity, owner, work.caller.client, work.at, expires, wrapped.kek_version, wrapped.value),
    )
    return by_id(work, identity)


def _demand_own(work: Work, row: sqlite3.Row) -> None:
    """An unbound key is its maker's and its client's alone, and only for a while."""
    if (row["owner"], row["client"]) != (work.caller.user, work.caller.client):
        raise not_allowed()
    if row["expires_at"] <= work.at:
        raise not_found()


def _count(value: object, most: int) -> int:
    whole = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    try:
        return a_number(whole, "count", 1, most)
    except Refused as error:
        raise Refusal(400, f"count is a whole number from 1 to {most}.") from error


def _bound(asked: dict[str, object], name: str) -> int | None:
    return times.read(asked[name], name) if name in asked else None
