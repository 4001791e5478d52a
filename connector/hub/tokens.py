"""Bearer tokens: who may speak for a connector, and who may read which mailboxes. Kept as digests only."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.errors import NotFound, UserError
from connector.hub import times
from connector.hub.database import Database
from connector.hub.problems import Refusal
from connector.relay import strict

_TOKEN = re.compile(r"cch_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_BEARER = re.compile(r"[Bb]earer +([^ ]{1,200})")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token speaks for: a connector (its number and name), or a user (both None)."""

    token: str
    connector: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it can be shown: never the secret."""

    id: str
    connector: str | None
    subjects: tuple[str, ...]
    created_at: datetime


def for_connector(database: Database, name: str, now: datetime) -> str:
    """A new token for the connector of that name; the former ones stay good. Raises UserError."""
    check(name, "a connector's name")
    with database.writing() as connection:
        connection.execute("INSERT OR IGNORE INTO connectors (name) VALUES (?)", (name,))
        number = connection.execute("SELECT number FROM connectors WHERE name = ?", (name,)).fetchone()[0]
        return _issue(connection, number, now)[1]


def for_user(database: Database, subjects: Sequence[str], now: datetime) -> str:
    """A new token that opens mailboxes, each named by its id or by the blind index of its address. Raises UserError."""
    for subject in subjects:
        check(subject, "a mailbox id or blind index")
    with database.writing() as connection:
        token_id, token = _issue(connection, None, now)
        connection.executemany(
            "INSERT OR IGNORE INTO opens (token, subject) VALUES (?, ?)",
            [(token_id, subject) for subject in subjects],
        )
        return token


def authenticate(connection: sqlite3.Connection, header: str | None) -> Bearer:
    """Whom the Authorization header speaks for. Raises Refusal 401."""
    bearer = _BEARER.fullmatch(header or "")
    match = _TOKEN.fullmatch(bearer[1]) if bearer else None
    row = (
        match
        and connection.execute(
            "SELECT tokens.digest, connector, name FROM tokens LEFT JOIN connectors ON number = connector WHERE id = ?",
            (match[1],),
        ).fetchone()
    )
    if not match or not row or not hmac.compare_digest(row["digest"], _digest(match[2])):
        raise Refusal(401, "credential-refused")
    return Bearer(match[1], row["connector"], row["name"])


def issued(connection: sqlite3.Connection) -> list[Issued]:
    """All of them, oldest first."""
    opens: dict[str, list[str]] = {}
    for row in connection.execute("SELECT token, subject FROM opens ORDER BY token, subject"):
        opens.setdefault(row["token"], []).append(row["subject"])
    rows = connection.execute(
        "SELECT id, name, created_at FROM tokens LEFT JOIN connectors ON number = connector ORDER BY created_at, id"
    )
    return [
        Issued(row["id"], row["name"], tuple(opens.get(row["id"], ())), times.moment(row["created_at"]))
        for row in rows
    ]


def revoke(database: Database, token_id: str) -> None:
    """From now on the token opens nothing; open connections end within a ping. Raises NotFound."""
    with database.writing() as connection:
        if not connection.execute("DELETE FROM tokens WHERE id = ?", (token_id,)).rowcount:
            raise NotFound(f"There is no token {token_id}; token list shows them.")


def _issue(connection: sqlite3.Connection, connector: int | None, now: datetime) -> tuple[str, str]:
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    connection.execute(
        "INSERT INTO tokens (id, digest, connector, created_at) VALUES (?, ?, ?, ?)",
        (token_id, _digest(secret), connector, times.stamp(now)),
    )
    return token_id, f"cch_{token_id}_{secret}"


def _digest(secret: str) -> bytes:
    """The secret has 256 random bits, so that a plain hash is as good as a slow one."""
    return hashlib.sha256(secret.encode()).digest()


def check(text: str, what: str) -> None:
    """Raises UserError for a text that can't be a name or an id."""
    if not strict.ID.fullmatch(text):
        raise _Unusable(f"{text!r} can't be {what}: letters, digits and . _ : ~ @ + - only, at most 128.")


class _Unusable(UserError):
    exit_code = 2
