"""The audit trail: rows in a chain of keyed digests, appended in the transaction of what they tell of."""

from __future__ import annotations

import hmac
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.kms import times

_LONGEST = 300
_ODD = re.compile(r"[^\x20-\x7e\u00a0-\uffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened: never a token, never a key. Texts of a peer are cut to 300 characters.

    ``operation`` is method and collection, or a command's name; ``objects`` are URIs; ``via`` is the door or "command".
    """

    operation: str
    status: int
    user: str = ""
    client: str = ""
    request_id: str = ""
    objects: tuple[str, ...] = ()
    reason: str = ""
    via: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it stands in the trail."""

    number: int
    at: datetime
    entry: Entry
    chain: bytes


@dataclass(frozen=True, slots=True)
class Trail:
    """Appends and verifies under the chain's key."""

    key: bytes

    def append(self, connection: sqlite3.Connection, now: datetime, entry: Entry) -> int:
        """Add a row in the open transaction; its number. Raises sqlite3.Error, and then nothing else may happen."""
        at, text = times.micros(now), _text(entry)
        ends = connection.execute("SELECT head_number, head_chain FROM audit_ends").fetchone()
        number: int = ends["head_number"] + 1
        chain = self._link(ends["head_chain"], number, at, text)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", (number, at, text, chain))
        connection.execute("UPDATE audit_ends SET head_number = ?, head_chain = ?", (number, chain))
        return number

    def first_broken(self, connection: sqlite3.Connection) -> int | None:
        """The number of the first row that is missing, was changed, or does not follow; None when all hold."""
        ends = connection.execute("SELECT * FROM audit_ends").fetchone()
        number: int = ends["anchor_number"]
        chain: bytes = ends["anchor_chain"]
        for row in connection.execute("SELECT * FROM audit ORDER BY number"):
            number += 1
            linked = self._link(chain, number, row["at"], row["text"])
            if row["number"] != number or not hmac.compare_digest(linked, row["chain"]):
                return number
            chain = linked
        if (number, chain) != (ends["head_number"], ends["head_chain"]):
            return min(number, int(ends["head_number"])) + 1
        return None

    def _link(self, before: bytes, number: int, at: int, text: str) -> bytes:
        said = json.dumps([before.hex(), number, at, text], separators=(",", ":"))
        return hmac.digest(self.key, said.encode(), "sha256")


def rows(connection: sqlite3.Connection, after: int = 0, most: int = 1000) -> tuple[Row, ...]:
    """Rows with a number above ``after``, oldest first."""
    found = connection.execute(
        "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?", (after, max(most, 0))
    )
    return tuple(_row(row) for row in found)


def newest(connection: sqlite3.Connection, most: int) -> tuple[Row, ...]:
    """The last rows, oldest first."""
    found = connection.execute("SELECT * FROM audit ORDER BY number DESC LIMIT ?", (most,)).fetchall()
    return tuple(_row(row) for row in reversed(found))


def every(connection: sqlite3.Connection) -> Iterator[Row]:
    """All rows, oldest first."""
    for row in connection.execute("SELECT * FROM audit ORDER BY number"):
        yield _row(row)


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and digest of the newest row, to be written down elsewhere: cutting the trail's end then shows."""
    ends = connection.execute("SELECT head_number, head_chain FROM audit_ends").fetchone()
    return ends["head_number"], ends["head_chain"].hex()


def purge(connection: sqlite3.Connection, before: datetime) -> int:
    """Delete the oldest rows, and keep the chain's anchor; the number of rows."""
    last = connection.execute(
        "SELECT number, chain FROM audit WHERE at < ? ORDER BY number DESC LIMIT 1", (times.micros(before),)
    ).fetchone()
    if last is None:
        return 0
    connection.execute("UPDATE audit_ends SET anchor_number = ?, anchor_chain = ?", tuple(last))
    return connection.execute("DELETE FROM audit WHERE number <= ?", (last["number"],)).rowcount


def _row(row: sqlite3.Row) -> Row:
    said: dict[str, Any] = json.loads(row["text"])
    entry = Entry(**{**said, "objects": tuple(said.get("objects", ()))})
    return Row(row["number"], times.moment(row["at"]), entry, row["chain"])


def _text(entry: Entry) -> str:
    said = {
        "operation": entry.operation,
        "status": entry.status,
        "user": entry.user,
        "client": entry.client,
        "request_id": entry.request_id,
        "objects": [_cut(one) for one in entry.objects],
        "reason": entry.reason,
        "via": entry.via,
    }
    kept = {name: _cut(value) if isinstance(value, str) else value for name, value in said.items() if value}
    return json.dumps({"operation": "", "status": 0, **kept}, ensure_ascii=False, separators=(",", ":"))


def _cut(text: str) -> str:
    return _ODD.sub("?", text[:_LONGEST])
