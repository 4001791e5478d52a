"""GetFolder, FindFolder and ConvertId."""

from lxml import etree

from tests.lab.exchange import mailbox as folders
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, T, children, m, t, text_at
from tests.lab.exchange.identifiers import parse
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.operations.addressing import folder_of
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.parts import FOLDER_KEY

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"

_KINDS = {
    folders.ROOT: ("Folder", "IPF.Note", "Top of Information Store"),
    folders.CALENDAR: ("CalendarFolder", "IPF.Appointment", "Calendar"),
    folders.DELETED: ("Folder", "IPF.Note", "Deleted Items"),
    folders.INBOX: ("Folder", "IPF.Note", "Inbox"),
    folders.SENT: ("Folder", "IPF.Note", "Sent Items"),
}
_DISTINGUISHED = {
    folders.ROOT: "msgfolderroot",
    folders.CALENDAR: "calendar",
    folders.DELETED: "deleteditems",
    folders.INBOX: "inbox",
    folders.SENT: "sentitems",
}


def get_folder(call: Call) -> etree._Element:
    """Answers GetFolder for the few folders the lab has."""
    base = text_at(call.request, "m:FolderShape/t:BaseShape", "Default")

    def fill(made: etree._Element, element: etree._Element) -> None:
        mailbox, number = folder_of(call, element)
        _write(m(made, "Folders"), mailbox, number, full=base != "IdOnly")

    return answer_each(call, children(call.request.find("m:FolderIds", NAMES)), fill)


def find_folder(call: Call) -> etree._Element:
    """Answers FindFolder: all folders lie directly under the root."""
    base = text_at(call.request, "m:FolderShape/t:BaseShape", "Default")

    def fill(made: etree._Element, element: etree._Element) -> None:
        mailbox, number = folder_of(call, element)
        found = [one for one in _KINDS if one != folders.ROOT] if number == folders.ROOT else []
        root = m(made, "RootFolder", None, TotalItemsInView=str(len(found)), IncludesLastItemInRange="true")
        listed = t(root, "Folders")
        for one in found:
            _write(listed, mailbox, one, full=base != "IdOnly")

    return answer_each(call, children(call.request.find("m:ParentFolderIds", NAMES)), fill)


def _write(parent: etree._Element, mailbox: Mailbox, number: int, *, full: bool) -> None:
    kind, class_, name = _KINDS[number]
    name = mailbox.inbox_name if number == folders.INBOX else name
    made = t(parent, kind)
    t(made, "FolderId", Id=mailbox.folder_id(number), ChangeKey=FOLDER_KEY)
    if not full:
        return
    if number != folders.ROOT:
        t(made, "ParentFolderId", Id=mailbox.folder_id(folders.ROOT), ChangeKey=FOLDER_KEY)
    t(made, "FolderClass", class_)
    t(made, "DisplayName", name)
    t(made, "TotalCount", str(len(mailbox.items) if number == folders.CALENDAR else 0))
    t(made, "ChildFolderCount", str(len(_KINDS) - 1 if number == folders.ROOT else 0))
    t(made, "DistinguishedFolderId", _DISTINGUISHED[number])
    if kind == "Folder":
        t(made, "UnreadCount", "0")


def convert_id(call: Call) -> etree._Element:
    """Answers ConvertId; the lab's ids are the same in every format.

    The mailbox named must exist and be one that can be opened, which is what makes the call a connection check.
    """
    wanted = call.request.get("DestinationFormat", "EwsId")

    def fill(made: etree._Element, element: etree._Element) -> None:
        if element.tag != T + "AlternateId":
            raise ResponseFault("ErrorInvalidId", "The lab converts ids of mailbox items only.")
        call.organisation.mailbox(element.get("Mailbox", ""))
        parse(element.get("Id", ""))
        given = {name: element.get(name, "") for name in ("Id", "Mailbox")}
        answer = m(made, "AlternateId", None, Format=wanted, **given)
        answer.set(XSI + "type", "t:AlternateIdType")

    return answer_each(call, children(call.request.find("m:SourceIds", NAMES)), fill)
