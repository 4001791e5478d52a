"""Connectors that prove themselves by a key: one-time tokens, public keys, and what a proof is worth.

The token is given out once and kept as a digest; what is left of it afterwards is the public key of the appliance
that used it. See docs/relay.md section 12.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.enrolment import proof as proofs
from connector.enrolment import wire
from connector.enrolment.proof import NotProved, thumbprint
from connector.hub import times, tokens
from connector.hub.database import Database
from connector.hub.problems import Refusal
from connector.hub.tokens import Bearer

GOOD_FOR = timedelta(hours=24)
KEYS = 4
"""Of one connector at a time: the present one, and some whose confirmation was lost."""

_BEARER = re.compile(r"[Bb]earer +([^ ]{1,1024})")


@dataclass(frozen=True, slots=True)
class Offer:
    """A one-time token as it can be shown: never the secret."""

    id: str
    connector: str
    created_at: datetime
    expires_at: datetime
    used: bool


def offer(database: Database, name: str, now: datetime, good_for: timedelta = GOOD_FOR) -> str:
    """A new one-time token for the connector of that name. Raises UserError for a name that can't be one."""
    tokens.check(name, "a connector's name")
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    with database.writing() as connection:
        connection.execute("INSERT OR IGNORE INTO connectors (name) VALUES (?)", (name,))
        connection.execute(
            "INSERT INTO enrolments (id, digest, connector, created_at, expires_at)"
            " SELECT ?, ?, number, ?, ? FROM connectors WHERE name = ?",
            (token_id, _digest(secret), times.stamp(now), times.stamp(now + good_for), name),
        )
    return f"cce_{token_id}_{secret}~{name}"


def offers(connection: sqlite3.Connection) -> list[Offer]:
    """All one-time tokens, oldest first."""
    rows = connection.execute(
        "SELECT enrolments.*, name FROM enrolments JOIN connectors ON number = connector ORDER BY created_at, id"
    )
    return [
        Offer(
            row["id"],
            row["name"],
            times.moment(row["created_at"]),
            times.moment(row["expires_at"]),
            used=row["key"] is not None,
        )
        for row in rows
    ]


def withdraw(database: Database, token_id: str) -> bool:
    """Make a one-time token worthless; whether there was one. A key that it brought in stays."""
    with database.writing() as connection:
        return connection.execute("DELETE FROM enrolments WHERE id = ?", (token_id,)).rowcount > 0


def redeem(connection: sqlite3.Connection, token: re.Match[str], key: wire.NewKey, now: datetime) -> str:
    """Take a token for a key, once; the connector's name. The same key may ask again. Raises Refusal."""
    row = connection.execute(
        "SELECT enrolments.*, name FROM enrolments JOIN connectors ON number = connector WHERE id = ?",
        (token[1],),
    ).fetchone()
    if (
        row is None
        or not hmac.compare_digest(row["digest"], _digest(token[2]))
        or not hmac.compare_digest(token[3].encode(), row["name"].encode())
    ):
        raise Refusal(401, "credential-refused")
    name: str = row["name"]
    key_id = _proved(key, name, now)
    if row["key"] == key_id:
        return name
    if row["key"] is not None:
        raise Refusal(403, wire.USED)
    if now >= times.moment(row["expires_at"]):
        raise Refusal(403, wire.EXPIRED)
    connection.execute("UPDATE enrolments SET key = ? WHERE id = ?", (key_id, token[1]))
    # A new enrolment ends what was there: whoever held the old key or token is another machine.
    for table in ("keys", "tokens"):
        connection.execute(f"DELETE FROM {table} WHERE connector = ?", (row["connector"],))  # noqa: S608 - our own names
    _keep(connection, key_id, key.public, row["connector"], now)
    return name


def renew(connection: sqlite3.Connection, connector: int, name: str, key: wire.NewKey, now: datetime) -> None:
    """Accept one more key of a connector that proved itself by the present one. Raises Refusal."""
    key_id = _proved(key, name, now)
    held = connection.execute("SELECT count(*) FROM keys WHERE connector = ?", (connector,)).fetchone()[0]
    known = connection.execute("SELECT 1 FROM keys WHERE id = ?", (key_id,)).fetchone()
    if known is None:
        if held >= KEYS:
            raise Refusal(429, "busy", "confirm one of the keys first", wait=60)
        _keep(connection, key_id, key.public, connector, now)


def confirm(connection: sqlite3.Connection, connector: int, key_id: str) -> None:
    """This key is in use: the connector's others end."""
    connection.execute("DELETE FROM keys WHERE connector = ? AND id <> ?", (connector, key_id))


def end(connection: sqlite3.Connection, connector: int) -> None:
    """The connector takes its leave: nothing speaks for it any more. What it sent is purged by the hub's own clock."""
    for table in ("keys", "tokens", "enrolments"):
        connection.execute(f"DELETE FROM {table} WHERE connector = ?", (connector,))  # noqa: S608 - our own names


def authenticate(connection: sqlite3.Connection, header: str | None, now: datetime) -> Bearer | None:
    """Whom a proof in the Authorization header speaks for; None when there is no proof in it. Raises Refusal 401."""
    bearer = _BEARER.fullmatch(header or "")
    if bearer is None or not proofs.PROOF.fullmatch(bearer[1]):
        return None
    try:
        proof = proofs.read(bearer[1])
        row = _key(connection, proof.key)
        if row is None or row["name"] != proof.instance:
            raise NotProved("of nobody")
        proofs.check(proof, row["public"], now)
    except NotProved:
        raise Refusal(401, "credential-refused") from None
    return Bearer(proof.key, row["connector"], row["name"])


def still(connection: sqlite3.Connection, bearer: Bearer) -> Bearer:
    """A connection that began with a proof goes on as long as its connector has a key. Raises Refusal 401."""
    found = connection.execute("SELECT 1 FROM keys WHERE connector = ?", (bearer.connector,)).fetchone()
    if found is None:
        raise Refusal(401, "credential-refused")
    return bearer


def _key(connection: sqlite3.Connection, key_id: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT keys.*, name FROM keys JOIN connectors ON number = connector WHERE id = ?", (key_id,)
    ).fetchone()
    return row


def _keep(connection: sqlite3.Connection, key_id: str, public: str, connector: int, now: datetime) -> None:
    taken = connection.execute(
        "INSERT OR IGNORE INTO keys (id, public, connector, created_at) VALUES (?, ?, ?, ?)",
        (key_id, public, connector, times.stamp(now)),
    )
    if not taken.rowcount:
        raise Refusal(403, "forbidden", "another connector has this key")


def _proved(key: wire.NewKey, name: str, now: datetime) -> str:
    """The thumbprint of a key whose holder proved it. Raises Refusal 401."""
    try:
        proof = proofs.read(key.proof)
        if proof.key != thumbprint(key.public) or proof.instance != name:
            raise NotProved("another's")
        proofs.check(proof, key.public, now)
    except NotProved:
        raise Refusal(401, "credential-refused", "the key is not proved; look at the clock") from None
    return proof.key


def _digest(secret: str) -> bytes:
    """The secret has 256 random bits, so that a plain hash is as good as a slow one."""
    return hashlib.sha256(secret.encode()).digest()
