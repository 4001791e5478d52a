"""The end of a mailbox: the watcher lets go, the hub is told, the local rows are deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import AuditEntry, EventKind, Mailbox, Phase, Session
from connector.sync import failing
from connector.sync.context import Context
from connector.sync.outcome import Step
from connector.sync.publish import Draft

GRACE = timedelta(seconds=5)
"""Time for the watcher to give the subscription back, which needs rows that are deleted afterwards."""


def step(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """First tell the hub, then delete. Killed in between, the hub is told twice, which is harmless."""
    if session.resume is not Phase.LEAVING:
        return _tell(context, mailbox, session)
    now = context.now()
    if session.erase:
        context.keys.forget(mailbox.id)
    action = "mailbox.erased" if session.erase else "mailbox.deactivated"
    entry = AuditEntry(now, "connector", action, mailbox.address, {"mailbox_id": mailbox.id})
    context.store.erase_mailbox(mailbox.id, entry)
    failing.forget(context.store, mailbox.id)
    context.committed()
    return Step("deactivated: the hub is told and the local rows are deleted", None)


def _tell(context: Context, mailbox: Mailbox, session: Session) -> Step:
    now = context.now()
    draft = Draft(context, mailbox, session)
    draft.announce(EventKind.MAILBOX_GONE, {"erase": session.erase})
    told = replace(session, resume=Phase.LEAVING, reason=None, load=None, due=now + GRACE)
    return Step("told the hub that the mailbox leaves", draft.commit(told, now))
