"""A mailbox whose list is complete: what is due is done, one thing a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from connector.errors import Transient
from connector.model import EventKind, Window
from connector.seal.envelope import seal_presence
from connector.sync import away, commands, feed
from connector.sync.due import lapsed, next_due, presence_at, well
from connector.sync.hints import NOT_AWAY
from connector.sync.keywords import step as keywords
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

NUDGES = frozenset({"stream", "push", "hub", "start", "admin", "more"})
"""Reasons that ask for a delta; others (a timer, a command) let the timers decide."""

UNREADABLE_SO_FAR = frozenset({"bad-answer", "server-error"})
"""Words for an answer that may be a damaged item's own."""


def step(visit: Visit, reasons: frozenset[str]) -> Step:
    """Do the first thing that is due. Raises verdicts and SessionChanged."""
    context, mailbox, session, now = visit.context, visit.mailbox, visit.session, visit.now
    nudged = bool(reasons & NUDGES)
    sealed = context.store.next_command(mailbox.id)
    if sealed is not None and context.confirmed.is_set():
        done = commands.step(visit, sealed)
        return replace(done, more=nudged or context.store.next_command(mailbox.id) is not None)
    if nudged or lapsed(session.synced_at, context.feed_interval(mailbox), now):
        return _delta(visit)
    if session.covered is None or session.covered < visit.window.end:
        return _roll(visit)
    due = _due(visit)
    if due is not None:
        return due()
    waiting = replace(session, due=next_due(visit))
    return Step("nothing was due", context.store.change_session(waiting))


def _due(visit: Visit) -> Callable[[], Step] | None:
    """What else is to be done now: a keyword, a second look, the owner's presence."""
    context, mailbox, now = visit.context, visit.mailbox, visit.now
    intent = context.store.next_intent(mailbox.id)
    if intent is not None and intent.due is not None and intent.due <= now:
        return partial(keywords.step, visit, intent)
    looks = context.second_looks.at(mailbox, context.store.quarantine, now)
    if looks is not None and looks <= now:
        return partial(_second_look, visit)
    return partial(_presence, visit) if _presence_due(visit) else None


def _delta(visit: Visit) -> Step:
    session = visit.session
    draft = Draft(visit)
    delta = feed.take_page(visit, draft)
    synced = session.synced_at if delta.more else visit.now
    after = replace(session, cursor=delta.cursor, synced_at=synced)
    stored = draft.commit(well(visit, after))
    touched = len(delta.dirty) + len(delta.gone)
    return Step(
        f"{touched} items changed: {draft.put_count} sent, {draft.drop_count} gone",
        stored,
        more=delta.more,
        changed=bool(draft.put_count or draft.drop_count),
    )


def _roll(visit: Visit) -> Step:
    """Read the window's new tail and drop what has fallen behind it."""
    mailbox, session, window = visit.mailbox, visit.session, visit.window
    tail = Window(max(session.covered or window.start, window.start), window.end)
    draft = Draft(visit)
    draft.take(visit.source.view(mailbox, tail), whole=False)
    draft.drop(visit.store.rows_before(mailbox.id, window.start))
    stored = draft.commit(well(visit, replace(session, covered=window.end)))
    return Step(f"rolled forward to {window.end:%Y-%m-%d}: {draft.put_count} sent", stored)


def _second_look(visit: Visit) -> Step:
    """Ask once more for what could not be read; that it still can't be is no news of the mailbox."""
    context, mailbox = visit.context, visit.mailbox
    items = [one.item_id for one in context.store.quarantine(mailbox.id)]
    draft = Draft(visit)
    try:
        expansion = visit.source.expand(mailbox, items, visit.reach)
    except Transient as verdict:
        if verdict.code not in UNREADABLE_SO_FAR:
            raise
        left = set(items)
    else:
        draft.take(expansion, whole=True)
        draft.drop(context.store.rows_of_items(mailbox.id, expansion.gone) if expansion.gone else ())
        left = {one.item_id for one in expansion.unreadable}
        draft.release(item for item in items if item not in left)
    context.second_looks.looked(mailbox, visit.now, left=bool(left))
    stored = draft.commit(well(visit, visit.session))
    return Step(f"looked again at {len(items)} items that could not be read: {len(left)} still can't", stored)


def _presence(visit: Visit) -> Step:
    """Send what changed. A policy that now sends less, or nothing, takes back what the hub holds."""
    context, mailbox, session, now = visit.context, visit.mailbox, visit.session, visit.now
    policy = visit.policy
    wanted = policy.presence != "off"
    presence = away.presence(visit) if wanted else NOT_AWAY
    context.hints.read(mailbox.id, presence, now)
    digest = f"{policy.presence} {context.digests.presence(presence)}" if wanted else None
    draft = Draft(visit)
    if digest != session.presence_digest:
        data = seal_presence(presence, draft.key, mailbox.id, draft.revision, policy)
        draft.announce(EventKind.PRESENCE_PUT, data, sealed=True)
    after = replace(session, presence_at=now, presence_digest=digest)
    stored = draft.commit(well(visit, after))
    return Step(f"presence {'sent' if draft.envelopes else 'unchanged'}", stored)


def _presence_due(visit: Visit) -> bool:
    if visit.policy.presence == "off":
        return visit.session.presence_digest is not None
    return presence_at(visit) <= visit.now
