"""Wrapped content keys."""

from __future__ import annotations

from datetime import datetime

from connector.model import WrappedKey
from connector.store.memory.state import Verbs


class KeyVerbs(Verbs):
    """Content keys as they rest."""

    def wrapped_keys(self, mailbox_id: str | None = None) -> tuple[WrappedKey, ...]:
        """Of one mailbox or of all, newest first."""
        with self._lock:
            keys = [k for k in self._state.keys.values() if mailbox_id is None or k.mailbox_id == mailbox_id]
            return tuple(sorted(keys, key=lambda key: (key.created_at, key.uri), reverse=True))

    def put_wrapped_key(self, key: WrappedKey) -> None:
        """Add or replace by uri."""
        with self._lock:
            self._state.keys[key.uri] = key

    def drop_unused_keys(self, retired_before: datetime) -> int:
        """Delete keys retired before the moment that nothing of their mailbox names any more."""
        with self._lock:
            unused = [
                key.uri
                for key in self._state.keys.values()
                if key.retired_at and key.retired_at < retired_before and not self._named(key)
            ]
            for uri in unused:
                del self._state.keys[uri]
            return len(unused)

    def _named(self, key: WrappedKey) -> bool:
        rows = self._state.rows.get(key.mailbox_id, {}).values()
        envelopes = [
            *(queued.envelope for queued in self._state.outbox.values()),
            *(letter.queued.envelope for letter in self._state.dead.values()),
        ]
        return any(row.key_uri == key.uri for row in rows) or any(
            (envelope.mailbox_id, envelope.key_uri) == (key.mailbox_id, key.uri) for envelope in envelopes
        )
