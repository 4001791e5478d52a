"""All verbs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from connector.store.memory.audit import AuditVerbs
from connector.store.memory.commands import CommandVerbs
from connector.store.memory.index import IndexVerbs
from connector.store.memory.keys import KeyVerbs
from connector.store.memory.life import LifeVerbs
from connector.store.memory.outbox import OutboxVerbs


class MemoryStore(LifeVerbs, IndexVerbs, OutboxVerbs, CommandVerbs, KeyVerbs, AuditVerbs):
    """Fulfils ``base.Store`` and forgets everything with the process.

    A cipher is needed for its digests alone: nothing rests. ``clone`` and ``restore`` play the backup of a database.
    """

    def clone(self) -> Self:
        """A store of its own with everything this one holds now."""
        twin = type(self)(self._cipher)
        twin.restore(self)
        return twin

    def restore(self, snapshot: MemoryStore) -> None:
        """Put back what ``snapshot`` holds; what was written here since it was cloned is lost."""
        with snapshot._lock:
            state = snapshot._state.copy()
        with self._lock:
            self._state = state

    def facts(self) -> Mapping[str, int | str]:
        """How much is held."""
        with self._lock:
            return {
                "path": ":memory:",
                "epoch": self._state.epoch,
                "mailboxes": len(self._state.mailboxes),
                "meetings": sum(len(rows) for rows in self._state.rows.values()),
            }

    def close(self) -> None:
        """Nothing to give back."""
