"""The end of a mailbox: the watcher lets go, the hub is told, the local rows are deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import AuditEntry, EventKind, Phase
from connector.sync import aims, failing
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

GRACE = timedelta(seconds=5)
"""Time for the watcher to give the subscription back, which needs rows that are deleted afterwards."""


def step(visit: Visit) -> Step:
    """First tell the hub, then delete. Killed in between, the hub is told twice, which is harmless."""
    context, mailbox, session = visit.context, visit.mailbox, visit.session
    if session.resume is not Phase.LEAVING:
        return _tell(visit)
    if session.erase:
        context.keys.forget(mailbox.id)
    action = "mailbox.erased" if session.erase else "mailbox.deactivated"
    entry = AuditEntry(visit.now, "connector", action, mailbox.address, {"mailbox_id": mailbox.id})
    context.store.erase_mailbox(mailbox.id, entry)
    failing.forget(context.store, mailbox.id)
    aims.forget(visit)
    context.committed()
    return Step("deactivated: the hub is told and the local rows are deleted", None)


def _tell(visit: Visit) -> Step:
    session = visit.session
    draft = Draft(visit)
    draft.announce(EventKind.MAILBOX_GONE, {"erase": session.erase})
    told = replace(session, resume=Phase.LEAVING, reason=None, load=None, due=visit.now + GRACE)
    return Step("told the hub that the mailbox leaves", draft.commit(told))
