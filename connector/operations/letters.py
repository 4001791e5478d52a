"""Dead letters and the audit trail, for people."""

from __future__ import annotations

from typing import Any

from connector.errors import NotFound
from connector.model import DeadLetter
from connector.operations import mailboxes
from connector.operations.desk import Desk
from connector.operations.mailboxes import moment
from connector.reasons import explain


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
    mailboxes.resync(desk, [mailbox.id])
    desk.store.drop_dead_letter(event)
    desk.store.audit(desk.entry("deadletter.retry", mailbox.address, event=event))
    return f"{mailbox.address} is read afresh and sent again"


def drop(desk: Desk, event: str) -> str:
    """Forget one."""
    _find(desk, event)
    desk.store.drop_dead_letter(event)
    desk.store.audit(desk.entry("deadletter.drop", event=event))
    return "dropped"


def _find(desk: Desk, event: str) -> DeadLetter:
    found = next((one for one in desk.store.dead_letters() if one.queued.envelope.id == event), None)
    if found is None:
        raise NotFound(f"there is no dead letter {event}; calendar-connector deadletter list shows them")
    return found


def audit_rows(desk: Desk, after: int, limit: int) -> list[dict[str, Any]]:
    """The trail from a row number on; a mailbox that is kept by its id is shown by the address it had then."""
    return [
        {
            "number": row.number,
            "at": moment(row.entry.at),
            "actor": row.entry.actor,
            "action": row.entry.action,
            "mailbox": row.entry.facts.get("address", row.entry.mailbox),
            "facts": dict(row.entry.facts),
        }
        for row in desk.store.audit_rows(after, min(limit, 10_000))
    ]
