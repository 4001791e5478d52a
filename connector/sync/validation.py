"""From a wish to a mailbox that may be read: located in batches, then opened once and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import cast

from connector.errors import AccessDenied, SessionChanged, Verdict
from connector.model import AuditEntry, Identity, Mailbox, Phase, Session
from connector.sync import failing, state
from connector.sync.context import Context
from connector.sync.outcome import Step
from connector.sync.visit import Visit

BATCH = 100
"""Addresses in one look-up (Autodiscover GetUserSettings)."""


@dataclass(frozen=True, slots=True)
class Located:
    """What became of one address; ``verdict`` says why its mailbox can't be read, None that it goes on to VALIDATING."""

    mailbox: Mailbox
    session: Session
    verdict: Verdict | None = None


def locate(context: Context, source: str) -> tuple[tuple[Located, ...], datetime | None]:
    """Look up to 100 requested mailboxes of a source up, those waiting longest first.

    Returns what became of them, and when the next batch is due (None: nobody waits). Raises verdicts that concern the
    source as a whole.
    """
    now = context.now()
    waiting = sorted(
        (one for one in context.store.sessions() if one.phase is Phase.REQUESTED), key=lambda one: one.due
    )
    due = (one for one in waiting if one.due <= now)
    batch = tuple(islice(_of_source(context, source, due), BATCH))
    if not batch:
        return (), min((one.due for one in waiting if one.due > now), default=None)
    found = context.sources[source].locate([mailbox.address for mailbox, _ in batch])
    placed = (_place(context, mailbox, session, found[mailbox.address]) for mailbox, session in batch)
    looked = tuple(one for one in placed if one is not None)
    if len(batch) == BATCH:
        return looked, now
    later = [one.session.due for one in looked if one.session.phase is Phase.REQUESTED]
    return looked, min([*later, *(one.due for one in waiting if one.due > now)], default=None)


def _of_source(
    context: Context, source: str, sessions: Iterable[Session]
) -> Iterator[tuple[Mailbox, Session]]:
    for session in sessions:
        mailbox = context.store.mailbox(session.mailbox_id)
        if mailbox is not None and mailbox.source == source:
            yield mailbox, session


def _place(context: Context, asked: Mailbox, session: Session, answer: Identity | Verdict) -> Located | None:
    """Write one answer down; None when an administrator changed the mailbox while the source was asked."""
    mailbox = context.store.mailbox(asked.id)
    if mailbox is None or mailbox.address != asked.address:
        return None
    obstacle = answer if isinstance(answer, Verdict) else _obstacle(context, mailbox, answer)
    if obstacle is not None:
        stored = failing.record(context, session, obstacle)
        return Located(mailbox, stored, obstacle) if stored else None
    try:
        return _found(context, mailbox, session, cast("Identity", answer))
    except SessionChanged:
        return None


def _found(context: Context, mailbox: Mailbox, session: Session, found: Identity) -> Located:
    """Go on to VALIDATING. Under a new primary address the hub is told anew whose list this is, by a full read."""
    now = context.now()
    known = replace(mailbox, location=found.location, stable_id=found.stable_id or mailbox.stable_id)
    following = replace(session, phase=Phase.VALIDATING, due=now)
    entry = None
    if found.address != mailbox.address:
        known = replace(known, address=found.address)
        following = replace(following, resume=None, load=None)
        facts = {"mailbox_id": mailbox.id, "former": mailbox.address}
        entry = AuditEntry(now, "connector", "mailbox.renamed", known.address, facts)
    context.store.change_mailbox(known, entry)
    return Located(known, context.store.change_session(following))


def _obstacle(context: Context, mailbox: Mailbox, found: Identity) -> Verdict | None:
    """Why what was found can't be read in this mailbox's name."""
    mismatch = _mismatch(mailbox, found)
    if mismatch is None and found.address != mailbox.address:
        twin = context.store.find_mailbox(found.address)
        if twin is not None and twin.id != mailbox.id:
            return AccessDenied("alias-address", found.address)
    return mismatch


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


def validate(visit: Visit) -> Step:
    """Open the calendar once and see whose it is. Raises AccessDenied and other verdicts."""
    mailbox = visit.mailbox
    identity = visit.source.probe(mailbox)
    if mailbox.stable_id and identity.stable_id and identity.stable_id != mailbox.stable_id:
        raise AccessDenied("same-address-other-mailbox")
    current = visit.store.mailbox(mailbox.id) or mailbox
    known = replace(
        current,
        stable_id=identity.stable_id or current.stable_id,
        location=identity.location or current.location,
    )
    if known != current:
        visit.store.change_mailbox(known)
    return _admit(visit, known)


def _admit(visit: Visit, mailbox: Mailbox) -> Step:
    session, now = visit.session, visit.now
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
    stored = visit.store.change_session(admitted, entry)
    return Step("validated: the calendar can be read", stored)


def retry(visit: Visit) -> Step:
    """A blocked mailbox's patience is over: it is looked up and checked again."""
    asked = replace(visit.session, phase=Phase.REQUESTED, due=visit.now)
    stored = visit.store.change_session(asked)
    return Step("trying again", replace(stored, due=visit.now + timedelta(days=1)))
