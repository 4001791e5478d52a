"""Writes that can be repeated: look whether it is done already, then write what the ETag just read names.

Whether mails go out is said each time (``sendUpdates``). Arrays are replaced wholly by a patch, so of the guests only the own entry
is ever sent, with ``attendeesOmitted``.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.errors import Conflict, Refused, Transient
from connector.model import (
    Applied,
    Attendee,
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
from connector.source.google.services import Document, Services

KEY = "calendarConnectorKey"
MARKER = "calendarConnectorMarker"
LONGEST_VALUE = 1024
"""Google cuts longer values of extended properties without a word (guide "Extended properties")."""
TRIES = 3
SKEW = timedelta(minutes=1)
"""How far Google's clock and ours may be apart before an alarm says so."""
MAILS = {MailMode.NONE: "none", MailMode.ALL: "all", MailMode.ALL_AND_COPY: "all"}
_ANSWERS = {
    Response.ACCEPTED: "accepted",
    Response.TENTATIVE: "tentative",
    Response.DECLINED: "declined",
    Response.NONE: "needsAction",
}


def apply(services: Services, mailbox: Mailbox, write: Write) -> Applied:
    """Carry out a write.

    Raises:
        Conflict: the event is not the one that ``change_key`` names, or it kept changing while we wrote.
        Refused: the event is gone or must not be written, or Google will never do it.
    """
    match write:
        case NewMeeting():
            return _create(services, mailbox, write)
        case MeetingUpdate():
            return _update(services, mailbox, write)
        case Reply():
            return _respond(services, mailbox, write)
        case Removal():
            return _delete(services, mailbox, write)
        case QuickAdd():
            return _quick_add(services, mailbox, write)


# --- answers and ends


def _respond(services: Services, mailbox: Mailbox, write: Reply) -> Applied:
    """Nobody but the owner is answered for: the own entry alone is sent."""
    answer, event_id = _ANSWERS[write.response], write.item_id
    for _ in range(TRIES):
        event = _living(services.event(mailbox, event_id))
        own = next((one for one in event.get("attendees", ()) if one.get("self") is True), None)
        if own is None or _own(event):
            raise Refused("not-invited", event_id)
        if own.get("responseStatus") == answer:
            return Applied(event_id, _etag(event), repeated=True)
        body = {"attendeesOmitted": True, "attendees": [{"email": own["email"], "responseStatus": answer}]}
        try:
            patched = services.patch(mailbox, event_id, body, _etag(event), MAILS[MailMode.ALL])
        except Conflict:
            continue
        return Applied(event_id, _etag(patched))
    raise Conflict("item-changed", event_id)


def _delete(services: Services, mailbox: Mailbox, write: Removal) -> Applied:
    """An event of the owner's own, as it was when it was looked at."""
    for _ in range(TRIES):
        event = _living(services.event(mailbox, write.item_id))
        if not _own(event):
            raise Refused("attendee-copy", write.item_id)
        mails = MAILS[write.mail if event.get("attendees") else MailMode.NONE]
        try:
            answer = services.delete(mailbox, write.item_id, _etag(event), mails)
        except Conflict:
            continue
        return Applied(write.item_id, "", repeated=answer.status in {404, 410})
    raise Conflict("item-changed", write.item_id)


# --- a sentence


def _quick_add(services: Services, mailbox: Mailbox, write: QuickAdd) -> Applied:
    """Google takes no id of ours with a sentence, so the event is marked right after; cut short before, it is known by its words."""
    _fits(write.key)
    left = _left_behind(services, mailbox, write) if write.since else None
    if left is not None and _private(left).get(KEY) == write.key:
        return Applied(_id(left), _etag(left), repeated=True)
    made = left or services.quick_add(mailbox, write.text, MAILS[write.mail])
    mark = {"extendedProperties": {"private": {KEY: write.key}}}
    marked = services.patch(mailbox, _id(made), mark, "", MAILS[MailMode.NONE])
    return Applied(_id(marked), _etag(marked), repeated=left is not None)


def _left_behind(services: Services, mailbox: Mailbox, write: QuickAdd) -> Document | None:
    """What an earlier try made: under our key, or unmarked, of our own making, with a title that stands in the sentence."""
    since = (write.since or datetime.min.replace(tzinfo=UTC)) - SKEW
    found = [one for one in services.changed_since(mailbox, since) if one.get("status") != "cancelled"]
    known = next((one for one in found if _private(one).get(KEY) == write.key), None)
    return known or next((one for one in found if _may_be_of(one, write.text, since)), None)


def _may_be_of(event: Document, text: str, since: datetime) -> bool:
    title = str(event.get("summary") or "").casefold()
    unmarked = KEY not in _private(event) and _own(event)
    return unmarked and bool(title) and title in text.casefold() and _created(event) >= since


