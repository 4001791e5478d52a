"""The folders a subscription names."""

from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.identifiers import FOLDER, parse
from tests.lab.exchange.mailbox import CALENDAR, DELETED, INBOX, ROOT, Mailbox
from tests.lab.exchange.soap import T, local

NAMED = {
    "root": ROOT,
    "msgfolderroot": ROOT,
    "calendar": CALENDAR,
    "deleteditems": DELETED,
    "inbox": INBOX,
}


def watched_folders(call: Call, wanted: etree._Element) -> tuple[str, frozenset[str] | None]:
    """The mailbox a subscription watches and its folders' ids, None for all folders.

    Raises:
        ResponseFault: no such mailbox or folder, folders of two mailboxes, or a mailbox the caller may not open.
    """
    if wanted.get("SubscribeToAllFolders") in {"true", "1"}:
        return _own(call).address, None
    found = [_folder(call, element) for element in wanted.iterfind(f"{T}FolderIds/*")]
    addresses = {mailbox.address for mailbox, _ in found}
    if len(addresses) != 1:
        text = "Subscription is invalid: its folders have to lie in one mailbox."
        raise ResponseFault("ErrorInvalidSubscriptionRequest", text)
    return addresses.pop(), frozenset(folder for _, folder in found)


def _own(call: Call) -> Mailbox:
    if call.acting is None:
        raise ResponseFault("ErrorNonExistentMailbox", "The service account has no mailbox of its own.")
    return call.organisation.mailbox(call.acting)


def _folder(call: Call, element: etree._Element) -> tuple[Mailbox, str]:
    if local(element) == "DistinguishedFolderId":
        mailbox, number = _named(call, element)
    else:
        identifier = parse(element.get("Id", ""))
        mailbox, number = call.organisation.by_guid(identifier.guid), identifier.serial
        if identifier.kind != FOLDER:
            raise ResponseFault("ErrorInvalidFolderId", "The folder Id is invalid.")
    _may_open(call, mailbox)
    return mailbox, mailbox.folder_id(number)


def _named(call: Call, element: etree._Element) -> tuple[Mailbox, int]:
    address = (element.findtext(f"{T}Mailbox/{T}EmailAddress") or "").strip()
    mailbox = call.organisation.mailbox(address) if address else _own(call)
    number = NAMED.get(element.get("Id", ""))
    if number is None:
        raise ResponseFault("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    return mailbox, number


def _may_open(call: Call, mailbox: Mailbox) -> None:
    if call.acting != mailbox.address and call.acting not in mailbox.readers:
        raise ResponseFault("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
