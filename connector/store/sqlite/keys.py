"""Wrapped content keys."""

from __future__ import annotations

from datetime import datetime

from connector.model import WrappedKey
from connector.store.rows import from_micros, from_micros_or_none, to_micros, to_micros_or_none
from connector.store.sqlite.verbs import Verbs

# A key seals for one mailbox alone, so only rows of that mailbox can name it.
_DROP_UNUSED = """
DELETE FROM wrapped_keys AS key
WHERE retired_at < ?
  AND NOT EXISTS (SELECT 1 FROM meetings WHERE mailbox_id = key.mailbox_id AND key_uri = key.uri)
  AND NOT EXISTS (SELECT 1 FROM outbox WHERE mailbox_id = key.mailbox_id AND key_uri = key.uri)
  AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE mailbox_id = key.mailbox_id AND key_uri = key.uri)
"""


class KeyVerbs(Verbs):
    """Content keys as they rest: wrapped by the key service, so not sealed again."""

    def wrapped_keys(self, mailbox_id: str | None = None) -> tuple[WrappedKey, ...]:
        """Of one mailbox or of all, newest first."""
        with self._database.read() as connection:
            if mailbox_id is None:
                found = connection.execute("SELECT * FROM wrapped_keys ORDER BY created_at DESC, uri DESC")
            else:
                found = connection.execute(
                    "SELECT * FROM wrapped_keys WHERE mailbox_id = ? ORDER BY created_at DESC, uri DESC",
                    (mailbox_id,),
                )
            rows = found.fetchall()
        return tuple(
            WrappedKey(
                uri=row["uri"],
                mailbox_id=row["mailbox_id"],
                wrapped=row["wrapped"],
                kek_version=row["kek_version"],
                created_at=from_micros(row["created_at"]),
                retired_at=from_micros_or_none(row["retired_at"]),
            )
            for row in rows
        )

    def put_wrapped_key(self, key: WrappedKey) -> None:
        """Add or replace by uri."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO wrapped_keys"
                " (uri, mailbox_id, wrapped, kek_version, created_at, retired_at) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    key.uri,
                    key.mailbox_id,
                    key.wrapped,
                    key.kek_version,
                    to_micros(key.created_at),
                    to_micros_or_none(key.retired_at),
                ),
            )

    def drop_unused_keys(self, retired_before: datetime) -> int:
        """Delete keys retired before the moment that nothing of their mailbox names any more."""
        with self._database.write() as connection:
            return connection.execute(_DROP_UNUSED, (to_micros(retired_before),)).rowcount
