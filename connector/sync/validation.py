"""From a wish to a mailbox that may be read: located in batches, then opened once and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from connector.errors import AccessDenied, Verdict
from connector.model import AuditEntry, Identity, Mailbox, Phase, Session
from connector.sync import state
from connector.sync.context import Context
from connector.sync.outcome import Step

BATCH = 100
"""Addresses in one look-up (Autodiscover GetUserSettings)."""


def locate(context: Context, source: str) -> tuple[tuple[str, ...], datetime | None]:
    """Look up to 100 requested mailboxes of a source up; those found go on to VALIDATING.

    Returns the ids that are now due, and when the next batch is due (None: nobody waits). Raises verdicts that
    concern the source as a whole.
    """
    waiting = _waiting(context, source)
    now = context.now()
    batch = [(mailbox, session) for mailbox, session in waiting if session.due <= now][:BATCH]
    if batch:
        found = context.sources[source].locate([mailbox.address for mailbox, _ in batch])
        for mailbox, session in batch:
            _place(context, mailbox, session, found[mailbox.address])
    rest = [session.due for mailbox, session in _waiting(context, source)]
    return tuple(mailbox.id for mailbox, _ in batch), min(rest, default=None)


def _waiting(context: Context, source: str) -> Sequence[tuple[Mailbox, Session]]:
    pairs = (
        (mailbox, context.store.session(mailbox.id))
        for mailbox in context.store.mailboxes(Phase.REQUESTED)
        if mailbox.source == source
    )
    return [(mailbox, session) for mailbox, session in pairs if session is not None]


def _place(context: Context, mailbox: Mailbox, session: Session, answer: Identity | Verdict) -> None:
    now = context.now()
    obstacle = answer if isinstance(answer, Verdict) else _mismatch(mailbox, answer)
    if obstacle is not None:
        context.store.change_session(state.after_failure(session, obstacle, now, context.luck()))
        return
    found = cast("Identity", answer)
    known = replace(mailbox, location=found.location, stable_id=found.stable_id or mailbox.stable_id)
    if mailbox.stable_id and found.stable_id:
        known = replace(known, address=found.address)
    entry = AuditEntry(now, "connector", "mailbox.renamed", known.address, {"mailbox_id": mailbox.id})
    context.store.change_mailbox(known, entry if known.address != mailbox.address else None)
    context.store.change_session(replace(session, phase=Phase.VALIDATING, due=now))


def _mismatch(mailbox: Mailbox, found: Identity) -> Verdict | None:
    """Whether the address leads to another mailbox than the one that is meant.

    The same stable id under a new primary address is the same person after a marriage or a rebranding; an address never
    seen before that is not a primary one was typed as an alias.
    """
    if mailbox.stable_id and found.stable_id and mailbox.stable_id != found.stable_id:
        return AccessDenied("same-address-other-mailbox")
    if found.address != mailbox.address and not (mailbox.stable_id and found.stable_id):
        return AccessDenied("alias-address", found.address)
    return None


def validate(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """Open the calendar once and see whose it is. Raises AccessDenied and other verdicts."""
    now = context.now()
    identity = context.source_of(mailbox).probe(mailbox)
    if mailbox.stable_id and identity.stable_id and identity.stable_id != mailbox.stable_id:
        raise AccessDenied("same-address-other-mailbox")
    known = replace(
        mailbox,
        stable_id=identity.stable_id or mailbox.stable_id,
        location=identity.location or mailbox.location,
    )
    if known != mailbox:
        context.store.change_mailbox(known)
    return _admit(context, known, session, now)


def _admit(context: Context, mailbox: Mailbox, session: Session, now: datetime) -> Step:
    going_on = session.resume is Phase.LIVE
    unfinished = session.resume is Phase.LOADING and session.load is not None
    admitted = replace(
        session,
        phase=Phase.LIVE if going_on else Phase.LOADING,
        load=session.load if going_on or unfinished else state.reread(session, resend=True),
        cursor=session.cursor if going_on or unfinished else None,
        resume=None,
        attempts=0,
        reason=None,
        failed_at=None,
        synced_at=None,
        due=now,
    )
    entry = AuditEntry(now, "connector", "mailbox.validated", mailbox.address, {"mailbox_id": mailbox.id})
    stored = context.store.change_session(admitted, entry)
    return Step("validated: the calendar can be read", stored)


def retry(context: Context, session: Session) -> Step:
    """A blocked mailbox's patience is over: it is looked up and checked again."""
    now = context.now()
    stored = context.store.change_session(replace(session, phase=Phase.REQUESTED, due=now))
    return Step("trying again", replace(stored, due=now + timedelta(days=1)))
