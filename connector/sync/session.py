"""One step of one mailbox's session: the only place from which source, seal and store are called together."""

from __future__ import annotations

from connector.errors import SessionChanged, Verdict
from connector.model import Mailbox, Phase, Session
from connector.sync import leaving, live, loading, state, validation
from connector.sync.context import Context
from connector.sync.outcome import Step


def step(context: Context, mailbox_id: str, reasons: frozenset[str]) -> Step:
    """Bring one mailbox one page, slice or command further.

    Verdicts of peers end in the stored session (phase, reason, back-off), and are raised again so that the caller can
    hold others back which would meet the same fault. StoreError passes through.
    """
    session = context.store.session(mailbox_id)
    mailbox = context.store.mailbox(mailbox_id)
    if session is None or mailbox is None:
        return Step("no longer here", None)
    if mailbox.source not in context.sources:
        return Step(f"its source {mailbox.source} is not configured", None)
    try:
        return _advance(context, mailbox, session, reasons)
    except SessionChanged:
        return Step("changed by somebody else meanwhile", context.store.session(mailbox_id), more=True)


def _advance(context: Context, mailbox: Mailbox, session: Session, reasons: frozenset[str]) -> Step:
    match session.phase:
        case Phase.VALIDATING:
            return validation.validate(context, mailbox, session)
        case Phase.LOADING:
            return loading.step(context, mailbox, session)
        case Phase.LIVE:
            return live.step(context, mailbox, session, reasons)
        case Phase.BLOCKED:
            return validation.retry(context, session)
        case Phase.LEAVING:
            return leaving.step(context, mailbox, session)
        case Phase.REQUESTED | Phase.PAUSED | Phase.MOVED:
            return Step("waiting", None)


def record(context: Context, mailbox_id: str, verdict: Verdict) -> Session | None:
    """Store what a verdict means for its mailbox; None when somebody else changed the session first."""
    session = context.store.session(mailbox_id)
    if session is None:
        return None
    try:
        return context.store.change_session(
            state.after_failure(session, verdict, context.now(), context.luck())
        )
    except SessionChanged:
        return context.store.session(mailbox_id)
