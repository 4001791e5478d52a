"""A hub that only acknowledges: each batch is in a SQLite file, with a full sync, before it is answered.

``python -m scripts.benchmarks.stage.hub CERTIFICATE DATABASE`` prints its port and serves until standard input ends.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.stage.wire import Connection, many_files, serve

JSON = b"application/json"
HOLD = 25.0
BATCHES_KEPT = 100
_TARGET = re.compile(rb"^\w+ ([^ ?]+)")


class Hub:
    """Answers the relay's uplink and an empty downlink; remembers when each event became durable."""

    def __init__(self, database: Path) -> None:
        self._store = sqlite3.connect(database, isolation_level=None)
        self._store.execute("PRAGMA journal_mode = WAL")
        self._store.execute("PRAGMA synchronous = FULL")
        self._store.execute("CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY, body BLOB)")
        self._store.execute("CREATE TABLE IF NOT EXISTS mark (one INTEGER PRIMARY KEY, epoch, sequence)")
        self._arrivals: list[tuple[str, str, int]] = []
        self._bytes = 0

    def take(self, connection: Connection, head: bytes, body: bytes) -> None:
        """One request."""
        found = _TARGET.match(head)
        path = found[1].decode() if found else ""
        if path.endswith("/hello"):
            epoch, sequence = self._mark()
            limits = {"epoch": epoch, "sequence": sequence, "maxBatch": 500, "maxBytes": 8_000_000}
            connection.answer(_dump(limits), JSON)
        elif path.endswith("/events"):
            connection.answer(self._accept(head, body), JSON)
        elif path.endswith("/commands/poll"):
            asyncio.get_running_loop().call_later(HOLD, connection.answer, _NOTHING_NEW, JSON)
        elif path == "/bench/arrivals":
            connection.answer(_dump(self._report()), JSON)
        else:
            connection.refuse(b"501 Not Implemented")

    def _accept(self, head: bytes, body: bytes) -> bytes:
        self._bytes += len(head) + len(body)
        raw = gzip.decompress(body) if b"gzip" in head.lower() else body
        events = json.loads(raw)
        if events:
            self._keep(events, body)
        now = time.monotonic_ns()
        self._arrivals += [(event["type"], event.get("partitionkey", ""), now) for event in events]
        return _dump({"ack": [event["id"] for event in events], "errs": {}})

    def _keep(self, events: list[dict[str, Any]], body: bytes) -> None:
        """Durable as it came; a list of what was sent before is of no use to anybody here."""
        top = max((event["epoch"], int(event["sequence"])) for event in events)
        mark = max(top, self._mark())
        self._store.execute("BEGIN IMMEDIATE")
        kept = self._store.execute("INSERT INTO batches (body) VALUES (?)", (body,)).lastrowid or 0
        self._store.execute("DELETE FROM batches WHERE number <= ?", (kept - BATCHES_KEPT,))
        self._store.execute("INSERT OR REPLACE INTO mark VALUES (1, ?, ?)", mark)
        self._store.execute("COMMIT")

    def _mark(self) -> tuple[int, int]:
        found = self._store.execute("SELECT epoch, sequence FROM mark").fetchone()
        return (found[0], found[1]) if found else (0, 0)

    def _report(self) -> dict[str, Any]:
        """Since the last report: type, mailbox and moment of each event, CPU seconds, bytes received."""
        taken, self._arrivals = self._arrivals, []
        return {"arrivals": taken, "cpu": time.process_time(), "bytes": self._bytes}


_NOTHING_NEW = b'{"cursor":"0","commands":[],"nudge":[],"resync":[],"moreAvailable":false}'


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


if __name__ == "__main__":
    many_files()
    serve(Hub(Path(sys.argv[2])).take, lambda _connection: None, Path(sys.argv[1]))
