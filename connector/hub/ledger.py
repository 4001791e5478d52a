"""How events are applied: the rules of docs/relay.md sections 5 and 6, on the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.hub import rows, runs, times
from connector.hub.changes import Change
from connector.hub.database import Database
from connector.hub.problems import Refusal
from connector.hub.rows import Standing
from connector.hub.settings import Limits
from connector.model import EventKind
from connector.relay import wire
from connector.relay.base import Receipt, Rejection

STALE = Rejection(wire.STALE, retry=False, stale=True)
BLOCKED = Rejection("blocked", retry=True)
FOREIGN = Rejection("foreign-mailbox", retry=False)
FULL = Rejection("too-large", retry=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch; ``touched`` are ids of mailboxes that readers see differently now."""

    receipt: Receipt
    touched: frozenset[str]


class Ledger:
    """Applies batches, each in one transaction. Mailbox ids belong to the connector that named them first."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def take(
        self,
        connector: int,
        run: str | None,
        acknowledged: wire.Order,
        changes: Sequence[Change],
        now: datetime,
    ) -> Taken:
        """Apply them in their order. Raises Refusal 409, 412 or 428, and then nothing is applied."""
        with self._database.writing() as connection:
            mark = runs.check(connection, connector, run)
            if acknowledged > mark:
                raise Refusal(412, "behind")
            batch = _Batch(connection, connector, self._limits, times.stamp(now))
            for change in changes:
                batch.judge(change)
            batch.close(mark)
        receipt = Receipt(
            tuple(dict.fromkeys(batch.taken)), batch.rejected, self._limits.batch, self._limits.bytes
        )
        return Taken(receipt, frozenset(batch.touched))


class _Batch:
    """One transaction's worth of events."""

    def __init__(self, connection: sqlite3.Connection, connector: int, limits: Limits, now: int) -> None:
        self.taken: list[str] = []
        self.rejected: dict[str, Rejection] = {}
        self.touched: set[str] = set()
        self._blocked: set[str] = set()
        self._connection = connection
        self._connector = connector
        self._limits = limits
        self._now = now
        self._highest: wire.Order = (0, 0)

    def judge(self, change: Change) -> None:
        """Take an event or say why not (6.1, 6.6)."""
        event = change.event
        if rows.was_taken(self._connection, self._connector, event.id):
            self.taken.append(event.id)
            return
        rejection = BLOCKED if event.mailbox_id in self._blocked else self._apply(change)
        if rejection is None:
            rows.remember(self._connection, self._connector, event.id, self._now)
            self.taken.append(event.id)
            self.touched.add(event.mailbox_id)
            self._highest = max(self._highest, event.order)
            return
        self.rejected[event.id] = rejection
        if rejection.retry:
            self._blocked.add(event.mailbox_id)

    def close(self, mark: wire.Order) -> None:
        """Raise the mark, note the sign of life and tell readers (6.4, 6.8)."""
        rows.sign_of_life(self._connection, self._connector, max(mark, self._highest), self._now)
        rows.revise(self._connection, self.touched)

    def _apply(self, change: Change) -> Rejection | None:
        standing = rows.standing(self._connection, self._connector, change.event.mailbox_id)
        if standing.connector != self._connector:
            return FOREIGN
        if change.event.order <= self._bar(standing, change) or not _closes(standing, change):
            return STALE
        if change.event.kind is EventKind.MEETING_PUT and self._is_full(standing, change):
            return FULL
        rows.apply(self._connection, standing, change, self._now)
        return None

    def _bar(self, standing: Standing, change: Change) -> wire.Order:
        """What the event's order must be above (6.2, 6.3); outcomes know no floor."""
        match change.event.kind:
            case EventKind.COMMAND_OUTCOME:
                return rows.outcome_order(self._connection, standing.number, change.name)
            case EventKind.MEETING_PUT | EventKind.MEETING_GONE:
                last = rows.meeting_order(self._connection, standing.number, change.name)
            case EventKind.SNAPSHOT_BEGIN | EventKind.SNAPSHOT_END:
                last = standing.last_snapshot
            case EventKind.PRESENCE_PUT:
                last = standing.last_presence
            case EventKind.MAILBOX_PUT | EventKind.MAILBOX_GONE:
                last = standing.last_record
        return max(standing.floor, last)

    def _is_full(self, standing: Standing, change: Change) -> bool:
        known = rows.meeting_order(self._connection, standing.number, change.name) > (0, 0)
        return not known and rows.count_meetings(self._connection, standing.number) >= self._limits.meetings


def _closes(standing: Standing, change: Change) -> bool:
    """Whether an end fits the open snapshot (6.5); everything else does."""
    return change.event.kind is not EventKind.SNAPSHOT_END or standing.snapshot == change.name
