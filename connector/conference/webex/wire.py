"""What is said to Webex and what it answers, as webex-openapi-specs describes it. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.conference.answer import Answer, retry_after
from connector.errors import CredentialRefused, Refused, Throttled, Transient, Verdict
from connector.model import Conference, ConferenceOrder, JoinDetails, Kind, Phone

LONGEST_TITLE = 128
LONGEST_TAG = 64
SHORTEST, LONGEST = timedelta(minutes=10), timedelta(hours=23, minutes=59)
"""Of one meeting; shorter and longer ones are refused."""
AROUND = timedelta(days=30)
"""So far before and behind its present time a meeting is looked for by its tag."""
MOST_NUMBERS = 20
PATIENCE = timedelta(minutes=1)
"""The wait when Webex asks for one without saying how long."""

_LICENCE = re.compile(r"licen[cs]e|not (?:a |an )?(?:host|meeting host)|no (?:meeting )?host", re.IGNORECASE)


def tag_of(order: ConferenceOrder) -> str:
    """The order's tag in the 64 characters that an integration tag may have."""
    return (
        order.tag if len(order.tag) <= LONGEST_TAG else hashlib.sha256(order.tag.encode("utf-8")).hexdigest()
    )


def new_meeting(order: ConferenceOrder, title: str, site: str, now: datetime) -> dict[str, Any]:
    """The body of ``POST /meetings``: nobody is invited and nobody is mailed, the calendar does both."""
    body = _times(order, now) | {
        "title": title[:LONGEST_TITLE],
        "hostEmail": order.organizer.address,
        "sendEmail": False,
        "integrationTags": [tag_of(order)],
    }
    return body | ({"siteUrl": site} if site else {})


def changed_meeting(order: ConferenceOrder, title: str, now: datetime) -> dict[str, Any]:
    """The body of ``PATCH /meetings/{meetingId}``."""
    host = order.organizer.address
    return _times(order, now) | {"title": title[:LONGEST_TITLE], "hostEmail": host, "sendEmail": False}


def search(order: ConferenceOrder, site: str) -> dict[str, str]:
    """The query of ``GET /meetings`` that finds what carries the order's tag."""
    query = {
        "integrationTag": tag_of(order),
        "hostEmail": order.organizer.address,
        "meetingType": "meetingSeries",
        "from": _written(order.start - AROUND),
        "to": _written(order.end + AROUND),
        "max": "10",
    }
    return query | ({"siteUrl": site} if site else {})


def found(answer: Answer, tag: str) -> Conference | None:
    """The meeting of an answer to ``search``. Raises Transient for an answer that is none."""
    items = answer.data.get("items")
    if not isinstance(items, list):
        raise Transient("bad-answer", "a list of meetings without items")
    mine = (one for one in items if isinstance(one, dict) and tag in _texts(one.get("integrationTags")))
    first = next(mine, None)
    return None if first is None else meeting(first)


def meeting(data: Mapping[str, Any]) -> Conference:
    """A one-time meeting. The host's key is never taken along. Raises Transient for an answer that is none."""
    identity, url = data.get("id"), _link(data, "webLink")
    if not isinstance(identity, str) or not identity:
        raise Transient("bad-answer", "a meeting without id")
    return Conference(Kind.ONE_TIME, _details(data, url), identity)


def personal_room(data: Mapping[str, Any]) -> Conference:
    """A personal room. The host's PIN is never taken along. Raises Transient for an answer that is none."""
    return Conference(Kind.PERSONAL, _details(data, _link(data, "personalMeetingRoomLink")))


def verdict_of(answer: Answer, now: datetime) -> Verdict:
    """What an answer that is no success means."""
    status, detail = answer.status, _told(answer)
    if status in {423, 429}:
        return Throttled("busy", detail, retry_after=retry_after(answer, now, PATIENCE))
    if status == 401:
        return CredentialRefused("webex-sign-in-ended", detail)
    if status >= 500 or status in {408, 409}:
        return Transient("server-error" if status >= 500 else "busy", detail)
    if status == 400 and _LICENCE.search(detail):
        return Refused("webex-host-not-licensed", detail)
    codes = {403: "webex-forbidden", 404: "webex-not-found"}
    return Refused(codes.get(status, "webex-request-refused"), detail)


def _times(order: ConferenceOrder, now: datetime) -> dict[str, Any]:
    """Webex takes no start in the past and counts in whole minutes; a running meeting begins in a minute."""
    start = order.start if order.start > now else now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = start + min(max(order.end - start, SHORTEST), LONGEST)
    times = {"start": _written(start), "end": _written(end), "timezone": "UTC"}
    return times | ({"recurrence": order.rule.removeprefix("RRULE:")} if order.rule else {})


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _details(data: Mapping[str, Any], url: str) -> JoinDetails:
    telephony = data.get("telephony")
    telephony = telephony if isinstance(telephony, dict) else {}
    return JoinDetails(
        url=url,
        service="webex",
        meeting_id=_text(data, "meetingNumber"),
        passcode=_text(data, "password"),
        sip=_text(data, "sipAddress"),
        phones=tuple(_phones(telephony)),
        access_code=_text(telephony, "accessCode"),
        video_passcode=_text(data, "phoneAndVideoSystemPassword"),
    )


def _phones(telephony: Mapping[str, Any]) -> Iterator[Phone]:
    numbers = telephony.get("callInNumbers")
    for one in numbers[:MOST_NUMBERS] if isinstance(numbers, list) else ():
        if isinstance(one, dict) and (number := _text(one, "callInNumber")):
            yield Phone(number, _text(one, "label"))


def _link(data: Mapping[str, Any], key: str) -> str:
    url = _text(data, key)
    if not url.startswith("https://"):
        raise Transient("bad-answer", f"no {key}")
    return url


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 2048 else ""


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _told(answer: Answer) -> str:
    """The service's own words, for the log: ``message``, ``errors[].description``, ``trackingId``."""
    errors = answer.data.get("errors")
    listed = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    words = [_text(answer.data, "message"), *(_text(one, "description") for one in listed[:3])]
    told = " ".join(word for word in dict.fromkeys(words) if word)[:300]
    return f"HTTP {answer.status} {told} {_text(answer.data, 'trackingId')}".strip()
