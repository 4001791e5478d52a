"""What an opened command asks for, checked member by member. Pure.

========================  =======================================================================================
kind                      body
========================  =======================================================================================
``meeting.create``        subject, start, end (RFC 3339); optional location, body (HTML), attendees
                          [{address, name, role}], mail (none | all | all-and-copy)
``meeting.update``        id (meeting id); any of location, body (HTML); optional mail
``meeting.reply``         id, response (accepted | tentative | declined); optional whole (true for all of a series)
``meeting.delete``        id; optional whole, mail
``meeting.quick-add``     text, a sentence that the calendar system reads; optional mail
``freebusy.ask``          addresses (1 to 100), start, end
``conference.made``       tag, url (https); optional kind (one-time | personal), id, service, meetingId, passcode, sip,
                          h323, accessCode, videoPasscode, globalNumbersUrl, phones [{number, place}]
========================  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from connector.errors import Refused
from connector.model import (
    Attendee,
    Command,
    Conference,
    JoinDetails,
    Kind,
    MailMode,
    NewMeeting,
    Phone,
    Response,
    Role,
    Window,
)

LONGEST_TEXT = 64 * 1024
LONGEST_SENTENCE = 1024
MOST_PEOPLE = 100
MOST_PHONES = 20
LONGEST_DETAIL = 2048
LONGEST_SPAN = timedelta(days=62)
"""GetUserAvailability answers at most 62 days (MS-OXWAVLS, TimeWindow)."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make a meeting."""

    meeting: NewMeeting


@dataclass(frozen=True, slots=True)
class Update:
    """Change the place or the body of a meeting."""

    meeting_id: str
    location: str | None
    body_html: str | None
    mail: MailMode


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer an invitation; ``whole`` means the series, not the occurrence alone."""

    meeting_id: str
    response: Response
    whole: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a meeting of the owner's own; ``whole`` means the series, not the occurrence alone."""

    meeting_id: str
    whole: bool
    mail: MailMode


@dataclass(frozen=True, slots=True)
class Quick:
    """Make a meeting of a sentence."""

    text: str
    mail: MailMode


@dataclass(frozen=True, slots=True)
class AskFreeBusy:
    """When the people are busy."""

    addresses: tuple[str, ...]
    window: Window


@dataclass(frozen=True, slots=True)
class ConferenceMade:
    """The cloud's answer to the order for a conference with this tag."""

    tag: str
    conference: Conference


Order = Create | Update | Answer | Delete | Quick | AskFreeBusy | ConferenceMade


def parse(command: Command) -> Order:
    """The order inside a command. Raises Refused with ``command-unknown`` or ``command-malformed``."""
    reader = _READERS.get(command.kind)
    if reader is None:
        raise Refused("command-unknown", command.kind)
    return reader(command)


def _create(command: Command) -> Create:
    body = command.body
    window = _window(body)
    return Create(
        NewMeeting(
            key=command.id,
            uid=f"{uuid5(NAMESPACE_URL, f'calendar-connector:{command.mailbox_id}:{command.id}')}",
            subject=_text(body, "subject", longest=255),
            start=window.start,
            end=window.end,
            location=_text(body, "location", "", longest=255),
            body_html=_text(body, "body", ""),
            attendees=_attendees(body),
            mail=_mail(body),
        )
    )


def _update(command: Command) -> Update:
    body = command.body
    location = _text(body, "location", longest=255) if "location" in body else None
    html = _text(body, "body") if "body" in body else None
    if location is None and html is None:
        raise Refused("command-malformed", "nothing to change")
    return Update(_text(body, "id", longest=255), location, html, _mail(body))


def _answer(command: Command) -> Answer:
    body = command.body
    response = _RESPONSES.get(_text(body, "response", longest=20))
    if response is None:
        raise Refused("command-malformed", "response")
    return Answer(_text(body, "id", longest=255), response, _whole(body))


def _delete(command: Command) -> Delete:
    body = command.body
    return Delete(_text(body, "id", longest=255), _whole(body), _mail(body))


def _quick(command: Command) -> Quick:
    text = _text(command.body, "text", longest=LONGEST_SENTENCE)
    if not text.strip() or not text.isprintable():
        raise Refused("command-malformed", "text")
    return Quick(text, _mail(command.body))


