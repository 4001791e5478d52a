"""UpdateItem and DeleteItem, with ChangeKey conflicts and sending modes."""

from collections.abc import Callable
from typing import Any, cast

from lxml import etree

from tests.lab.exchange import meetings
from tests.lab.exchange.calendar import Content
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, children, local, m, t
from tests.lab.exchange.identifiers import parse_change_key
from tests.lab.exchange.mailbox import Disposal
from tests.lab.exchange.meetings import Place
from tests.lab.exchange.operations.addressing import Target, item_of
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.operations.items import readable
from tests.lab.exchange.operations.reading import ROLES, Changes, read_into
from tests.lab.exchange.parts import write_id
from tests.lab.exchange.properties import read_key

_EMPTY: dict[str, dict[str, Any]] = {
    "item:Body": {"body": "", "body_kind": "Text"},
    "item:Categories": {"categories": ()},
    "item:Subject": {"subject": ""},
    "calendar:Location": {"location": ""},
    "calendar:EnhancedLocation": {"location": ""},
    "calendar:NetShowUrl": {"net_show_url": ""},
    "calendar:MeetingWorkspaceUrl": {"workspace_url": ""},
    "calendar:Recurrence": {"rule": None},
}


def update_item(call: Call) -> etree._Element:
    """Answers UpdateItem; each change of the request succeeds or fails as a whole."""

    def fill(made: etree._Element, change: etree._Element) -> None:
        named, updates = children(change)[:2]
        target = readable(item_of(call, named, writing=True))
        changes = _read_updates(updates, target)
        mode = _mode(call)
        _check_key(target, call.request.get("ConflictResolution", "NeverOverwrite"), changes)
        place = Place(call.organisation, target.mailbox, target.item, target.sight.original)
        meetings.update(place, changes, mode)
        write_id(t(m(made, "Items"), "CalendarItem"), target.mailbox, target.sight)
        t(m(made, "ConflictResults"), "Count", "0")

    return answer_each(call, children(call.request.find("m:ItemChanges", NAMES)), fill, "Items")


def _mode(call: Call) -> str:
    mode = call.request.get("SendMeetingInvitationsOrCancellations")
    if mode is None:
        raise ResponseFault(
            "ErrorSendMeetingInvitationsOrCancellationsRequired",
            "SendMeetingInvitationsOrCancellations attribute is required.",
        )
    return mode


def _check_key(target: Target, resolution: str, changes: Changes) -> None:
    """A write that somebody else's write has overtaken fails, unless it may overwrite or touches other properties."""
    if not target.change_key:
        if resolution == "AlwaysOverwrite":
            return
        raise ResponseFault(
            "ErrorChangeKeyRequiredForWriteOperations", "Change key is required for this operation."
        )
    known = parse_change_key(target.change_key)
    if known == target.item.version or resolution == "AlwaysOverwrite":
        return
    overtaken = {
        name
        for (at, name), version in target.item.writes.items()
        if version > known and at == target.sight.original
    }
    if resolution == "NeverOverwrite" or overtaken & changes.keys():
        raise ResponseFault(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does not"
            " match the current change key for the item.",
        )


def _read_updates(updates: etree._Element, target: Target) -> Changes:
    changes: Changes = {}
    for update in children(updates):
        path, *items = children(update)
        _ACTIONS[local(update)](path, items, target.sight.content, changes)
    if "rule" in changes and target.sight.original is not None:
        raise ResponseFault("ErrorInvalidPropertySet", "An occurrence has no recurrence of its own.")
    start, end = (changes.get(name, getattr(target.sight.content, name)) for name in ("start", "end"))
    if end < start:
        raise ResponseFault(
            "ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate."
        )
    return changes


def _set(path: etree._Element, items: list[etree._Element], current: Content, changes: Changes) -> None:
    values = children(items[0]) if items else []
    if len(values) != 1:
        raise ResponseFault("ErrorIncorrectUpdatePropertyCount", "An update sets one property.")
    _check_path(path, values[0])
    read_into(values[0], current, changes)


def _append(path: etree._Element, items: list[etree._Element], current: Content, changes: Changes) -> None:
    added: Changes = {}
    _set(path, items, current, added)
    field = path.get("FieldURI", "").partition(":")[2]
    if field == "Body":
        changes["body"] = changes.get("body", current.body) + added["body"]
        changes.setdefault("body_kind", current.body_kind)
    elif field in ROLES:
        role = ROLES[field]
        before = changes.get("attendees", current.attendees)
        known = {one.address.lower() for one in before}
        new = (one for one in added["attendees"] if one.role == role and one.address.lower() not in known)
        changes["attendees"] = (*before, *new)
    else:
        raise ResponseFault("ErrorInvalidPropertyAppend", "Append action is not supported for this property.")


def _delete(path: etree._Element, _: list[etree._Element], current: Content, changes: Changes) -> None:
    uri = path.get("FieldURI", "")
    if local(path) == "ExtendedFieldURI":
        held = dict(changes.get("properties", current.properties))
        held.pop(read_key(path), None)
        changes["properties"] = held
    elif uri in _EMPTY:
        changes.update(_EMPTY[uri])
    elif uri.partition(":")[2] in ROLES:
        role = ROLES[uri.partition(":")[2]]
        changes["attendees"] = tuple(
            one for one in changes.get("attendees", current.attendees) if one.role != role
        )
    else:
        raise ResponseFault("ErrorInvalidPropertyDelete", "Delete action is not supported for this property.")


def _check_path(path: etree._Element, value: etree._Element) -> None:
    extended = local(path) == "ExtendedFieldURI"
    named = "ExtendedProperty" if extended else path.get("FieldURI", "").partition(":")[2]
    if named != local(value):
        raise ResponseFault(
            "ErrorUpdatePropertyMismatch", "Property for update does not match property in object."
        )
    inner = value.find("t:ExtendedFieldURI", NAMES)
    if extended and inner is not None and read_key(inner) != read_key(path):
        raise ResponseFault(
            "ErrorUpdatePropertyMismatch", "Property for update does not match property in object."
        )


Action = Callable[[etree._Element, list[etree._Element], Content, Changes], None]
_ACTIONS: dict[str, Action] = {"SetItemField": _set, "AppendToItemField": _append, "DeleteItemField": _delete}


def delete_item(call: Call) -> etree._Element:
    """Answers DeleteItem; an occurrence's id deletes that occurrence."""
    how = cast("Disposal", call.request.get("DeleteType", "HardDelete"))

    def fill(_: etree._Element, named: etree._Element) -> None:
        target = item_of(call, named, writing=True)
        mode = call.request.get("SendMeetingCancellations")
        if mode is None:
            raise ResponseFault(
                "ErrorSendMeetingCancellationsRequired", "SendMeetingCancellations attribute is required."
            )
        place = Place(call.organisation, target.mailbox, target.item, target.sight.original)
        meetings.cancel(place, mode, how)

    return answer_each(call, children(call.request.find("m:ItemIds", NAMES)), fill)
