"""One item with everything a write has to know of it (MS-OXWSMTGS 2.2.4.3; MS-OXCMSG 2.2.1.56.2 for the native body)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connector.errors import Refused, Unreadable
from connector.model import BodyKind, Mailbox, WholeItem
from connector.source.exchange import convert, language, payloads
from connector.source.exchange.envelope import Element, T
from connector.source.exchange.recurrence import rule
from connector.source.exchange.services import Services

NOT_OURS = frozenset({"Accept", "Tentative", "Decline", "NoResponseReceived"})
PROTECTED = ("smime", "rpmsg")
LISTS = frozenset({"PublicDL", "PrivateDL"})
_FOREIGN = {payloads.TMS: "cisco-tms", payloads.UC: "uc-plug-in"}
RTF = "2"
MOST_EXPANSIONS = 100
"""So many lists of one invitation are opened; one with more counts as too large."""
_CID = re.compile(r"cid:([^\"'>\s)]{1,998})", re.IGNORECASE)


def read(services: Services, mailbox: Mailbox, item_id: str) -> WholeItem:
    """One item whole.

    Raises:
        Refused: ``item-not-found``.
        Unreadable: it can't be read, or is no calendar item.
    """
    try:
        message = services.one(mailbox, payloads.get_whole(item_id))
    except Unreadable as verdict:
        if verdict.code == "item-not-found":
            raise Refused(verdict.code, item_id) from verdict
        raise Unreadable(verdict.code, item_id, verdict.detail) from verdict
    items = message.find("{*}Items")
    if items is None or not len(items) or not items[0].tag.endswith("}CalendarItem"):
        raise Refused("item-not-found", item_id)
    found = whole(items[0])
    if found.own and not found.culture:
        return replace(found, culture=language.of_mailbox(services, mailbox))
    return found


def whole(element: Element) -> WholeItem:
    """The item that an answer holds. Raises Unreadable."""
    found = convert.item(element)
    body = element.find("{*}Body")
    marks = dict(convert.extended_properties(element.find("{*}ExtendedProperty")))
    kind = BodyKind.TEXT if body is not None and body.get("BodyType") == "Text" else BodyKind.HTML
    return WholeItem(
        meeting=found.meeting,
        body=(body.text or "") if body is not None else "",
        kind=kind,
        marker=marks.get(payloads.MARKER, ""),
        key=marks.get(payloads.KEY, ""),
        culture=element.findtext("{*}Culture", ""),
        rule=rule(element.find("{*}Recurrence")) if found.master else "",
        own=is_own(element),
        invites=bool(found.meeting.attendees) and element.findtext("{*}IsMeeting") == "true",
        sent=element.findtext("{*}MeetingRequestWasSent") == "true",
        series=found.master,
        ends=_last_end(element) if found.master else found.meeting.end,
        obstacle=obstacle(element),
        foreign=next((name for key, name in _FOREIGN.items() if key in marks), ""),
        lists=tuple(_lists(element)),
    )


def is_own(element: Element) -> bool:
    """Whether the mailbox organises it: an appointment has no response, an organiser's meeting says Organizer."""
    return not (
        element.findtext("{*}IsMeeting") == "true" and element.findtext("{*}MyResponseType") in NOT_OURS
    )


def obstacle(element: Element) -> str:
    """Why a body must not be written back as it was read; "" where nothing would be lost.

    An RTF body holds its attachments and embedded objects at their places, which HTML made of it can't give back.
    """
    if any(mark in element.findtext("{*}ItemClass", "").lower() for mark in PROTECTED):
        return "protected-item"
    body = element.find("{*}Body")
    if body is not None and body.get("IsTruncated") == "true":
        return "body-cut-off"
    attached = element.findtext("{*}HasAttachments") == "true"
    if _native(element) == RTF and (attached or _CID.search((body.text or "") if body is not None else "")):
        return "body-objects"
    return ""


def _native(element: Element) -> str:
    for each in element.iterfind(f"{{{T}}}ExtendedProperty"):
        path = each.find(f"{{{T}}}ExtendedFieldURI")
        if path is not None and path.get("PropertyTag", "").lower() == payloads.NATIVE_BODY:
            return each.findtext(f"{{{T}}}Value", "")
    return ""


def _last_end(element: Element) -> datetime | None:
    """The end of a series' last occurrence; None where it has none."""
    stated = element.findtext("{*}LastOccurrence/{*}End")
    return convert.moment(stated) if stated else None


def _lists(element: Element) -> Iterator[str]:
    for name in ("RequiredAttendees", "OptionalAttendees", "Resources"):
        for person in element.iterfind(f"{{*}}{name}/{{*}}Attendee/{{*}}Mailbox"):
            address = person.findtext("{*}EmailAddress", "")
            if address and person.findtext("{*}MailboxType") in LISTS:
                yield address


def members(services: Services, mailbox: Mailbox, lists: Sequence[str], most: int) -> int:
    """How many people stand behind the lists, nested ones too; counted no further than beyond ``most``."""
    waiting, seen, count = list(lists), {address.lower() for address in lists}, 0
    for _ in range(MOST_EXPANSIONS):
        if not waiting or count > most:
            return count
        found = services.one(mailbox, payloads.expand_list(waiting.pop())).find("{*}DLExpansion")
        people = list(found) if found is not None else []
        total = int(found.get("TotalItemsInView", "0")) if found is not None else 0
        nested = [one for one in people if one.findtext("{*}MailboxType") in LISTS]
        count += max(total, len(people)) - len(nested)
        for one in nested:
            address = one.findtext("{*}EmailAddress", "")
            if address and address.lower() not in seen:
                seen.add(address.lower())
                waiting.append(address)
    return most + 1