def _whole(body: Mapping[str, Any]) -> bool:
    whole = body.get("whole", False)
    if not isinstance(whole, bool):
        raise Refused("command-malformed", "whole")
    return whole


def _ask(command: Command) -> AskFreeBusy:
    addresses = command.body.get("addresses")
    if not isinstance(addresses, list) or not 0 < len(addresses) <= MOST_PEOPLE:
        raise Refused("command-malformed", "addresses")
    return AskFreeBusy(tuple(_address(one) for one in addresses), _window(command.body, LONGEST_SPAN))


def _made(command: Command) -> ConferenceMade:
    body = command.body
    url = _detail(body, "url")
    if not url.startswith("https://"):
        raise Refused("command-malformed", "url")
    details = JoinDetails(
        url=url,
        service=_detail(body, "service", ""),
        meeting_id=_detail(body, "meetingId", ""),
        passcode=_detail(body, "passcode", ""),
        sip=_detail(body, "sip", ""),
        h323=_detail(body, "h323", ""),
        phones=_phones(body),
        access_code=_detail(body, "accessCode", ""),
        global_numbers_url=_detail(body, "globalNumbersUrl", ""),
        video_passcode=_detail(body, "videoPasscode", ""),
    )
    try:
        kind = Kind(body.get("kind", Kind.ONE_TIME))
    except ValueError as error:
        raise Refused("command-malformed", "kind") from error
    return ConferenceMade(_detail(body, "tag"), Conference(kind, details, _detail(body, "id", "")))


def _phones(body: Mapping[str, Any]) -> tuple[Phone, ...]:
    listed = body.get("phones", [])
    if not isinstance(listed, list) or len(listed) > MOST_PHONES:
        raise Refused("command-malformed", "phones")
    if not all(isinstance(one, dict) for one in listed):
        raise Refused("command-malformed", "phones")
    return tuple(Phone(_detail(one, "number"), _detail(one, "place", "")) for one in listed)


def _detail(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """One line that can be shown."""
    value = _text(body, name, default, longest=LONGEST_DETAIL)
    if not value.isprintable():
        raise Refused("command-malformed", name)
    return value


def _text(
    body: Mapping[str, Any], name: str, default: str | None = None, *, longest: int = LONGEST_TEXT
) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > longest:
        raise Refused("command-malformed", name)
    return value


def _moment(body: Mapping[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(body, name, longest=40))
    except ValueError as error:
        raise Refused("command-malformed", name) from error
    if moment.tzinfo is None:
        raise Refused("command-malformed", f"{name} has no offset")
    return moment.astimezone(UTC)


def _window(body: Mapping[str, Any], longest: timedelta | None = None) -> Window:
    window = Window(_moment(body, "start"), _moment(body, "end"))
    if window.end <= window.start or (longest and window.end - window.start > longest):
        raise Refused("command-malformed", "end")
    return window


def _attendees(body: Mapping[str, Any]) -> tuple[Attendee, ...]:
    people = body.get("attendees", [])
    if not isinstance(people, list) or len(people) > MOST_PEOPLE:
        raise Refused("command-malformed", "attendees")
    return tuple(_attendee(one) for one in people)


def _attendee(one: object) -> Attendee:
    if not isinstance(one, dict):
        raise Refused("command-malformed", "attendees")
    try:
        role = Role(one.get("role", "required"))
    except ValueError as error:
        raise Refused("command-malformed", "role") from error
    return Attendee(_address(one.get("address")), _text(one, "name", "", longest=255), role)


def _address(value: object) -> str:
    if not isinstance(value, str) or len(value) > 254 or value.count("@") != 1 or value != value.strip():
        raise Refused("command-malformed", "address")
    return value.lower()


def _mail(body: Mapping[str, Any]) -> MailMode:
    try:
        return MailMode(body.get("mail", MailMode.ALL))
    except ValueError as error:
        raise Refused("command-malformed", "mail") from error


_RESPONSES = {one.value: one for one in (Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED)}
_READERS: dict[str, Callable[[Command], Order]] = {
    "meeting.create": _create,
    "meeting.update": _update,
    "meeting.reply": _answer,
    "meeting.delete": _delete,
    "meeting.quick-add": _quick,
    "freebusy.ask": _ask,
    "conference.made": _made,
}
