"""Meetings, presence and outcomes as they leave the site: Cisco's calendar object, what concerns people sealed field by field. Pure.

Names and the split into clear and sealed members are those of Cisco's public SDK (internal-plugin-calendar); what goes
beyond (``ctx``, ``encryptedClear``, ``revision``) is told in docs/relay.md section 8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.model import (
    Attendee,
    ContentKey,
    JoinLink,
    Meeting,
    Outcome,
    Policy,
    Presence,
    Role,
    Sensitivity,
)
from connector.seal.digest import Digester
from connector.seal.fields import place, seal_field

PRIVATE = frozenset({Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL})
WITHHELD = {
    "full": frozenset[str](),
    "hide-subject": frozenset({"subject", "notes"}),
    "times-only": frozenset({"subject", "location", "notes", "organizer", "attendees", "link"}),
}
"""What a policy's ``private`` keeps back of private and confidential meetings; an unknown word keeps back everything."""

TEXTS = {"subject": "encryptedSubject", "location": "encryptedLocation", "notes": "encryptedNotes"}
CLEAR = (
    *("id", "seriesId", "revision", "start", "end", "durationMinutes", "allDay"),
    *("isRecurring", "isException", "isCancelled", "sensitivity", "showAs", "responseType"),
    *("organizer", "links", "encryptionKeyUrl"),
)
CLEAR_OF_PARTICIPANT = ("id", "type", "responseType", "participantType")


_sorted = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""As ``json.dumps``, which would make an encoder for every meeting."""

PRESENCE_THING = "presence"
"""Stands where other ciphertexts have a meeting id."""


class _Sealer:
    """Seals the fields of one object under one key, each at its place."""

    def __init__(self, key: ContentKey, mailbox_id: str, thing: str, revision: int) -> None:
        self._key = key
        self._at = (mailbox_id, thing)
        self._revision = revision
        self.paths: list[str] = []

    def __call__(self, path: str, text: str, *, padded: bool = False) -> str:
        self.paths.append(path)
        ctx = place(*self._at, path, self._revision)
        return seal_field(text, self._key, ctx, padded=padded)


def seal_meeting(
    meeting: Meeting,
    key: ContentKey,
    mailbox_id: str,
    meeting_id: str,
    revision: int,
    policy: Policy,
    digests: Digester,
) -> dict[str, Any]:
    """The sealed object of a ``meeting.put``.

    Only what ``policy`` lets go is in it. People are addressed by the blind index of their address; one who is named twice
    is in it once. An unsealed text is nowhere in it.
    """
    sends = _sends(meeting, policy)
    seal = _Sealer(key, mailbox_id, meeting_id, revision)
    sealed = {
        **_clear(meeting, key, meeting_id, revision, digests),
        **{name: seal(name, text, padded=True) for word, name, text in _texts(meeting) if word in sends},
        **(_organizer(meeting.organizer, seal, digests) if "organizer" in sends else {}),
        **(_participants(meeting, seal, digests) if "attendees" in sends else {}),
        **(_join(meeting.link, seal) if "link" in sends else {}),
    }
    return {**sealed, "encryptedClear": seal("encryptedClear", canonical(sealed, seal.paths))}


def _sends(meeting: Meeting, policy: Policy) -> frozenset[str]:
    if meeting.sensitivity not in PRIVATE:
        return policy.send
    return policy.send - WITHHELD.get(policy.private, WITHHELD["times-only"])


def _texts(meeting: Meeting) -> tuple[tuple[str, str, str], ...]:
    clear = {"subject": meeting.subject, "location": meeting.location, "notes": meeting.body}
    return tuple((word, name, clear[word]) for word, name in TEXTS.items())


def _clear(
    meeting: Meeting, key: ContentKey, meeting_id: str, revision: int, digests: Digester
) -> dict[str, Any]:
    clear: dict[str, Any] = {
        "id": meeting_id,
        "seriesId": digests.series_key(meeting.uid),
        "revision": revision,
        "start": write_time(meeting.start),
        "end": write_time(meeting.end),
        "durationMinutes": -(-int((meeting.end - meeting.start).total_seconds()) // 60),
        "isRecurring": meeting.recurring,
        "isException": meeting.exception,
        "isCancelled": meeting.cancelled,
        "sensitivity": meeting.sensitivity.value,
        "showAs": meeting.show_as.value,
        "responseType": meeting.response.value.upper(),
        "links": [],
        "encryptionKeyUrl": key.uri,
    }
    if meeting.first_day:
        clear["allDay"] = meeting.first_day.isoformat()
    return clear


def _organizer(organizer: Attendee | None, seal: _Sealer, digests: Digester) -> dict[str, Any]:
    if organizer is None:
        return {}
    return {
        "organizer": _person_id(organizer, digests),
        "encryptedOrganizer": _person("encryptedOrganizer", organizer, seal),
    }


def _participants(meeting: Meeting, seal: _Sealer, digests: Digester) -> dict[str, Any]:
    people = {_person_id(one, digests): one for one in reversed(meeting.attendees)}
    return {
        "encryptedParticipants": [
            {
                "id": index,
                "type": "RESOURCE" if one.role is Role.RESOURCE else "PERSON",
                "responseType": one.response.value.upper(),
                "participantType": one.role.value.upper(),
                **_person(f"encryptedParticipants[{index}]", one, seal),
            }
            for index, one in sorted(people.items())
        ]
    }


def _person_id(one: Attendee, digests: Digester) -> str:
    """The blind index; a person without an address is told apart by the name, which no address can equal."""
    return digests.address_index(one.address or f"name:{one.name}")


def _person(path: str, one: Attendee, seal: _Sealer) -> dict[str, str]:
    return {
        "encryptedEmailAddress": seal(f"{path}.encryptedEmailAddress", one.address),
        "encryptedName": seal(f"{path}.encryptedName", one.name, padded=True),
    }


def _join(link: JoinLink | None, seal: _Sealer) -> dict[str, Any]:
    """``meetingJoinInfo`` for every link, and ``webexURL``/``webexURI`` beside it for Webex's own, as the SDK reads them."""
    if link is None:
        return {}
    parts = {
        "meetingJoinURL": link.url,
        "meetingJoinURI": link.sip,
        "encryptedService": link.service,
        "encryptedRule": link.rule,
        "encryptedMeetingNumber": link.meeting_id,
        "encryptedPasscode": link.passcode,
        "encryptedBuffers": f"{_seconds(link.before)} {_seconds(link.after)}",
    }
    join = {name: seal(f"meetingJoinInfo.{name}", text) for name, text in parts.items() if text is not None}
    webex = {"webexURL": link.url, "webexURI": link.sip} if link.service == "webex" else {}
    return {
        "meetingJoinInfo": join,
        **{name: seal(name, text) for name, text in webex.items() if text is not None},
    }


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def canonical(sealed: Mapping[str, Any], paths: list[str]) -> str:
    """The clear members and the paths of the sealed ones, so that neither can be changed, taken away or added unseen."""
    clear = {name: sealed[name] for name in CLEAR if name in sealed}
    people = sealed.get("encryptedParticipants")
    if people is not None:
        clear["participants"] = [{name: one.get(name) for name in CLEAR_OF_PARTICIPANT} for one in people]
    return _sorted({"clear": clear, "sealed": sorted(paths)})


