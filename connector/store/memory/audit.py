"""The audit trail."""

from __future__ import annotations

from datetime import datetime

from connector.model import AuditEntry
from connector.store.base import AuditRow
from connector.store.memory.state import Verbs
from connector.store.rows import audit_entry, chain_text


class AuditVerbs(Verbs):
    """An append-only hash chain."""

    def audit(self, entry: AuditEntry) -> int:
        """Append; the number of the row."""
        with self._lock:
            return self._append_audit(entry)

    def audit_rows(self, after: int = 0, limit: int = 1000) -> tuple[AuditRow, ...]:
        """Rows with a number above ``after``, oldest first."""
        with self._lock:
            numbers = [number for number in self._state.audit if number > after][: max(limit, 0)]
            return tuple(self._row(number) for number in numbers)

    def last_audit(self) -> int:
        """The number of the newest row."""
        with self._lock:
            return self._state.head[0]

    def count_audit(self, action: str, since: datetime, mailbox_id: str | None = None) -> int:
        """How often ``action`` happened at or after ``since``."""
        with self._lock:
            entries = [self._row(number).entry for number in self._state.audit]
            return sum(
                entry.action == action and entry.at >= since and mailbox_id in {None, entry.mailbox}
                for entry in entries
            )

    def verify_audit(self) -> int | None:
        """The number of the first row whose chain does not hold."""
        with self._lock:
            number, chain = self._state.anchor
            while number < self._state.head[0]:
                number += 1
                text, stored = self._state.audit.get(number, (b"", ""))
                chain = self._digest(chain_text(chain, number, text))
                if chain != stored:
                    return number
            return None

    def purge_audit(self, before: datetime) -> int:
        """Delete the oldest rows up to the first that is not older than ``before``; keep the chain's anchor."""
        with self._lock:
            deleted = 0
            for number in list(self._state.audit):
                if self._row(number).entry.at >= before:
                    break
                self._state.anchor = (number, self._state.audit.pop(number)[1])
                deleted += 1
            return deleted

    def _row(self, number: int) -> AuditRow:
        text, chain = self._state.audit[number]
        return AuditRow(number, audit_entry(text), chain)
