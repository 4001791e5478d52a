"""The operations of Exchange Web Services that concern calendars."""

from lxml import etree

from tests.lab.exchange.call import Call, Handler
from tests.lab.exchange.operations.folders import convert_id, get_folder
from tests.lab.exchange.operations.items import find_item, get_item
from tests.lab.exchange.operations.sync import sync_folder_items


def _locked(handler: Handler) -> Handler:
    def handle(call: Call) -> etree._Element:
        with call.organisation.lock:
            return handler(call)

    return handle


OPERATIONS: dict[str, Handler] = {
    name: _locked(handler)
    for name, handler in {
        "ConvertId": convert_id,
        "FindItem": find_item,
        "GetFolder": get_folder,
        "GetItem": get_item,
        "SyncFolderItems": sync_folder_items,
    }.items()
}
"""By the name of the request element; each holds the organisation's lock while it answers."""
