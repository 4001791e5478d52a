"""When a live mailbox wants its next step."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.model import Session
from connector.sync.visit import Visit

CONFIRMED_SOON = timedelta(seconds=5)
"""How often a mailbox with a command looks whether the hub has confirmed this start; it is read meanwhile."""


def well(visit: Visit, session: Session) -> Session:
    """The session after a step that went well: no failure is remembered, and its next due time stands."""
    healthy = replace(session, attempts=0, reason=None, failed_at=None)
    return replace(healthy, due=next_due(visit.after(healthy)))


def next_due(visit: Visit) -> datetime:
    """When the mailbox wants its next step if nothing wakes it before."""
    context, mailbox, session, now = visit.context, visit.mailbox, visit.session, visit.now
    window = visit.window
    due = [after(session.synced_at, context.feed_interval(mailbox), now)]
    due.append(now if session.covered is None or session.covered < window.end else _tomorrow(visit))
    looks = context.second_looks.at(mailbox, context.store.quarantine, now)
    due += [looks] if looks is not None else []
    intent = context.store.next_intent(mailbox.id)
    due += [intent.due] if intent is not None and intent.due is not None else []
    if not context.confirmed.is_set() and context.store.next_command(mailbox.id) is not None:
        due.append(now + CONFIRMED_SOON)
    if visit.policy.presence == "off":
        due += [now] if session.presence_digest is not None else []
    else:
        due.append(presence_at(visit))
    return min(due)


def presence_at(visit: Visit) -> datetime:
    """When the owner's settings have to be read next, for a policy that sends presence; a past time means now."""
    context, mailbox, session, now = visit.context, visit.mailbox, visit.session, visit.now
    if not (session.presence_digest or "").startswith(f"{visit.policy.presence} "):
        return now
    return context.hints.due(mailbox.id, session.presence_at, context.pace_of(mailbox).presence, now)


def lapsed(since: datetime | None, interval: timedelta, now: datetime) -> bool:
    """Whether something that is done every interval is to be done again."""
    return since is None or since + interval <= now


def after(since: datetime | None, interval: timedelta, now: datetime) -> datetime:
    """When it is to be done again."""
    return now if since is None else since + interval


def _tomorrow(visit: Visit) -> datetime:
    """Shortly after the window moves; spread over an hour, so that mailboxes don't roll all at once."""
    return visit.window.end - visit.context.span.ahead + timedelta(hours=1) * visit.context.luck()
