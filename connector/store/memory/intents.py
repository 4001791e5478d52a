"""What keywords ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.model import Intent
from connector.store.memory.state import Verbs


class IntentVerbs(Verbs):
    """Intents are written by ``commit`` and read here."""

    def intents_of_series(self, series_keys: Sequence[str]) -> tuple[Intent, ...]:
        """All of these series, of whatever mailbox."""
        wanted = set(series_keys)
        with self._lock:
            found = [one for one in self._state.intents.values() if one.series_key in wanted]
            return tuple(sorted(found, key=lambda one: (one.mailbox_id, one.place)))

    def intents(self, mailbox_id: str) -> tuple[Intent, ...]:
        """All of one mailbox."""
        with self._lock:
            found = [one for one in self._state.intents.values() if one.mailbox_id == mailbox_id]
            return tuple(sorted(found, key=lambda one: one.place))

    def next_intent(self, mailbox_id: str) -> Intent | None:
        """The one due first, that of a series before those of its occurrences."""
        due = [(one.due, not one.whole, one.place, one) for one in self.intents(mailbox_id) if one.due]
        return min(due, key=lambda row: row[:3])[3] if due else None

    def _write_intents(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            if intent.mailbox_id in self._state.mailboxes:
                self._state.intents[intent.mailbox_id, intent.place] = intent

    def _forget_intents(self, ended_before: datetime) -> None:
        self._state.intents = {
            place: one
            for place, one in self._state.intents.items()
            if one.until >= ended_before or one.due is not None
        }
