"""What users are shown: mailboxes, sealed meetings, presence, outcomes (docs/relay.md section 10). JSON goes out as it came in."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.hub import cursors, times
from connector.hub.problems import malformed, not_found
from connector.relay import strict, wire

PAGE = 1000
PAGE_BYTES = 6 * 1024 * 1024
"""A page ends with the meeting that goes beyond it."""
OUTCOMES = 100

_AFTER = re.compile(r"(-?[0-9]{1,16})\.([A-Za-z0-9._:~@+-]{1,128})")

_OPENED = (
    "SELECT mailboxes.*, connectors.seen_at FROM mailboxes JOIN connectors ON connectors.number = connector"
    " WHERE gone_at IS NULL AND EXISTS (SELECT 1 FROM opens WHERE token = ? AND (subject = id OR subject = address))"
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox that a user's token opens. ``version`` is another one whenever an answer about it would be another one."""

    number: int
    id: str
    address: str | None
    connector: int
    stale: bool
    as_of: datetime | None
    snapshot: str
    presence: str | None
    version: str


@dataclass(frozen=True, slots=True)
class View:
    """How rows look at one moment. ``birth`` is random per life of the hub: versions of an earlier one are all old."""

    now: datetime
    silent_after: timedelta
    birth: str

    def opened(self, row: sqlite3.Row) -> Opened:
        """The mailbox in a row."""
        as_of = None if row["seen_at"] is None else times.moment(row["seen_at"])
        stale = as_of is None or self.now - as_of >= self.silent_after
        return Opened(
            number=row["number"],
            id=row["id"],
            address=row["address"],
            connector=row["connector"],
            stale=stale,
            as_of=as_of,
            snapshot="open" if row["snapshot"] is not None else "complete" if row["complete"] else "none",
            presence=row["presence"],
            version=f"{self.birth}.{row['revision']}.{int(stale)}",
        )


def all_opened(connection: sqlite3.Connection, token: str, view: View) -> list[Opened]:
    """Every mailbox that the token opens."""
    return [view.opened(row) for row in connection.execute(f"{_OPENED} ORDER BY id", (token,))]


def opened(connection: sqlite3.Connection, token: str, mailbox_id: str, view: View) -> Opened:
    """One of them. Raises Refusal 404."""
    row = connection.execute(f"{_OPENED} AND id = ?", (token, mailbox_id)).fetchone()
    if row is None:
        raise not_found()
    return view.opened(row)


def mailboxes(found: Iterable[Opened]) -> bytes:
    """The list of mailboxes."""
    return strict.dump(
        {"mailboxes": [{"id": one.id, "address": one.address, "stale": one.stale} for one in found]}
    )


def meetings(connection: sqlite3.Connection, mailbox: Opened, after: str, limit: int) -> bytes:
    """A page of the list by start, after the place that a former page named as ``next``. Raises Refusal 400."""
    starts, meeting_id = _place(after)
    rows = connection.execute(
        "SELECT starts, id, data FROM meetings WHERE mailbox = ? AND data IS NOT NULL AND (starts, id) > (?, ?)"
        " ORDER BY starts, id LIMIT ?",
        (mailbox.number, starts, meeting_id, limit + 1),
    )
    page: list[str] = []
    size, last, following = 0, "", ""
    for row in rows:
        if len(page) == limit or size > PAGE_BYTES:
            following = last
            break
        page.append(row["data"])
        size += len(row["data"])
        last = f"{row['starts']}.{row['id']}"
    head = {
        "mailbox": mailbox.id,
        "version": mailbox.version,
        "stale": mailbox.stale,
        "asOf": wire.write_time(mailbox.as_of) if mailbox.as_of else None,
        "snapshot": mailbox.snapshot,
    } | ({"next": following} if following else {})
    return _with(head, "meetings", f"[{','.join(page)}]")


def presence(mailbox: Opened) -> bytes:
    """The owner's sealed presence."""
    head = {"mailbox": mailbox.id, "version": mailbox.version, "stale": mailbox.stale}
    return _with(head, "presence", mailbox.presence or "null")


def outcomes(connection: sqlite3.Connection, mailbox: Opened, after: str) -> tuple[bytes, bool]:
    """Outcomes after a cursor, and whether there are any."""
    since = _known_outcome(connection, mailbox.number, after)
    rows = connection.execute(
        "SELECT number, nonce, command, at, data FROM outcomes WHERE mailbox = ? AND data IS NOT NULL AND number > ?"
        " ORDER BY number LIMIT ?",
        (mailbox.number, since, OUTCOMES),
    ).fetchall()
    cursor = str(cursors.after(rows[-1])) if rows else after
    entries = (
        _with(
            {"commandId": row["command"], "at": wire.write_time(times.moment(row["at"]))}, "data", row["data"]
        )
        for row in rows
    )
    text = b",".join(entries).decode()
    return _with({"cursor": cursor}, "outcomes", f"[{text}]"), bool(rows)


def _known_outcome(connection: sqlite3.Connection, mailbox: int, cursor: str) -> int:
    """The number a cursor stands at, 0 if it is not known: purged ones go oldest first, so starting anew misses nothing."""
    place = cursors.read(cursor)
    found = (
        place
        and connection.execute(
            "SELECT 1 FROM outcomes WHERE number = ? AND nonce = ? AND mailbox = ?",
            (place.number, place.nonce, mailbox),
        ).fetchone()
    )
    return place.number if place and found else 0


def _place(after: str) -> tuple[int, str]:
    if not after:
        return (-(2**62), "")
    match = _AFTER.fullmatch(after)
    if match is None:
        raise malformed("after is not what a page named as next")
    return (int(match[1]), match[2])


def _with(head: dict[str, object], name: str, text: str) -> bytes:
    """A JSON object with one more member, whose value is JSON already."""
    return strict.dump(head)[:-1] + f',"{name}":{text}}}'.encode()
