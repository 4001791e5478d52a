"""One page of the change feed, turned into a draft: dirty ids become whole series, gone ids become drops."""

from __future__ import annotations

from connector.model import Delta, IndexRow
from connector.sync.publish import Draft
from connector.sync.visit import Visit


def take_page(visit: Visit, draft: Draft) -> Delta:
    """Read one page after the session's cursor into the draft; the caller commits it together with the new cursor."""
    mailbox, store = visit.mailbox, visit.store
    delta = visit.source.delta(mailbox, visit.session.cursor)
    lost = store.rows_of_items(mailbox.id, delta.gone) if delta.gone else ()
    dirty = (*delta.dirty, *_homes_of_occurrences(lost, delta))
    vanished: tuple[str, ...] = ()
    if dirty:
        expansion = visit.source.expand(mailbox, dirty, visit.reach)
        draft.take(expansion, whole=True)
        vanished = expansion.gone
    draft.drop(row for row in lost if row.home_id in delta.gone)
    if vanished:
        draft.drop(store.rows_of_items(mailbox.id, vanished))
    return delta


def _homes_of_occurrences(lost: tuple[IndexRow, ...], delta: Delta) -> tuple[str, ...]:
    """Series whose exception was reported gone under its own id: the series as a whole is asked for instead."""
    known = {*delta.dirty, *delta.gone}
    return tuple({row.home_id: None for row in lost if row.home_id not in known})