def seal_presence(
    presence: Presence, key: ContentKey, mailbox_id: str, revision: int, policy: Policy
) -> dict[str, Any]:
    """The data of a ``presence.put``: the state as one padded ciphertext; the text only where the policy says ``text``."""
    clear = {
        "away": presence.away,
        "since": write_time(presence.since) if presence.since else None,
        "until": write_time(presence.until) if presence.until else None,
        "text": presence.text if policy.presence == "text" else "",
    }
    ctx = place(mailbox_id, PRESENCE_THING, "encryptedPresence", revision)
    return {
        "encryptionKeyUrl": key.uri,
        "revision": revision,
        "encryptedPresence": seal_field(_write(clear), key, ctx, padded=True),
    }


def seal_outcome(outcome: Outcome, key: ContentKey, mailbox_id: str, revision: int) -> dict[str, Any]:
    """The data of a ``command.outcome``; how the command ended is for the one who gave it, so it is sealed too."""
    clear = {"result": outcome.result.value, "code": outcome.code, "body": dict(outcome.body)}
    ctx = place(mailbox_id, outcome.command_id, "encryptedOutcome", revision)
    return {
        "commandId": outcome.command_id,
        "encryptionKeyUrl": key.uri,
        "revision": revision,
        "encryptedOutcome": seal_field(_write(clear), key, ctx, padded=True),
    }


def _write(clear: Mapping[str, Any]) -> str:
    return json.dumps(clear, ensure_ascii=True, separators=(",", ":"))


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC, to the second where nothing finer is there."""
    return moment.isoformat().replace("+00:00", "Z")
