"""All verbs together, on one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from connector.model import Clock
from connector.store.base import StateCipher
from connector.store.rows import from_micros, to_micros
from connector.store.sqlite.audit import AuditVerbs
from connector.store.sqlite.commands import CommandVerbs
from connector.store.sqlite.database import PATIENCE, Database
from connector.store.sqlite.index import IndexVerbs
from connector.store.sqlite.intents import IntentVerbs
from connector.store.sqlite.keys import KeyVerbs
from connector.store.sqlite.life import LifeVerbs
from connector.store.sqlite.mailboxes import MailboxVerbs
from connector.store.sqlite.outbox import OutboxVerbs


class SqliteStore(
    LifeVerbs, MailboxVerbs, IndexVerbs, IntentVerbs, OutboxVerbs, CommandVerbs, KeyVerbs, AuditVerbs
):
    """Fulfils ``base.Store``.

    Opening makes the file where there is none, brings an older one up to date, and raises StoreError for one that
    can't be used, is open to other users, or is in use by another process. ``patience`` bounds the wait for locks.
    """

    def __init__(
        self, path: Path, cipher: StateCipher, clock: Clock, *, patience: timedelta = PATIENCE
    ) -> None:
        super().__init__(Database(path, patience), cipher)
        try:
            self._begin_first_life(clock())
        except BaseException:
            self.close()
            raise

    def facts(self) -> Mapping[str, int | str]:
        """Where the database is, how big, of which layout and age."""
        with self._database.read() as connection:
            page = _pragma(connection, "page_size")
            life = connection.execute("SELECT epoch, created_at FROM life").fetchone()
            return {
                "path": str(self._database.path),
                "bytes": _pragma(connection, "page_count") * page,
                "free_bytes": _pragma(connection, "freelist_count") * page,
                "layout": _pragma(connection, "user_version"),
                "epoch": life["epoch"],
                "created_at": from_micros(life["created_at"]).isoformat(),
                "sqlite": sqlite3.sqlite_version,
            }

    def close(self) -> None:
        """End every connection and let another process have the file."""
        self._database.close()

    def _begin_first_life(self, now: datetime) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO life (one, epoch, last_sequence, created_at) VALUES (1, 1, 0, ?)",
                (to_micros(now),),
            )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
