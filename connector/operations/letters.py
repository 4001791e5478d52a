"""Dead letters and the audit trail, for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.errors import NotFound, UserError
from connector.model import AuditEntry, DeadLetter
from connector.operations import mailboxes
from connector.operations.desk import Desk
from connector.operations.mailboxes import moment
from connector.reasons import explain
from connector.store.base import AuditRow

MOST_ROWS = 10_000
PAGE = 1000
WRITES = "calendar.wr"
"""Begins the actions ``calendar.write`` (admitted) and ``calendar.written`` (done)."""
WRITES_SHOWN = 20


def listing(desk: Desk) -> list[dict[str, Any]]:
    """What the hub would not take."""
    return [_row(desk, letter) for letter in desk.store.dead_letters()]


def _row(desk: Desk, letter: DeadLetter) -> dict[str, Any]:
    envelope = letter.queued.envelope
    mailbox = desk.store.mailbox(envelope.mailbox_id)
    return {
        "event": envelope.id,
        "kind": envelope.kind.value,
        "mailbox": mailbox.address if mailbox else envelope.mailbox_id,
        "at": moment(letter.at),
        "problem": explain(letter.code).sentence,
    }


def retry(desk: Desk, event: str) -> str:
    """Read the mailbox afresh and send what it now holds; stored bytes are never sent again."""
    letter = _find(desk, event)
    mailbox = desk.mailbox(letter.queued.envelope.mailbox_id)
    (answer,) = mailboxes.resync(desk, [mailbox.id])
    if not answer.done:
        raise UserError(f"{mailbox.address} can't be read afresh, the dead letter stays: {answer.sentence}")
    desk.store.audit(desk.entry("deadletter.retry", mailbox.address, event=event))
    desk.store.drop_dead_letter(event)
    return f"{mailbox.address} is read afresh and sent again"


def drop(desk: Desk, event: str) -> str:
    """Forget one."""
    _find(desk, event)
    desk.store.audit(desk.entry("deadletter.drop", event=event))
    desk.store.drop_dead_letter(event)
    return "dropped"


def _find(desk: Desk, event: str) -> DeadLetter:
    found = next((one for one in desk.store.dead_letters() if one.queued.envelope.id == event), None)
    if found is None:
        raise NotFound(f"there is no dead letter {event}; calendar-connector deadletter list shows them")
    return found


def audit_rows(desk: Desk, after: int | None, limit: int) -> list[dict[str, Any]]:
    """The trail from a row number on; without one the newest rows."""
    limit = max(0, min(limit, MOST_ROWS))
    if after is None:
        after = max(0, desk.store.last_audit() - limit)
    return _shown(desk.store.audit_rows(after, limit))


def latest_writes(desk: Desk) -> list[dict[str, Any]]:
    """The newest calendar writes, oldest first; not looked for any further back than the newest ``MOST_ROWS`` rows."""
    found: list[AuditRow] = []
    end = desk.store.last_audit()
    bottom = max(0, end - MOST_ROWS)
    while end > bottom and len(found) < WRITES_SHOWN:
        start = max(bottom, end - PAGE)
        page = desk.store.audit_rows(start, end - start)
        found = [row for row in page if row.entry.action.startswith(WRITES)] + found
        end = start
    return _shown(found[-WRITES_SHOWN:])


def _shown(rows: Iterable[AuditRow]) -> list[dict[str, Any]]:
    return [
        {
            "number": row.number,
            "at": moment(row.entry.at),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "mailbox": _named(row.entry),
            "facts": dict(row.entry.facts),
        }
        for row in rows
    ]


def _named(entry: AuditEntry) -> str:
    """The mailbox by address: as it was then, where the row was kept under the mailbox's id."""
    return str(entry.facts.get("address") or entry.mailbox)
