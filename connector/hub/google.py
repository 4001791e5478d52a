"""Notifications of Google Calendar, which needs a public HTTPS receiver: the hub lends its own to connectors without one.

A connector registers a channel before it asks Google for it; what Google then posts is a nudge for one mailbox and nothing more. Only the
channel's id, its token and the message number are read. X-Goog-Resource-URI names the user: it is neither logged nor stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sqlite3
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.hub import bells, times
from connector.hub.office import Office, office_of
from connector.hub.problems import Refusal, malformed, not_found
from connector.relay import strict

NOTIFY_PATH = "/google/v1/notify"
CHANNELS_PATH = "/google/v1/channels"
FORGET_PATH = "/google/v1/channels/forget"
BODY_BYTES = 4096
MOST_CHANNELS = 200_000
"""Channels of one connector; more are refused."""
NUDGED_MOST = 20_000
LONGEST_TOKEN = 256
LONGEST_LIFE = 40 * 24 * 3600 * 1000
"""In milliseconds; Google's own channels live for a week."""

_CHANNEL = re.compile(r"[A-Za-z0-9_-]{16,64}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_NOBODY = "0" * 64

_TABLE = """
CREATE TABLE IF NOT EXISTS google_channels (
  id        TEXT PRIMARY KEY,
  connector INTEGER NOT NULL REFERENCES connectors ON DELETE CASCADE,
  mailbox   TEXT NOT NULL,
  token     TEXT NOT NULL,
  expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as a connector registers it: ``token`` is the SHA-256 of its token in hex, ``expires`` in milliseconds."""

    id: str
    mailbox: str
    token: str
    expires: int


async def register(request: Request) -> Response:
    """``POST /google/v1/channels``: from now on what comes for this channel is a nudge for that mailbox."""
    office = office_of(request)
    connector, _ = await office.connector(request)
    channel = read_channel(await office.desk.read(request, BODY_BYTES))
    await office.write(lambda connection: keep(connection, connector, channel, times.stamp(office.clock())))
    return Response(status_code=204)


async def forget(request: Request) -> Response:
    """``POST /google/v1/channels/forget``; a channel that is not there is fine."""
    office = office_of(request)
    connector, _ = await office.connector(request)
    members = strict.an_object(strict.load(await office.desk.read(request, BODY_BYTES)), "the channel")
    channel_id = strict.a_text(members.get("id"), _CHANNEL, "id")
    await office.write(lambda connection: drop(connection, connector, channel_id))
    return Response(status_code=204)


async def notify(request: Request) -> Response:
    """``POST /google/v1/notify``. Answered with 204, or 404 for whatever is not a living channel with its token."""
    office = office_of(request)
    headers = request.headers
    channel_id, token = headers.get("x-goog-channel-id", ""), headers.get("x-goog-channel-token", "")
    if not _CHANNEL.fullmatch(channel_id) or not 0 < len(token) <= LONGEST_TOKEN:
        raise not_found()
    if not _NUMBER.fullmatch(headers.get("x-goog-message-number", "")):
        raise malformed("X-Goog-Message-Number")
    now = times.stamp(office.clock())
    aimed = await office.read(lambda connection: look(connection, channel_id, token, now))
    if aimed is None:
        raise not_found()
    if headers.get("x-goog-resource-state") != "sync":
        _nudge(office, *aimed)
    return Response(status_code=204)


def _nudge(office: Office, connector: int, mailbox: str) -> None:
    """One nudge a mailbox, however many messages; when too many wait they are lost, as nudges may be."""
    waiting = office.nudged.setdefault(connector, {})
    if len(waiting) < NUDGED_MOST:
        waiting[mailbox] = None
        office.bells.ring([bells.of_connector(connector)])


# --- what is kept


def read_channel(raw: bytes) -> Channel:
    """The body of a registration. Raises Transient for what is none."""
    members = strict.an_object(strict.load(raw), "the channel")
    return Channel(
        strict.a_text(members.get("id"), _CHANNEL, "id"),
        strict.a_text(members.get("mailbox"), strict.ID, "mailbox"),
        strict.a_text(members.get("token"), _DIGEST, "token"),
        strict.a_number(members.get("expires"), "expires", 0, 2**53),
    )


def keep(connection: sqlite3.Connection, connector: int, channel: Channel, now: int) -> None:
    """Remember a channel, and forget those that have ended. Raises Refusal 409 for another connector's channel, 429 for too many."""
    connection.execute(_TABLE)
    connection.execute("DELETE FROM google_channels WHERE expires <= ?", (now,))
    held = "SELECT count(*) FROM google_channels WHERE connector = ?"
    if connection.execute(held, (connector,)).fetchone()[0] >= MOST_CHANNELS:
        raise Refusal(429, "busy", "too many channels", wait=3600)
    owner = connection.execute("SELECT connector FROM google_channels WHERE id = ?", (channel.id,)).fetchone()
    if owner is not None and owner[0] != connector:
        raise Refusal(409, "conflict")
    expires = min(channel.expires, now + LONGEST_LIFE)
    row = (channel.id, connector, channel.mailbox, channel.token, expires)
    connection.execute("INSERT OR REPLACE INTO google_channels VALUES (?, ?, ?, ?, ?)", row)


def drop(connection: sqlite3.Connection, connector: int, channel_id: str) -> None:
    """Forget a channel of this connector."""
    connection.execute(_TABLE)
    connection.execute("DELETE FROM google_channels WHERE id = ? AND connector = ?", (channel_id, connector))


def look(connection: sqlite3.Connection, channel_id: str, token: str, now: int) -> tuple[int, str] | None:
    """Connector and mailbox of a living channel whose token this is; as much work for one that is unknown."""
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'google_channels'").fetchone()
    row = None
    if known:
        wanted = "SELECT connector, mailbox, token, expires FROM google_channels WHERE id = ?"
        row = connection.execute(wanted, (channel_id,)).fetchone()
    given = hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()
    right = hmac.compare_digest(given, row["token"] if row else _NOBODY)
    if row is None or not right or row["expires"] <= now:
        return None
    return row["connector"], row["mailbox"]


ROUTES = [
    Route(CHANNELS_PATH, register, methods=["POST"]),
    Route(FORGET_PATH, forget, methods=["POST"]),
    Route(NOTIFY_PATH, notify, methods=["POST"]),
]