def _created(event: Document) -> datetime:
    try:
        return datetime.fromisoformat(str(event.get("created")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


# --- an existing event


def _update(services: Services, mailbox: Mailbox, write: MeetingUpdate) -> Applied:
    """Read and patch; after a lost race the same is applied to what stands there now, a few times."""
    _fits(write.key, write.marker or "")
    for _ in range(TRIES):
        event = _living(services.event(mailbox, write.item_id))
        if _private(event).get(KEY) == write.key:
            return Applied(write.item_id, _etag(event), repeated=True)
        _check(event, write)
        try:
            patched = services.patch(
                mailbox, write.item_id, _changes(write), _etag(event), _mails(event, write)
            )
        except Conflict:
            continue
        return Applied(_id(patched), _etag(patched))
    raise Conflict("item-changed", write.item_id)


def _check(event: Document, write: MeetingUpdate) -> None:
    if write.change_key is not None and write.change_key != _etag(event):
        raise Conflict("item-changed", "the event is no longer the one that was named")
    if not _own(event):
        raise Refused("attendee-copy", write.item_id)
    if event.get("locked") is True:
        raise Refused("protected-item", write.item_id)


def _changes(write: MeetingUpdate) -> Document:
    """An empty marker takes the property away; a description is HTML, so that plain words have to be written as such."""
    private = {KEY: write.key} | ({} if write.marker is None else {MARKER: write.marker or None})
    body: Document = {"extendedProperties": {"private": private}}
    if write.location is not None:
        body["location"] = write.location
    if write.body is not None:
        body["description"] = write.body
    if write.conference is not None:
        body["conferenceData"] = _ordered(write.conference) if write.conference else None
    return body


def _ordered(tag: str) -> Document:
    """The order for a conference; Google passes over one whose id it has seen, and answers it later (conferenceData guide)."""
    return {"createRequest": {"requestId": tag, "conferenceSolutionKey": {"type": "hangoutsMeet"}}}


def _mails(event: Document, write: MeetingUpdate) -> str:
    """Without guests there is nobody to write to."""
    return MAILS[write.mail] if event.get("attendees") else MAILS[MailMode.NONE]


def _own(event: Document) -> bool:
    organizer = event.get("organizer")
    return isinstance(organizer, dict) and organizer.get("self") is True


def _living(event: Document) -> Document:
    if event.get("status") == "cancelled":
        raise Refused("item-not-found", str(event.get("id", "")))
    return event


def _private(event: Document) -> Document:
    properties = event.get("extendedProperties")
    private = properties.get("private") if isinstance(properties, dict) else None
    return private if isinstance(private, dict) else {}


# --- a new one


def _create(services: Services, mailbox: Mailbox, write: NewMeeting) -> Applied:
    """Insert under an id of our own, so that a second try finds the first (409)."""
    _fits(write.key)
    event_id = own_id(mailbox, write.key)
    answer = services.insert(
        mailbox, _new(event_id, write), MAILS[write.mail if write.attendees else MailMode.NONE]
    )
    if answer.status == 409:
        return Applied(event_id, _etag(services.event(mailbox, event_id)), repeated=True)
    return Applied(_id(answer.document), _etag(answer.document))


def own_id(mailbox: Mailbox, key: str) -> str:
    """The id of an event that a key asks for: base32hex of a digest, in Google's alphabet (a-v, 0-9; 5 to 1024 characters)."""
    digest = hashlib.sha256(f"{mailbox.id} {key}".encode()).digest()
    return base64.b32hexencode(digest).decode().rstrip("=").lower()


def _new(event_id: str, write: NewMeeting) -> Document:
    body: Document = {
        "id": event_id,
        "summary": write.subject,
        "description": write.body_html,
        "location": write.location,
        "start": _point(write.start),
        "end": _point(write.end),
        "extendedProperties": {"private": {KEY: write.key}},
    }
    if write.attendees:
        body["attendees"] = [_invited(one) for one in write.attendees]
    return body


def _invited(person: Attendee) -> dict[str, Any]:
    entry: dict[str, Any] = {"email": person.address}
    if person.name:
        entry["displayName"] = person.name
    if person.role is Role.OPTIONAL:
        entry["optional"] = True
    if person.role is Role.RESOURCE:
        entry["resource"] = True
    return entry


def _point(when: datetime) -> Document:
    return {"dateTime": when.isoformat(), "timeZone": "UTC"}


def _fits(*values: str) -> None:
    if any(len(value) > LONGEST_VALUE for value in values):
        raise Refused("request-refused", f"a property of more than {LONGEST_VALUE} characters")


def _id(event: Document) -> str:
    found = event.get("id")
    if not isinstance(found, str):
        raise Transient("bad-answer", "an event without an id")
    return found


def _etag(event: Document) -> str:
    return str(event.get("etag", ""))
