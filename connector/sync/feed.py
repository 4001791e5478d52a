"""One page of the change feed, turned into a draft: dirty ids become whole series, gone ids become drops."""

from __future__ import annotations

from connector.model import Delta, IndexRow, Mailbox, Session, Window
from connector.sync.context import Context
from connector.sync.publish import Draft


def take_page(context: Context, mailbox: Mailbox, session: Session, draft: Draft) -> Delta:
    """Read one page after the session's cursor into the draft; the caller commits it together with the new cursor."""
    source = context.source_of(mailbox)
    delta = source.delta(mailbox, session.cursor)
    lost = context.store.rows_of_items(mailbox.id, delta.gone) if delta.gone else ()
    dirty = (*delta.dirty, *_homes_of_occurrences(lost, delta))
    vanished: tuple[str, ...] = ()
    if dirty:
        expansion = source.expand(mailbox, dirty, reach(context, session))
        draft.take(expansion, whole=True)
        vanished = expansion.gone
    draft.drop(row for row in lost if row.home_id in delta.gone)
    if vanished:
        draft.drop(context.store.rows_of_items(mailbox.id, vanished))
    return delta


def reach(context: Context, session: Session) -> Window:
    """The part of the window that the list covers so far; its tail beyond belongs to the roll-forward."""
    window = context.span.at(context.now())
    return Window(window.start, min(session.covered or window.end, window.end))


def _homes_of_occurrences(lost: tuple[IndexRow, ...], delta: Delta) -> tuple[str, ...]:
    """Series whose exception was reported gone under its own id: the series as a whole is asked for instead."""
    known = {*delta.dirty, *delta.gone}
    return tuple({row.home_id: None for row in lost if row.home_id not in known})
