"""SyncFolderItems: masters, exceptions and deletions since a SyncState; plain occurrences never."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, M, boolean, m, t, text_at
from tests.lab.exchange.frame import Shape
from tests.lab.exchange.identifiers import SyncState, parse_state
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.operations.addressing import calendar_of
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.operations.shapes import read_shape
from tests.lab.exchange.organisation import Reporting
from tests.lab.exchange.render import write_item

PAGE_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the feed; every change of a mailbox has a version of its own."""

    version: int
    serial: int
    kind: str
    original: datetime | None = None


def sync_folder_items(call: Call) -> etree._Element:
    """Answers SyncFolderItems with one page of changes."""
    shape = read_shape(call, finding=True)
    folder = call.request.find("m:SyncFolderId", NAMES)
    asked = list(folder.iterchildren("*")) if folder is not None else []
    limit = min(PAGE_LIMIT, int(text_at(call.request, "m:MaxChangesReturned", str(PAGE_LIMIT))))

    def fill(made: etree._Element, element: etree._Element) -> None:
        mailbox = calendar_of(call, element)
        state = _state(mailbox, call.request.findtext(M + "SyncState"))
        page, last = _page(mailbox, state, limit, call.organisation.exception_reporting)
        _write(made, mailbox, shape, page, _following(mailbox, state, page, last=last), last=last)

    return answer_each(call, asked[:1], fill)


def _state(mailbox: Mailbox, text: str | None) -> SyncState:
    if not text:
        return SyncState(mailbox.guid, mailbox.generation, 0, 0)
    state = parse_state(text)
    expired = state.generation != mailbox.generation or 0 < state.seen < mailbox.forgotten
    if state.guid != mailbox.guid or expired:
        raise ResponseFault(
            "ErrorInvalidSyncStateData", "The synchronization state data is invalid or too old."
        )
    return state


def _page(mailbox: Mailbox, state: SyncState, limit: int, reporting: Reporting) -> tuple[list[Change], bool]:
    if state.seen >= mailbox.version:
        return [], True
    changes = sorted(
        [*_written(mailbox, state, reporting), *_deleted(mailbox, state, reporting)],
        key=attrgetter("version"),
    )
    return changes[:limit], len(changes) <= limit


def _written(mailbox: Mailbox, state: SyncState, reporting: Reporting) -> Iterator[Change]:
    for item in mailbox.items.values():
        if item.version <= state.seen:
            continue
        version = item.touched if reporting == "own-id" else item.version
        if version > state.seen:
            yield Change(version, item.serial, _kind(item.created, state))
        if reporting != "master":
            for at, one in item.overrides.items():
                if one.version > state.seen:
                    yield Change(one.version, item.serial, _kind(one.created, state), at)


def _deleted(mailbox: Mailbox, state: SyncState, reporting: Reporting) -> Iterator[Change]:
    for gone in mailbox.gone:
        told = gone.original is None or reporting != "master"
        if told and gone.created <= state.seen < gone.version:
            yield Change(gone.version, gone.serial, "Delete", gone.original)


def _kind(created: int, state: SyncState) -> str:
    return "Create" if created > state.base else "Update"


def _following(mailbox: Mailbox, state: SyncState, page: list[Change], *, last: bool) -> SyncState:
    if last:
        return replace(state, base=mailbox.version, seen=mailbox.version)
    return replace(state, seen=page[-1].version)


def _write(
    made: etree._Element,
    mailbox: Mailbox,
    shape: Shape,
    page: list[Change],
    following: SyncState,
    *,
    last: bool,
) -> None:
    m(made, "SyncState", str(following))
    m(made, "IncludesLastItemInRange", boolean(last))
    changes = m(made, "Changes")
    for change in page:
        one = t(changes, change.kind)
        if change.kind == "Delete":
            t(one, "ItemId", Id=mailbox.item_id(change.serial, change.original))
        else:
            write_item(one, mailbox, mailbox.sight(change.serial, change.original), shape)
