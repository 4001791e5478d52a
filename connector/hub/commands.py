"""Sealed commands on their way from a user to a connector (docs/relay.md sections 7, 9 and 10)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime

from connector.errors import Verdict
from connector.hub import cursors, times
from connector.hub.lists import Opened
from connector.hub.problems import Refusal, busy
from connector.hub.settings import Limits, Times
from connector.model import SealedCommand
from connector.relay import strict, wire

DESCENT_BYTES = strict.MAX_BODY - 1024 * 1024
"""A message ends before the command that would make it longer; the reader takes MAX_BODY."""

FULL_AGAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Order:
    """A command as a user gives it."""

    id: str
    jwe: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the connector has not acknowledged, as much as goes into a message; ``cursor`` is "" when there is nothing."""

    commands: tuple[SealedCommand, ...]
    cursor: str
    more: bool


def give(
    connection: sqlite3.Connection, mailbox: Opened, order: Order, limits: Limits, spans: Times, now: datetime
) -> bool:
    """Queue a command; whether it is new. Raises Refusal 409 ``conflict`` and 429."""
    digest = hashlib.sha256(order.jwe.encode()).digest()
    asked = "SELECT digest FROM commands WHERE mailbox = ? AND id = ?"
    known = connection.execute(asked, (mailbox.number, order.id)).fetchone()
    if known:
        if known["digest"] != digest:
            raise Refusal(409, "conflict", "this id was given to another command")
        return False
    counted = "SELECT count(*) FROM commands WHERE connector = ? AND mailbox = ? AND jwe IS NOT NULL"
    if (
        connection.execute(counted, (mailbox.connector, mailbox.number)).fetchone()[0]
        >= limits.waiting_commands
    ):
        raise busy(FULL_AGAIN_SECONDS)
    connection.execute(
        "INSERT INTO commands (nonce, connector, mailbox, id, digest, at, expires, jwe) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            secrets.token_hex(6),
            mailbox.connector,
            mailbox.number,
            order.id,
            digest,
            times.stamp(now),
            min(_expiry(order.jwe), times.stamp(now + spans.keep_commands)),
            order.jwe,
        ),
    )
    return True


def waiting(connection: sqlite3.Connection, connector: int, most: int, now: datetime) -> Waiting:
    """The oldest commands that were not acknowledged."""
    rows = connection.execute(
        "SELECT commands.number, nonce, commands.id, jwe, mailboxes.id AS mailbox_id FROM commands"
        " JOIN mailboxes ON mailboxes.number = mailbox"
        " WHERE commands.connector = ? AND jwe IS NOT NULL ORDER BY commands.number LIMIT ?",
        (connector, most + 1),
    )
    commands: list[SealedCommand] = []
    size, cursor = 0, ""
    for row in rows:
        size += len(row["jwe"]) + 512
        if len(commands) == most or size > DESCENT_BYTES:
            return Waiting(tuple(commands), cursor, more=True)
        commands.append(SealedCommand(row["id"], row["mailbox_id"], row["jwe"], now))
        cursor = str(cursors.after(row))
    return Waiting(tuple(commands), cursor, more=False)


def is_news(connection: sqlite3.Connection, connector: int, cursor: str) -> bool:
    """Whether acknowledging the cursor would change anything."""
    place = cursors.read(cursor)
    if place is None:
        return False
    found = connection.execute(
        "SELECT 1 FROM commands WHERE number = ? AND nonce = ? AND connector = ?",
        (place.number, place.nonce, connector),
    ).fetchone()
    left = connection.execute(
        "SELECT 1 FROM commands WHERE connector = ? AND number <= ? AND jwe IS NOT NULL LIMIT 1",
        (connector, place.number),
    ).fetchone()
    return bool(found and left)


def acknowledge(connection: sqlite3.Connection, connector: int, cursor: str) -> None:
    """Everything up to the cursor is durable at the connector; a cursor that is not known changes nothing."""
    place = cursors.read(cursor)
    if place and is_news(connection, connector, cursor):
        connection.execute(
            "UPDATE commands SET jwe = NULL WHERE connector = ? AND number <= ? AND jwe IS NOT NULL",
            (connector, place.number),
        )


def read_order(raw: bytes) -> Order:
    """The body of a user's request. Raises Transient for what is none, Refusal 413 for a command that is too long."""
    members = strict.an_object(strict.load(raw), "the command")
    jwe = members.get("jwe")
    if isinstance(jwe, str) and len(jwe) > wire.MAX_COMMAND:
        raise Refusal(413, "too-large")
    return Order(
        strict.a_text(members.get("id"), strict.ID, "id"), strict.a_text(jwe, strict.COMPACT_JWE, "jwe")
    )


_NEVER = 2**62


def _expiry(jwe: str) -> int:
    """When the command says it expires, in our milliseconds; the header is in clear. Whether it is true is for the connector."""
    head = jwe.partition(".")[0]
    try:
        members = strict.an_object(
            strict.load(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))), "header"
        )
        return strict.a_number(members.get("exp"), "exp", 0, 2**40) * 1000
    except (Verdict, binascii.Error):
        return _NEVER
