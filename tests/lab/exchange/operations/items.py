"""GetItem, FindItem with CalendarView, SyncFolderItems."""

from collections.abc import Iterator
from datetime import timedelta
from operator import attrgetter

from lxml import etree

from tests.lab.exchange.calendar import Sight
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, boolean, children, m, read_instant, t
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.operations.addressing import Target, calendar_of, item_of
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.operations.restriction import matcher
from tests.lab.exchange.operations.shapes import read_shape
from tests.lab.exchange.render import write_item

VIEW_LIMIT = 1000
VIEW_SPAN = timedelta(days=2 * 366)


def get_item(call: Call) -> etree._Element:
    """Answers GetItem: one message per id, in their order."""
    shape = read_shape(call)

    def fill(made: etree._Element, element: etree._Element) -> None:
        target = readable(item_of(call, element))
        write_item(m(made, "Items"), target.mailbox, target.sight, shape)

    return answer_each(call, children(call.request.find("m:ItemIds", NAMES)), fill, "Items")


def readable(target: Target) -> Target:
    """The target itself, unless its item was planted to be unreadable."""
    if target.item.corrupt:
        raise ResponseFault(target.item.corrupt, "The item is corrupt.")
    return target


def find_item(call: Call) -> etree._Element:
    """Answers FindItem: occurrences with a CalendarView, otherwise single items and masters."""
    shape = read_shape(call, finding=True)
    view = call.request.find("m:CalendarView", NAMES)

    def fill(made: etree._Element, element: etree._Element) -> None:
        mailbox = calendar_of(call, element)
        found, offset, total = _paged(call, mailbox) if view is None else _viewed(view, mailbox)
        root = m(made, "RootFolder")
        if view is None:
            root.set("IndexedPagingOffset", str(offset + len(found)))
        root.set("TotalItemsInView", str(total))
        root.set("IncludesLastItemInRange", boolean(offset + len(found) >= total))
        items = t(root, "Items")
        for sight in found:
            write_item(items, mailbox, sight, shape)

    return answer_each(call, children(call.request.find("m:ParentFolderIds", NAMES)), fill)


def _viewed(view: etree._Element, mailbox: Mailbox) -> tuple[list[Sight], int, int]:
    start, end = read_instant(view.get("StartDate", "")), read_instant(view.get("EndDate", ""))
    if end < start:
        raise ResponseFault(
            "ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate."
        )
    if end - start > VIEW_SPAN:
        raise ResponseFault(
            "ErrorCalendarViewRangeTooBig", "The specified view range exceeds the maximum range of two years."
        )
    limit = min(VIEW_LIMIT, int(view.get("MaxEntriesReturned", VIEW_LIMIT)))
    found = sorted(mailbox.view(start, end), key=lambda sight: (sight.content.start, sight.item.serial))
    return found[:limit], 0, len(found)


def _paged(call: Call, mailbox: Mailbox) -> tuple[list[Sight], int, int]:
    page = call.request.find("m:IndexedPageItemView", NAMES)
    offset = 0 if page is None else int(page.get("Offset", "0"))
    limit = VIEW_LIMIT if page is None else min(VIEW_LIMIT, int(page.get("MaxEntriesReturned", VIEW_LIMIT)))
    wanted = matcher(call.request.find("m:Restriction", NAMES))
    newest_first: Iterator[Sight] = (
        item.whole for item in sorted(mailbox.items.values(), key=attrgetter("serial"), reverse=True)
    )
    found = [sight for sight in newest_first if wanted(mailbox, sight)]
    return found[offset : offset + limit], offset, len(found)
