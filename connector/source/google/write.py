"""Writes that can be repeated: look whether it is done already, then write what the ETag just read names.

Whether mails go out is said each time (``sendUpdates``). Arrays are replaced wholly by a patch, so of the guests only the own entry
is ever sent, with ``attendeesOmitted``.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any

from connector.errors import Conflict, Refused, Transient
from connector.model import (
    Applied,
    Attendee,
    Mailbox,
    MailMode,
    MeetingUpdate,
    NewMeeting,
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
    if isinstance(write, NewMeeting):
        return _create(services, mailbox, write)
    return _update(services, mailbox, write)


def delete(services: Services, mailbox: Mailbox, event_id: str, mail: MailMode) -> Applied:
    """Delete an event of the mailbox's own; one that is gone already is a success."""
    answer = services.delete(mailbox, event_id, "", MAILS[mail])
    return Applied(event_id, "", repeated=answer.status in {404, 410})


def respond(
    services: Services, mailbox: Mailbox, event_id: str, response: Response, mail: MailMode
) -> Applied:
    """Answer an invitation in the mailbox owner's name. Raises Refused for someone who is not invited."""
    answer = _ANSWERS.get(response)
    if answer is None:
        raise Refused("request-refused", f"nobody can answer {response}")
    for _ in range(TRIES):
        event = _living(services.event(mailbox, event_id))
        own = next((one for one in event.get("attendees", ()) if one.get("self") is True), None)
        if own is None:
            raise Refused("google-not-invited", event_id)
        if own.get("responseStatus") == answer:
            return Applied(event_id, _etag(event), repeated=True)
        body = {"attendeesOmitted": True, "attendees": [{"email": own["email"], "responseStatus": answer}]}
        try:
            patched = services.patch(mailbox, event_id, body, _etag(event), MAILS[mail])
        except Conflict:
            continue
        return Applied(event_id, _etag(patched))
    raise Conflict("item-changed", event_id)


def quick_add(services: Services, mailbox: Mailbox, text: str, mail: MailMode) -> Applied:
    """Make an event of a sentence, which Google reads in the user's own language."""
    made = services.quick_add(mailbox, text, MAILS[mail])
    return Applied(_id(made), _etag(made))


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
    if event.get("organizer", {}).get("self") is not True:
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
