"""Whom and what a request addresses, and whether the acting mailbox may."""

from dataclasses import dataclass

from lxml import etree

from tests.lab.exchange import mailbox as folders
from tests.lab.exchange.calendar import Item, Sight, by_index
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, local
from tests.lab.exchange.identifiers import FOLDER, ITEM, Identifier, parse
from tests.lab.exchange.mailbox import Mailbox

DISTINGUISHED = {
    "msgfolderroot": folders.ROOT,
    "root": folders.ROOT,
    "calendar": folders.CALENDAR,
    "deleteditems": folders.DELETED,
    "inbox": folders.INBOX,
    "sentitems": folders.SENT,
}


@dataclass(frozen=True, slots=True)
class Target:
    """What an item id names, and the version its ChangeKey carries ("" when none was sent)."""

    mailbox: Mailbox
    sight: Sight
    change_key: str

    @property
    def item(self) -> Item:
        """The stored item, the master for an occurrence."""
        return self.sight.item


def acting_mailbox(call: Call) -> Mailbox:
    """The mailbox the caller acts as. Raises ResponseFault ErrorMissingEmailAddress for a service account without one."""
    if call.acting is not None:
        return call.organisation.mailbox(call.acting)
    own = call.organisation.find(call.caller)
    if own is None:
        raise ResponseFault(
            "ErrorMissingEmailAddress", "The account has no mailbox; act as one by impersonation.", "soap"
        )
    return own


def permitted(call: Call, mailbox: Mailbox, *, writing: bool = False) -> Mailbox:
    """The mailbox itself, if the acting one may open it. Raises ResponseFault ErrorAccessDenied."""
    acting = acting_mailbox(call)
    if acting is mailbox or (acting.address in mailbox.readers and not writing):
        return mailbox
    raise ResponseFault("ErrorAccessDenied", "Access is denied. Check credentials and try again.")


def folder_of(call: Call, element: etree._Element) -> tuple[Mailbox, int]:
    """Mailbox and number of the folder a FolderId or DistinguishedFolderId names.

    Raises ResponseFault ErrorFolderNotFound, ErrorAccessDenied, ErrorNonExistentMailbox, ErrorInvalidId...
    """
    if local(element) == "DistinguishedFolderId":
        address = element.findtext("t:Mailbox/t:EmailAddress", None, NAMES)
        mailbox = acting_mailbox(call) if address is None else call.organisation.mailbox(address)
        number = DISTINGUISHED.get(element.get("Id", ""))
    else:
        named = parse(element.get("Id", ""))
        mailbox = call.organisation.by_guid(named.guid)
        number = named.serial if named.kind == FOLDER else None
    if number is None:
        raise ResponseFault("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    return permitted(call, mailbox), number


def calendar_of(call: Call, element: etree._Element) -> Mailbox:
    """The mailbox whose calendar is named. Raises as `folder_of`, ErrorFolderNotFound for other folders."""
    mailbox, number = folder_of(call, element)
    if number != folders.CALENDAR:
        raise ResponseFault("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    return mailbox


def item_of(call: Call, element: etree._Element, *, writing: bool = False) -> Target:
    """What an ItemId, OccurrenceItemId or RecurringMasterItemId names.

    Raises ResponseFault ErrorItemNotFound, ErrorAccessDenied, ErrorInvalidId..., ErrorCalendarOccurrence...
    """
    kind = local(element)
    attribute = {"OccurrenceItemId": "RecurringMasterId", "RecurringMasterItemId": "OccurrenceId"}.get(
        kind, "Id"
    )
    named = parse(element.get(attribute, ""))
    if named.kind != ITEM:
        raise ResponseFault("ErrorInvalidIdReturnedByResolveNames", "Id is not an item id.")
    mailbox = permitted(call, call.organisation.by_guid(named.guid), writing=writing)
    return Target(mailbox, _sight(mailbox, named, element, kind), element.get("ChangeKey", ""))


def _sight(mailbox: Mailbox, named: Identifier, element: etree._Element, kind: str) -> Sight:
    if kind == "OccurrenceItemId":
        item = mailbox.item(named.serial)
        return mailbox.sight(named.serial, by_index(item, int(element.get("InstanceIndex", "0"))))
    if kind == "RecurringMasterItemId":
        mailbox.sight(named.serial, named.original)
        return mailbox.sight(named.serial)
    return mailbox.sight(named.serial, named.original)
