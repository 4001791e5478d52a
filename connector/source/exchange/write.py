"""Writes that can be repeated: look whether it is done already, then write with the change key just read.

Mail modes are the values that reach all attendees; the ``...Changed`` ones would mail only those that the update adds or
removes (MS-OXWSMTGS). A meeting whose invitation was not sent yet is updated without mails, or the update would send the user's draft.
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.errors import Conflict, Refused, Transient, Unreadable
from connector.model import (
    Applied,
    Attendee,
    BodyKind,
    Mailbox,
    MailMode,
    MeetingUpdate,
    NewMeeting,
    QuickAdd,
    Removal,
    Reply,
    Response,
    Role,
    Write,
)
from connector.source.exchange import payloads
from connector.source.exchange.convert import extended_properties
from connector.source.exchange.envelope import Element, t
from connector.source.exchange.services import Services
from connector.source.exchange.whole import PROTECTED, is_own

MAILS = {
    MailMode.NONE: "SendToNone",
    MailMode.ALL: "SendOnlyToAll",
    MailMode.ALL_AND_COPY: "SendToAllAndSaveCopy",
}
_ANSWERS = {
    Response.ACCEPTED: ("AcceptItem", "Accept"),
    Response.TENTATIVE: ("TentativelyAcceptItem", "Tentative"),
    Response.DECLINED: ("DeclineItem", "Decline"),
}
"""The response object that answers, and what the item says of it then (MS-OXWSMTGS, ResponseTypeType)."""
_ROLES = (
    (Role.REQUIRED, "RequiredAttendees"),
    (Role.OPTIONAL, "OptionalAttendees"),
    (Role.RESOURCE, "Resources"),
)


def apply(services: Services, mailbox: Mailbox, write: Write) -> Applied:
    """Carry out a write.

    Raises:
        Conflict: the item is not the one that ``change_key`` names, or it changed again while we wrote.
        Refused: the item is gone or must not be written, or the server will never do it.
    """
    try:
        match write:
            case NewMeeting():
                return _create(services, mailbox, write)
            case MeetingUpdate(conference=tag) if tag:
                raise Refused("conference-needs-google")
            case MeetingUpdate():
                return _update_patiently(services, mailbox, write)
            case Reply():
                return _reply(services, mailbox, write)
            case Removal():
                return _remove(services, mailbox, write)
            case QuickAdd():
                raise Refused("quick-add-needs-google")
    except Unreadable as verdict:
        raise Refused(verdict.code, verdict.detail) from verdict


def _reply(services: Services, mailbox: Mailbox, write: Reply) -> Applied:
    """A decline takes the meeting out of the calendar."""
    item, change_key = _first(services.one(mailbox, payloads.get_for_writing(write.item_id)))
    kind, standing = _ANSWERS[write.response]
    if is_own(item):
        raise Refused("not-invited", write.item_id)
    if item.findtext("{*}IsCancelled") == "true":
        raise Refused("meeting-cancelled", write.item_id)
    if item.findtext("{*}MyResponseType") == standing:
        return Applied(write.item_id, change_key, repeated=True)
    services.write(mailbox, payloads.answer(kind, write.item_id, change_key), write.item_id)
    return Applied(write.item_id, "")


def _remove(services: Services, mailbox: Mailbox, write: Removal) -> Applied:
    """Who was never invited gets no cancellation."""
    item, change_key = _first(services.one(mailbox, payloads.get_for_writing(write.item_id)))
    if not is_own(item):
        raise Refused("attendee-copy", write.item_id)
    mail = MAILS[write.mail if _sent(item) else MailMode.NONE]
    services.write(mailbox, payloads.delete_item(write.item_id, change_key, mail), write.item_id)
    return Applied(write.item_id, "")


def _update_patiently(services: Services, mailbox: Mailbox, write: MeetingUpdate) -> Applied:
    """One more read and write after a conflict; a second one is for the caller to judge."""
    seen = _look(services, mailbox, write)
    try:
        return _update(services, mailbox, write, seen)
    except Conflict:
        return _update(services, mailbox, write, _look(services, mailbox, write))


@dataclass(frozen=True, slots=True)
class _Seen:
    """An item as it stands before the write."""

    change_key: str
    done: bool
    sent: bool


def _look(services: Services, mailbox: Mailbox, write: MeetingUpdate) -> _Seen:
    item, change_key = _first(services.one(mailbox, payloads.get_for_writing(write.item_id)))
    marks = dict(extended_properties(item.find("{*}ExtendedProperty")))
    done = marks.get(payloads.KEY) == write.key
    if not done:
        _check(item, write, change_key)
    return _Seen(change_key, done, _sent(item))


def _sent(item: Element) -> bool:
    return item.findtext("{*}IsMeeting") != "false" and item.findtext("{*}MeetingRequestWasSent") != "false"


def _check(item: Element, write: MeetingUpdate, change_key: str) -> None:
    if write.change_key is not None and write.change_key != change_key:
        raise Conflict("item-changed", "the item is no longer the one that was named")
    if not is_own(item):
        raise Refused("attendee-copy", write.item_id)
    if any(mark in item.findtext("{*}ItemClass", "").lower() for mark in PROTECTED):
        raise Refused("protected-item", write.item_id)


def _update(services: Services, mailbox: Mailbox, write: MeetingUpdate, seen: _Seen) -> Applied:
    if seen.done:
        return Applied(write.item_id, seen.change_key, repeated=True)
    mail = MAILS[write.mail if seen.sent else MailMode.NONE]
    payload = payloads.update_item(write.item_id, seen.change_key, _updates(write), mail)
    item, change_key = _first(services.write(mailbox, payload, write.item_id))
    return Applied(_id(item), change_key)


def _updates(write: MeetingUpdate) -> list[Element]:
    found = [payloads.set_own(payloads.KEY, write.key)]
    if write.marker is not None:
        marker = write.marker
        found.append(
            payloads.set_own(payloads.MARKER, marker) if marker else payloads.delete_own(payloads.MARKER)
        )
    if write.location is not None:
        found.append(payloads.set_field("calendar:Location", t("Location", text=write.location)))
    if write.body is not None:
        body = t("Body", text=write.body, BodyType="Text" if write.kind is BodyKind.TEXT else "HTML")
        found.append(payloads.set_field("item:Body", body))
    return found


def _create(services: Services, mailbox: Mailbox, write: NewMeeting) -> Applied:
    twins = services.find(mailbox, payloads.find_by_key(write.key)).rows
    if twins:
        item_id = twins[0].find("{*}ItemId")
        if item_id is None:
            raise Transient("bad-answer", "an item without an id")
        return Applied(item_id.get("Id", ""), item_id.get("ChangeKey", ""), repeated=True)
    mail = MAILS[write.mail if write.attendees else MailMode.NONE]
    item, change_key = _first(services.write(mailbox, payloads.create_item(_new(write), mail)))
    return Applied(_id(item), change_key)


def _new(write: NewMeeting) -> Element:
    """Always with an explicit UID, and in UTC by an explicit zone: the server's own zone must not matter."""
    parts = [
        t("Subject", text=write.subject),
        t("Body", text=write.body_html, BodyType="HTML"),
        payloads.own(payloads.KEY, write.key),
        t("UID", text=write.uid),
        t("Start", text=payloads.instant(write.start)),
        t("End", text=payloads.instant(write.end)),
        t("Location", text=write.location),
    ]
    for role, name in _ROLES:
        if people := [each for each in write.attendees if each.role is role]:
            parts.append(t(name, *map(_attendee, people)))
    return t("CalendarItem", *parts, t("StartTimeZone", Id="UTC"), t("EndTimeZone", Id="UTC"))


def _attendee(person: Attendee) -> Element:
    name = [t("Name", text=person.name)] if person.name else []
    return t("Attendee", t("Mailbox", *name, t("EmailAddress", text=person.address)))


def _first(message: Element) -> tuple[Element, str]:
    """The only item of a message, and its change key."""
    items = message.find("{*}Items")
    if items is None or not len(items):
        raise Transient("bad-answer", "a success without an item")
    item_id = items[0].find("{*}ItemId")
    return items[0], item_id.get("ChangeKey", "") if item_id is not None else ""


def _id(item: Element) -> str:
    found = item.find("{*}ItemId")
    if found is None:
        raise Transient("bad-answer", "an item without an id")
    return found.get("Id", "")
