"""The change feed, page by page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import CursorExpired, Transient, Verdict
from connector.source.exchange import payloads
from connector.source.exchange.delta import delta, page
from tests.unit.source.exchange.room import MAILBOX, Room

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
START = "2026-03-03T10:00:00Z"


def answer(
    changes: str, *, state: str = "<m:SyncState>s2</m:SyncState>", last: str = "true"
) -> etree._Element:
    """One page of the feed."""
    return etree.fromstring(
        f'<m:SyncFolderItemsResponseMessage xmlns:m="{M}" xmlns:t="{T}" ResponseClass="Success">'
        f"<m:ResponseCode>NoError</m:ResponseCode>{state}"
        f"<m:IncludesLastItemInRange>{last}</m:IncludesLastItemInRange><m:Changes>{changes}</m:Changes>"
        "</m:SyncFolderItemsResponseMessage>"
    )


def change(kind: str, item_id: str) -> str:
    """One change of a page."""
    item = f'<t:ItemId Id="{item_id}"/>'
    return f"<t:{kind}>{item if kind in {'Delete', 'ReadFlagChange'} else f'<t:CalendarItem>{item}</t:CalendarItem>'}</t:{kind}>"


def test_page_is_read() -> None:
    """Created and updated items are dirty, deleted ones gone, read marks nothing."""
    inside = (
        change("Create", "a") + change("Update", "b") + change("Delete", "c") + change("ReadFlagChange", "d")
    )
    found = page(answer(inside, last="false"))
    assert (found.dirty, found.gone, found.cursor, found.more) == (("a", "b"), ("c",), "s2", True)


@given(
    st.lists(st.tuples(st.sampled_from(["Create", "Update", "Delete"]), st.sampled_from("abc")), max_size=12)
)
def test_last_change_of_an_item_counts(changes: list[tuple[str, str]]) -> None:
    """An id stands once, as its last change left it."""
    found = page(answer("".join(change(kind, item) for kind, item in changes)))
    last = {item: kind for kind, item in changes}
    assert sorted(found.dirty) == sorted(item for item, kind in last.items() if kind != "Delete")
    assert sorted(found.gone) == sorted(item for item, kind in last.items() if kind == "Delete")


@pytest.mark.parametrize(
    "broken", [{"state": ""}, {"state": "<m:SyncState/>"}, {"last": ""}, {"last": "perhaps"}]
)
def test_page_without_its_parts_is_not_believed(broken: dict[str, str]) -> None:
    """A page without its new state or its end mark is an error, never a smaller page (defect 7)."""
    with pytest.raises(Transient, match="bad-answer"):
        page(answer(change("Create", "a"), **broken))


def test_feed_tells_what_happened_in_the_lab() -> None:
    """From nothing to a meeting made, then deleted."""
    room = Room()
    first = delta(room.services, MAILBOX, None)
    made = room.edit("create", subject="One", start=START)
    second = delta(room.services, MAILBOX, first.cursor)
    room.edit("delete", item=made["item_id"])
    third = delta(room.services, MAILBOX, second.cursor)
    assert second.dirty == (made["item_id"],)
    assert third.gone == (made["item_id"],)


def test_unknown_state_expires_the_cursor() -> None:
    """ErrorInvalidSyncStateData, which comes without a SyncState, means reading afresh (defect 7)."""
    with pytest.raises(CursorExpired):
        delta(Room().services, MAILBOX, "bm9uc2Vuc2U=")


def test_lost_folder_expires_the_cursor_but_denies_the_beginning() -> None:
    """A calendar folder that is another one now makes the old state worthless; without any folder there is no calendar."""

    def lose(request: etree._Element, _: etree._Element) -> etree._Element:
        return etree.fromstring(
            f'<m:SyncFolderItemsResponse xmlns:m="{M}"><m:ResponseMessages><m:SyncFolderItemsResponseMessage'
            ' ResponseClass="Error"><m:ResponseCode>ErrorFolderNotFound</m:ResponseCode>'
            "</m:SyncFolderItemsResponseMessage></m:ResponseMessages></m:SyncFolderItemsResponse>"
        )

    room = Room(lose)
    with pytest.raises(CursorExpired):
        delta(room.services, MAILBOX, "c3RhdGU=")
    with pytest.raises(Verdict, match="no-calendar"):
        delta(room.services, MAILBOX, None)


def test_pages_never_ask_for_more_than_ids() -> None:
    """The IdOnly shape and the greatest page the schema allows."""
    sent = payloads.sync_folder_items("s1")
    assert sent.findtext(".//{*}BaseShape") == "IdOnly"
    assert sent.findtext("{*}MaxChangesReturned") == "512"
