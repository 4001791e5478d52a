"""A mailbox whose list is complete: what is due is done, one thing a step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.errors import Transient
from connector.model import EventKind, Mailbox, Session, Window
from connector.seal.envelope import seal_presence
from connector.sync import commands, feed
from connector.sync.context import Context
from connector.sync.hints import NOT_AWAY, in_force
from connector.sync.outcome import Step
from connector.sync.publish import Draft

NUDGES = frozenset({"stream", "push", "hub", "start", "admin", "more"})
"""Reasons that ask for a delta; others (a timer, a command) let the timers decide."""

CONFIRMED_SOON = timedelta(seconds=5)
"""How often a mailbox with a command looks whether the hub has confirmed this start; it is read meanwhile."""
UNREADABLE_SO_FAR = frozenset({"bad-answer", "server-error"})
"""Words for an answer that may be a damaged item's own."""


def step(context: Context, mailbox: Mailbox, session: Session, reasons: frozenset[str]) -> Step:
    """Do the first thing that is due. Raises verdicts and SessionChanged."""
    now = context.now()
    nudged = bool(reasons & NUDGES)
    sealed = context.store.next_command(mailbox.id)
    if sealed is not None and context.confirmed.is_set():
        done = commands.step(context, mailbox, session, sealed)
        return replace(done, more=nudged or context.store.next_command(mailbox.id) is not None)
    if nudged or _lapsed(session.synced_at, context.feed_interval(mailbox), now):
        return _delta(context, mailbox, session)
    if session.covered is None or session.covered < context.span.at(now).end:
        return _roll(context, mailbox, session)
    looks = context.second_looks.at(mailbox, context.store.quarantine, now)
    if looks is not None and looks <= now:
        return _second_look(context, mailbox, session)
    if _presence_due(context, mailbox, session, now):
        return _presence(context, mailbox, session)
    waiting = replace(session, due=next_due(context, mailbox, session))
    return Step("nothing was due", context.store.change_session(waiting))


def next_due(context: Context, mailbox: Mailbox, session: Session) -> datetime:
    """When the mailbox wants its next step if nothing wakes it before."""
    now = context.now()
    window = context.span.at(now)
    due = [_after(session.synced_at, context.feed_interval(mailbox), now)]
    due.append(now if session.covered is None or session.covered < window.end else _tomorrow(window, context))
    looks = context.second_looks.at(mailbox, context.store.quarantine, now)
    due += [looks] if looks is not None else []
    if not context.confirmed.is_set() and context.store.next_command(mailbox.id) is not None:
        due.append(now + CONFIRMED_SOON)
    if context.rules.policy(mailbox.policy).presence == "off":
        due += [now] if session.presence_digest is not None else []
    else:
        due.append(presence_at(context, mailbox, session, now))
    return min(due)


def _delta(context: Context, mailbox: Mailbox, session: Session) -> Step:
    now = context.now()
    draft = Draft(context, mailbox, session)
    delta = feed.take_page(context, mailbox, session, draft)
    synced = session.synced_at if delta.more else now
    after = replace(session, cursor=delta.cursor, synced_at=synced)
    stored = draft.commit(well(context, mailbox, after), now)
    touched = len(delta.dirty) + len(delta.gone)
    return Step(
        f"{touched} items changed: {draft.put_count} sent, {draft.drop_count} gone", stored, more=delta.more
    )


def _roll(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """Read the window's new tail and drop what has fallen behind it."""
    now = context.now()
    window = context.span.at(now)
    tail = Window(max(session.covered or window.start, window.start), window.end)
    draft = Draft(context, mailbox, session)
    draft.take(context.source_of(mailbox).view(mailbox, tail), whole=False)
    draft.drop(context.store.rows_before(mailbox.id, window.start))
    stored = draft.commit(well(context, mailbox, replace(session, covered=window.end)), now)
    return Step(f"rolled forward to {window.end:%Y-%m-%d}: {draft.put_count} sent", stored)


def _second_look(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """Ask once more for what could not be read; that it still can't be is no news of the mailbox."""
    now = context.now()
    items = [one.item_id for one in context.store.quarantine(mailbox.id)]
    draft = Draft(context, mailbox, session)
    try:
        expansion = context.source_of(mailbox).expand(mailbox, items, feed.reach(context, session))
    except Transient as verdict:
        if verdict.code not in UNREADABLE_SO_FAR:
            raise
        left = set(items)
    else:
        draft.take(expansion, whole=True)
        draft.drop(context.store.rows_of_items(mailbox.id, expansion.gone) if expansion.gone else ())
        left = {one.item_id for one in expansion.unreadable}
        draft.release(item for item in items if item not in left)
    context.second_looks.looked(mailbox, now, left=bool(left))
    stored = draft.commit(well(context, mailbox, session), now)
    return Step(f"looked again at {len(items)} items that could not be read: {len(left)} still can't", stored)


def _presence(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """Send what changed. A policy that now sends less, or nothing, takes back what the hub holds."""
    now = context.now()
    policy = context.rules.policy(mailbox.policy)
    wanted = policy.presence != "off"
    presence = in_force(context.source_of(mailbox).presence(mailbox), now) if wanted else NOT_AWAY
    context.hints.read(mailbox.id, presence, now)
    digest = f"{policy.presence} {context.digests.presence(presence)}" if wanted else None
    draft = Draft(context, mailbox, session)
    if digest != session.presence_digest:
        data = seal_presence(presence, draft.key, mailbox.id, draft.revision, policy)
        draft.announce(EventKind.PRESENCE_PUT, data, sealed=True)
    after = replace(session, presence_at=now, presence_digest=digest)
    stored = draft.commit(well(context, mailbox, after), now)
    return Step(f"presence {'sent' if draft.envelopes else 'unchanged'}", stored)


def _presence_due(context: Context, mailbox: Mailbox, session: Session, now: datetime) -> bool:
    if context.rules.policy(mailbox.policy).presence == "off":
        return session.presence_digest is not None
    return presence_at(context, mailbox, session, now) <= now


def presence_at(context: Context, mailbox: Mailbox, session: Session, now: datetime) -> datetime:
    """When the owner's settings have to be read next, for a policy that sends presence; a past time means now."""
    policy = context.rules.policy(mailbox.policy)
    if not (session.presence_digest or "").startswith(f"{policy.presence} "):
        return now
    return context.hints.due(mailbox.id, session.presence_at, context.pace_of(mailbox).presence, now)


def well(context: Context, mailbox: Mailbox, session: Session) -> Session:
    """The session after a step that went well: no failure is remembered, and its next due time stands."""
    healthy = replace(session, attempts=0, reason=None, failed_at=None)
    return replace(healthy, due=next_due(context, mailbox, healthy))


def _lapsed(since: datetime | None, interval: timedelta, now: datetime) -> bool:
    return since is None or since + interval <= now


def _after(since: datetime | None, interval: timedelta, now: datetime) -> datetime:
    return now if since is None else since + interval


def _tomorrow(window: Window, context: Context) -> datetime:
    """Shortly after the window moves; spread over an hour, so that mailboxes don't roll all at once."""
    return window.end - context.span.ahead + timedelta(hours=1) * context.luck()
