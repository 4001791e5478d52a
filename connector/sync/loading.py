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

from connector.model import EventKind, Load, Phase, Session, Stage, Window
from connector.sync import feed
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit
from connector.sync.window import next_slice


def step(visit: Visit) -> Step:
    """One page or slice of the full read. Raises verdicts and SessionChanged."""
    load = visit.session.load
    if load is None:
        raise ValueError(f"mailbox {visit.mailbox.id} is loading without a load")
    return _STAGES[load.stage](visit, load)


def _feed(visit: Visit, load: Load) -> Step:
    delta = visit.source.delta(visit.mailbox, visit.session.cursor)
    following = load if delta.more else replace(load, stage=Stage.FILL)
    draft = Draft(visit)
    if load.resend and following.stage is Stage.FILL:
        following = replace(following, snapshot=f"{visit.store.epoch()}.{load.generation}")
        announce(visit, draft)
        draft.announce(EventKind.SNAPSHOT_BEGIN, {"snapshot": following.snapshot})
    stored = draft.commit(_onward(visit, cursor=delta.cursor, load=following))
    return Step(f"read a feed page of {len(delta.dirty)} ids", stored)


def announce(visit: Visit, draft: Draft) -> None:
    """Tell the hub whose list this is, by blind index only."""
    draft.announce(
        EventKind.MAILBOX_PUT,
        {"address": visit.context.digests.address_index(visit.mailbox.address), "revision": draft.revision},
    )


def _fill(visit: Visit, load: Load) -> Step:
    window = visit.window
    piece = next_slice(window, load.filled_to, visit.context.pace_of(visit.mailbox).slice)
    if piece is None:
        return _filled(visit, load, window.end)
    draft = Draft(visit)
    draft.take(visit.source.view(visit.mailbox, piece), whole=False)
    following = replace(load, filled_to=piece.end)
    stored = draft.commit(_onward(visit, load=following, covered=piece.end))
    return Step(f"read {piece.start:%Y-%m-%d} to {piece.end:%Y-%m-%d}: {draft.put_count} sent", stored)


def _filled(visit: Visit, load: Load, covered: datetime) -> Step:
    draft = Draft(visit)
    following = replace(load, stage=Stage.CATCH_UP)
    stored = draft.commit(_onward(visit, load=following, covered=covered))
    return Step("read the whole window", stored)


def _catch_up(visit: Visit, load: Load) -> Step:
    draft = Draft(visit)
    delta = feed.take_page(visit, draft)
    following = load if delta.more else replace(load, stage=Stage.SWEEP)
    stored = draft.commit(_onward(visit, cursor=delta.cursor, load=following))
    return Step(f"caught up on {len(delta.dirty) + len(delta.gone)} items", stored)


def _sweep(visit: Visit, load: Load) -> Step:
    draft = Draft(visit)
    draft.drop(visit.store.rows_unseen(visit.mailbox.id, load.generation))
    if load.snapshot:
        draft.announce(EventKind.SNAPSHOT_END, {"snapshot": load.snapshot})
    live = replace(
        visit.session,
        phase=Phase.LIVE,
        load=None,
        resume=None,
        attempts=0,
        reason=None,
        failed_at=None,
        synced_at=visit.now,
        due=visit.now,
    )
    stored = draft.commit(live)
    held = visit.store.count_rows(visit.mailbox.id)
    return Step(f"the list is complete: {held} meetings, {draft.drop_count} swept", stored)


def _onward(
    visit: Visit,
    *,
    load: Load,
    cursor: str | None = None,
    covered: datetime | None = None,
) -> Session:
    session = visit.session
    return replace(
        session,
        load=load,
        cursor=cursor if cursor is not None else session.cursor,
        covered=covered or session.covered,
        due=visit.now,
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
