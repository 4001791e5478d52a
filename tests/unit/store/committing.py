"""A process that commits step after step until it is killed; run with the database's path.

Step v leaves everything at v: the session's version and revision, five rows, three waiting envelopes, one audit row.
After each step the number is written to standard output: from then on it is promised.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from connector.model import AuditEntry, Commit, Envelope, EventKind, IndexRow, Session
from connector.store.sqlite import SqliteStore
from tests.fakes.cipher import FakeCipher

KEY = bytes(32)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROWS, ENVELOPES = 5, 3
BULK = "x" * 20_000


def step(store: SqliteStore, session: Session) -> Session:
    version = session.version + 1
    commit = Commit(
        session=replace(session, revision=version, cursor=f"cursor-{version}"),
        rows=tuple(_row(f"k{number}", version) for number in range(ROWS)),
        dropped=(f"extra-{version - 1}",),
        envelopes=tuple(
            Envelope(f"e{version}.{n}", EventKind.MEETING_PUT, "m1", {"x": BULK}, f"k{n}", version)
            for n in range(ENVELOPES)
        ),
        audit=(AuditEntry(NOW, "test", "step", "m1", {"version": version}),),
    )
    return store.commit(commit, NOW)


def _row(meeting_id: str, revision: int) -> IndexRow:
    return IndexRow(
        meeting_id, "s", "i", "h", "c" * 500, NOW, NOW, NOW, "d", 1, 1, "kms://k", revision, generation=1
    )


def main() -> None:
    store = SqliteStore(Path(sys.argv[1]), FakeCipher(KEY), lambda: NOW)
    session = store.session("m1")
    assert session is not None
    for _ in count():
        session = step(store, session)
        os.write(1, f"{session.version}\n".encode())


if __name__ == "__main__":
    main()
