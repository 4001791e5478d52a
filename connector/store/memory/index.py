"""The index of what was sent, and the one transaction that moves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from connector.errors import StoreError
from connector.model import Commit, Envelope, IndexRow, Quarantined, Queued, Session, Window
from connector.store.memory.intents import IntentVerbs
from connector.store.memory.mailboxes import MailboxVerbs
from connector.store.rows import REPLACEABLE, audit_text, from_json, to_json


class IndexVerbs(MailboxVerbs, IntentVerbs):
    """Rows by mailbox, and ``commit``."""

    def rows_of_series(self, mailbox_id: str, series_keys: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows of these series."""
        wanted = set(series_keys)
        return self._rows(mailbox_id, lambda row: row.series_key in wanted)

    def rows_of_items(self, mailbox_id: str, item_ids: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows whose item id or home id is one of these."""
        wanted = set(item_ids)
        return self._rows(mailbox_id, lambda row: row.item_id in wanted or row.home_id in wanted)

    def rows_unseen(self, mailbox_id: str, generation: int) -> tuple[IndexRow, ...]:
        """Rows whose generation is below ``generation``."""
        return self._rows(mailbox_id, lambda row: row.generation < generation)

    def rows_before(self, mailbox_id: str, moment: datetime) -> tuple[IndexRow, ...]:
        """Rows that ended at or before ``moment``."""
        return self._rows(mailbox_id, lambda row: row.end <= moment)

    def rows_between(self, mailbox_id: str, start: datetime, end: datetime) -> tuple[IndexRow, ...]:
        """Rows that overlap the half-open span, by the rule of ``Window.overlaps``."""
        window = Window(start, end)
        return self._rows(mailbox_id, lambda row: window.overlaps(row.start, row.end))

    def count_rows(self, mailbox_id: str) -> int:
        """How many meetings of the mailbox the hub is believed to hold."""
        return len(self._rows(mailbox_id, lambda _row: True))

    def quarantine(self, mailbox_id: str) -> tuple[Quarantined, ...]:
        """Items that could not be read, by item id."""
        with self._lock:
            held = self._state.quarantine.get(mailbox_id, {})
            return tuple(held[item_id] for item_id in sorted(held))

    def commit(self, commit: Commit, now: datetime) -> Session:
        """Write one step whole, or nothing of it."""
        envelopes = [replace(e, data=from_json(to_json(e.data))) for e in commit.envelopes]
        for entry in commit.audit:
            audit_text(entry)
        with self._lock:
            self._refuse_stale(commit.session)
            self._refuse_known_events(envelopes)
            self._write_rows(commit)
            self._write_quarantine(commit)
            self._write_intents(commit.intents)
            for envelope in envelopes:
                self._enqueue(envelope, now)
            if commit.finished:
                self._state.commands.pop(commit.finished, None)
                self._state.seen[commit.finished] = now
            for entry in commit.audit:
                self._append_audit(entry)
            return self._write_session(commit.session)

    def _rows(self, mailbox_id: str, wanted: Callable[[IndexRow], bool]) -> tuple[IndexRow, ...]:
        with self._lock:
            rows = self._state.rows.get(mailbox_id, {})
            return tuple(rows[meeting_id] for meeting_id in sorted(rows) if wanted(rows[meeting_id]))

    def _refuse_known_events(self, envelopes: Sequence[Envelope]) -> None:
        ids = [envelope.id for envelope in envelopes]
        if len(set(ids)) < len(ids) or not self._state.outbox.keys().isdisjoint(ids):
            raise StoreError("An event of this step is in the outbox already.")

    def _write_rows(self, commit: Commit) -> None:
        rows = self._state.rows.setdefault(commit.session.mailbox_id, {})
        for meeting_id in commit.dropped:
            rows.pop(meeting_id, None)
        rows.update({row.meeting_id: row for row in commit.rows})
        if commit.session.load:
            for meeting_id in rows.keys() & set(commit.touched):
                rows[meeting_id] = replace(rows[meeting_id], generation=commit.session.load.generation)

    def _write_quarantine(self, commit: Commit) -> None:
        held = self._state.quarantine.setdefault(commit.session.mailbox_id, {})
        for item_id in commit.released:
            held.pop(item_id, None)
        held.update({item.item_id: item for item in commit.quarantined})

    def _enqueue(self, envelope: Envelope, now: datetime) -> None:
        state = self._state
        superseded = [
            queued.envelope.id
            for queued in state.outbox.values()
            if _replaces(envelope, queued.envelope) and queued.envelope.id not in state.claimed
        ]
        for event_id in superseded:
            del state.outbox[event_id]
        state.last_sequence += 1
        state.outbox[envelope.id] = Queued(envelope, state.epoch, state.last_sequence, now)


def _replaces(new: Envelope, old: Envelope) -> bool:
    return (
        new.kind in REPLACEABLE
        and old.kind in REPLACEABLE
        and new.meeting_id is not None
        and (new.mailbox_id, new.meeting_id) == (old.mailbox_id, old.meeting_id)
    )
