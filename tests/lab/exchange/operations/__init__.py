"""The operations of Exchange Web Services that concern calendars."""

from lxml import etree

from tests.lab.exchange.call import Call, Handler
from tests.lab.exchange.operations.absence import (
    get_mail_tips,
    get_service_configuration,
    get_user_oof_settings,
)
from tests.lab.exchange.operations.availability import get_user_availability
from tests.lab.exchange.operations.creating import create_item
from tests.lab.exchange.operations.expanding import expand_list
from tests.lab.exchange.operations.folders import convert_id, find_folder, get_folder
from tests.lab.exchange.operations.items import find_item, get_item
from tests.lab.exchange.operations.sync import sync_folder_items
from tests.lab.exchange.operations.timezones import get_server_time_zones
from tests.lab.exchange.operations.updating import delete_item, update_item


def _locked(handler: Handler) -> Handler:
    def handle(call: Call) -> etree._Element:
        with call.organisation.lock:
            return handler(call)

    return handle


OPERATIONS: dict[str, Handler] = {
    name: _locked(handler)
    for name, handler in {
        "ConvertId": convert_id,
        "CreateItem": create_item,
        "DeleteItem": delete_item,
        "ExpandDL": expand_list,
        "FindFolder": find_folder,
        "FindItem": find_item,
        "GetFolder": get_folder,
        "GetItem": get_item,
        "GetMailTips": get_mail_tips,
        "GetServiceConfiguration": get_service_configuration,
        "GetServerTimeZones": get_server_time_zones,
        "GetUserAvailability": get_user_availability,
        "GetUserOofSettings": get_user_oof_settings,
        "SyncFolderItems": sync_folder_items,
        "UpdateItem": update_item,
    }.items()
}
OPERATIONS |= {f"{name}Request": OPERATIONS[name] for name in ("GetUserAvailability", "GetUserOofSettings")}
"""By the name of the operation, and by that of the request element where it differs; each holds the organisation's lock while it answers."""
