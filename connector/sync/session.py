"""One step of one mailbox's session: the only place from which source, seal and store are called together."""

from __future__ import annotations

from connector.errors import SessionChanged
from connector.model import Phase
from connector.sync import leaving, live, loading, validation
from connector.sync.context import Context
from connector.sync.outcome import Step
from connector.sync.visit import Visit


def step(context: Context, mailbox_id: str, reasons: frozenset[str]) -> Step:
    """Bring one mailbox one page, slice or command further.

    Raises verdicts of peers with nothing stored: what they mean for the session is recorded by the caller
    (``failing.record``), who can also hold others back which would meet the same fault. StoreError passes through.
    """
    session = context.store.session(mailbox_id)
    mailbox = context.store.mailbox(mailbox_id)
    if session is None or mailbox is None:
        return Step("no longer here", None)
    if mailbox.source not in context.sources and session.phase is not Phase.LEAVING:
        return Step(f"its source {mailbox.source} is not configured", None)
    try:
        return _advance(Visit.begin(context, mailbox, session), reasons)
    except SessionChanged:
        return Step("changed by somebody else meanwhile", context.store.session(mailbox_id), more=True)


def _advance(visit: Visit, reasons: frozenset[str]) -> Step:
    match visit.session.phase:
        case Phase.VALIDATING:
            return validation.validate(visit)
        case Phase.LOADING:
            return loading.step(visit)
        case Phase.LIVE:
            return live.step(visit, reasons)
        case Phase.BLOCKED:
            return validation.retry(visit)
        case Phase.LEAVING:
            return leaving.step(visit)
        case Phase.REQUESTED | Phase.PAUSED | Phase.MOVED:
            return Step("waiting", None)
