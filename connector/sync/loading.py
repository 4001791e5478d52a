"""The full read of a mailbox: first load, expired cursor, resync, new epoch.

Stages (``model.Stage``), one page or slice a step, each committed with its place:

FEED      the change feed is paged to its end by ids alone: that gives the cursor
FILL      the window is read slice by slice; what is met is marked with the read's generation
CATCH_UP  what changed while it was read
SWEEP     rows that were not met are gone; the mailbox is LIVE
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.model import EventKind, Load, Mailbox, Phase, Session, Stage, Window
from connector.sync import feed
from connector.sync.context import Context
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.window import next_slice


def step(context: Context, mailbox: Mailbox, session: Session) -> Step:
    """One page or slice of the full read. Raises verdicts and SessionChanged."""
    load = session.load
    if load is None:
        raise ValueError(f"mailbox {mailbox.id} is loading without a load")
    return _STAGES[load.stage](context, mailbox, session, load)


def _feed(context: Context, mailbox: Mailbox, session: Session, load: Load) -> Step:
    now = context.now()
    delta = context.source_of(mailbox).delta(mailbox, session.cursor)
    following = load if delta.more else replace(load, stage=Stage.FILL)
    draft = Draft(context, mailbox, session)
    if load.resend and following.stage is Stage.FILL:
        following = replace(following, snapshot=f"{context.store.epoch()}.{load.generation}")
        announce(draft, context, mailbox)
        draft.announce(EventKind.SNAPSHOT_BEGIN, {"snapshot": following.snapshot})
    stored = draft.commit(_onward(session, now, cursor=delta.cursor, load=following), now)
    return Step(f"read a feed page of {len(delta.dirty)} ids", stored)


def announce(draft: Draft, context: Context, mailbox: Mailbox) -> None:
    """Tell the hub whose list this is, by blind index only."""
    draft.announce(
        EventKind.MAILBOX_PUT,
        {"address": context.digests.address_index(mailbox.address), "revision": draft.revision},
    )


def _fill(context: Context, mailbox: Mailbox, session: Session, load: Load) -> Step:
    now = context.now()
    window = context.span.at(now)
    piece = next_slice(window, load.filled_to, context.pace_of(mailbox).slice)
    if piece is None:
        return _filled(context, mailbox, session, load, window.end)
    draft = Draft(context, mailbox, session)
    draft.take(context.source_of(mailbox).view(mailbox, piece), whole=False)
    following = replace(load, filled_to=piece.end)
    stored = draft.commit(_onward(session, now, load=following, covered=piece.end), now)
    return Step(f"read {piece.start:%Y-%m-%d} to {piece.end:%Y-%m-%d}: {draft.put_count} sent", stored)


def _filled(context: Context, mailbox: Mailbox, session: Session, load: Load, covered: datetime) -> Step:
    now = context.now()
    draft = Draft(context, mailbox, session)
    following = replace(load, stage=Stage.CATCH_UP)
    stored = draft.commit(_onward(session, now, load=following, covered=covered), now)
    return Step("read the whole window", stored)


def _catch_up(context: Context, mailbox: Mailbox, session: Session, load: Load) -> Step:
    now = context.now()
    draft = Draft(context, mailbox, session)
    delta = feed.take_page(context, mailbox, session, draft)
    following = load if delta.more else replace(load, stage=Stage.SWEEP)
    stored = draft.commit(_onward(session, now, cursor=delta.cursor, load=following), now)
    return Step(f"caught up on {len(delta.dirty) + len(delta.gone)} items", stored)


def _sweep(context: Context, mailbox: Mailbox, session: Session, load: Load) -> Step:
    now = context.now()
    draft = Draft(context, mailbox, session)
    draft.drop(context.store.rows_unseen(mailbox.id, load.generation))
    if load.snapshot:
        draft.announce(EventKind.SNAPSHOT_END, {"snapshot": load.snapshot})
    live = replace(
        session,
        phase=Phase.LIVE,
        load=None,
        resume=None,
        attempts=0,
        reason=None,
        failed_at=None,
        synced_at=now,
        due=now,
    )
    stored = draft.commit(live, now)
    held = context.store.count_rows(mailbox.id)
    return Step(f"the list is complete: {held} meetings, {draft.drop_count} swept", stored)


def _onward(
    session: Session,
    now: datetime,
    *,
    load: Load,
    cursor: str | None = None,
    covered: datetime | None = None,
) -> Session:
    return replace(
        session,
        load=load,
        cursor=cursor if cursor is not None else session.cursor,
        covered=covered or session.covered,
        due=now,
        attempts=0,
        reason=None,
        failed_at=None,
    )


_STAGES = {Stage.FEED: _feed, Stage.FILL: _fill, Stage.CATCH_UP: _catch_up, Stage.SWEEP: _sweep}


def progress(load: Load, window: Window) -> float:
    """How far a full read is, 0 to 1, for a progress bar."""
    if load.stage is Stage.FEED:
        return 0.0
    if load.stage is not Stage.FILL:
        return 0.95
    done = (load.filled_to - window.start) if load.filled_to else timedelta()
    return 0.05 + 0.9 * (done / (window.end - window.start))
