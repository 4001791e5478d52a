"""The change feed of a calendar: SyncFolderItems page by page, ids only."""

from __future__ import annotations

from connector.errors import AccessDenied, CursorExpired, Transient
from connector.model import Delta, Mailbox
from connector.source.exchange import payloads
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.services import Services

_GONE = "Delete"
_SEEN = "ReadFlagChange"


def delta(services: Services, mailbox: Mailbox, cursor: str | None) -> Delta:
    """One page of changes since ``cursor``.

    Raises:
        CursorExpired: the sync state is not understood any more, or its folder is another one now.
    """
    try:
        message = services.one(mailbox, payloads.sync_folder_items(cursor))
    except AccessDenied as verdict:
        if cursor is None or verdict.code != "no-calendar":
            raise
        raise CursorExpired("cursor-expired", verdict.detail) from verdict
    return page(message)


def page(message: Element) -> Delta:
    """Read a SyncFolderItemsResponseMessage of success.

    Raises:
        Transient: a part without which the page can't be believed is missing.
    """
    state = message.findtext("{*}SyncState")
    last = message.findtext("{*}IncludesLastItemInRange")
    changes = message.find("{*}Changes")
    if not state or last not in {"true", "false"} or changes is None:
        raise Transient("bad-answer", "a page of changes without its state, its changes or its end mark")
    dirty: dict[str, None] = {}
    gone: dict[str, None] = {}
    for change in changes:
        kind, item_id = local(change), _item_id(change)
        if kind == _GONE:
            dirty.pop(item_id, None)
            gone[item_id] = None
        elif kind != _SEEN:
            gone.pop(item_id, None)
            dirty[item_id] = None
    return Delta(tuple(dirty), tuple(gone), state, last == "false")


def _item_id(change: Element) -> str:
    """The id, which stands beside the change or inside its item, whatever kind of item it is."""
    found = next((each for each in change.iter() if local(each) == "ItemId"), None)
    if found is None or not found.get("Id"):
        raise Transient("bad-answer", f"a {local(change)} without an item id")
    return found.get("Id", "")
