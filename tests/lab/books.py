"""The hub's own books: every application of an event to a meeting, noted by triggers of its database, whatever its code believes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

BUSY_SECONDS = 20.0

_TRIGGERS = """
CREATE TABLE IF NOT EXISTS witness (
  number INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER, meeting TEXT, epoch INTEGER, sequence INTEGER, held INTEGER
);
CREATE TRIGGER IF NOT EXISTS witness_first AFTER INSERT ON meetings BEGIN
  INSERT INTO witness (mailbox, meeting, epoch, sequence, held)
  VALUES (new.mailbox, new.id, new.epoch, new.sequence, new.data IS NOT NULL);
END;
CREATE TRIGGER IF NOT EXISTS witness_later AFTER UPDATE OF sequence ON meetings BEGIN
  INSERT INTO witness (mailbox, meeting, epoch, sequence, held)
  VALUES (new.mailbox, new.id, new.epoch, new.sequence, new.data IS NOT NULL);
END;
"""

_NOT_RISING = """
SELECT meeting, epoch, sequence FROM (
  SELECT *, lag(epoch) OVER meeting AS epoch_before, lag(sequence) OVER meeting AS sequence_before FROM witness
  WINDOW meeting AS (PARTITION BY mailbox, meeting ORDER BY number)
) WHERE (epoch, sequence) <= (epoch_before, sequence_before)
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """What the hub has taken so far: acknowledged events, and times that a meeting was written."""

    events: int
    applied: int


class Books:
    """The books of one hub database, which may be in use. Open them before the first event."""

    def __init__(self, database: Path) -> None:
        self._database = database
        with closing(self._connect()) as connection:
            connection.executescript(_TRIGGERS)

    def applied_twice(self) -> list[tuple[str, int, int]]:
        """Meeting and order of every application that was not above the one before it: there must be none."""
        with closing(self._connect()) as connection:
            return [tuple(row) for row in connection.execute(_NOT_RISING)]

    def tally(self) -> Tally:
        """The counts."""
        with closing(self._connect()) as connection:
            events = connection.execute("SELECT count(*) FROM taken").fetchone()[0]
            applied = connection.execute("SELECT count(*) FROM witness").fetchone()[0]
        return Tally(events, applied)

    def index_of(self, mailbox: str) -> str | None:
        """The blind index of the address under which users find the mailbox."""
        with closing(self._connect()) as connection:
            row = connection.execute("SELECT address FROM mailboxes WHERE id = ?", (mailbox,)).fetchone()
        return row[0] if row else None

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._database, timeout=BUSY_SECONDS, isolation_level=None)
