"""The inverse of ``envelope``, for whoever holds the keys: nothing is believed that was not sealed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.model import ContentKey, JoinLink, Outcome, Presence, Result
from connector.seal import jwe
from connector.seal.envelope import (
    CLEAR,
    CLEAR_OF_PARTICIPANT,
    PRESENCE_THING,
    TEXTS,
    canonical,
)
from connector.seal.fields import open_field, place

KeyLookup = Callable[[str], ContentKey]
"""The key of a URI. Raises KeyWithheld."""


class _Opener:
    """The inverse; every failure is a verdict."""

    def __init__(self, key: ContentKey, thing: str, revision: int) -> None:
        self._key = key
        self._thing = thing
        self._revision = revision
        self.paths: list[str] = []

    def __call__(self, path: str, token: Any, *, padded: bool = False) -> str:
        if not isinstance(token, str):
            raise jwe.broken(f"{path} is no ciphertext")
        self.paths.append(path)
        ctx = place(self._key.mailbox_id, self._thing, path, self._revision)
        return open_field(token, self._key, ctx, padded=padded)


def open_meeting(sealed: Mapping[str, Any], keys: KeyLookup) -> dict[str, Any]:
    """The meeting in clear, after everything in it was verified.

    Shape: the clear members as they stand, and ``subject``, ``location``, ``notes``, ``organizer`` and ``participants``
    (``{"id", "address", "name", ...}``), ``link`` (a JoinLink or absent), as far as they were sent. Raises Refused ``seal-broken``
    when anything was altered, moved, added or left out, and KeyWithheld.
    """
    try:
        return _open_meeting(sealed, keys)
    except (TypeError, AttributeError, KeyError, ValueError, RecursionError) as error:
        raise jwe.broken("members are missing or of a wrong kind") from error


def _open_meeting(sealed: Mapping[str, Any], keys: KeyLookup) -> dict[str, Any]:
    key = keys(str(sealed["encryptionKeyUrl"]))
    opener = _Opener(key, str(sealed["id"]), int(sealed["revision"]))
    meeting = {name: sealed[name] for name in CLEAR if name in sealed}
    for word, name in TEXTS.items():
        if name in sealed:
            meeting[word] = opener(name, sealed[name], padded=True)
    if "encryptedOrganizer" in sealed:
        person = _open_person("encryptedOrganizer", sealed["encryptedOrganizer"], opener)
        meeting["organizer"] = {"id": sealed["organizer"], **person}
    if "encryptedParticipants" in sealed:
        meeting["participants"] = [_open_participant(one, opener) for one in sealed["encryptedParticipants"]]
    meeting |= _open_join(sealed, opener)
    stated = canonical(sealed, opener.paths)
    if opener("encryptedClear", sealed["encryptedClear"]) != stated:
        raise jwe.broken("clear members are not those that were sealed")
    return meeting


def _open_participant(one: Mapping[str, Any], opener: _Opener) -> dict[str, Any]:
    person = _open_person(f"encryptedParticipants[{one['id']}]", one, opener)
    return {**{name: one[name] for name in CLEAR_OF_PARTICIPANT}, **person}


def _open_person(path: str, sealed: Mapping[str, Any], opener: _Opener) -> dict[str, str]:
    return {
        "address": opener(f"{path}.encryptedEmailAddress", sealed["encryptedEmailAddress"]),
        "name": opener(f"{path}.encryptedName", sealed["encryptedName"], padded=True),
    }


def _open_join(sealed: Mapping[str, Any], opener: _Opener) -> dict[str, Any]:
    for name in ("webexURL", "webexURI"):
        if name in sealed:
            opener(name, sealed[name])
    if "meetingJoinInfo" not in sealed:
        return {}
    join = {
        name: opener(f"meetingJoinInfo.{name}", token) for name, token in sealed["meetingJoinInfo"].items()
    }
    link = JoinLink(
        url=join["meetingJoinURL"],
        service=join["encryptedService"],
        rule=join["encryptedRule"],
        sip=join.get("meetingJoinURI"),
        meeting_id=join.get("encryptedMeetingNumber"),
        passcode=join.get("encryptedPasscode"),
        **_buffers(join.get("encryptedBuffers")),
    )
    return {"link": link}


def _buffers(stated: str | None) -> dict[str, timedelta]:
    """Seconds before the start and after the end; what was sealed by an earlier version states none."""
    if stated is None:
        return {}
    before, after = (timedelta(seconds=int(part)) for part in stated.split(" "))
    return {"before": before, "after": after}


def open_presence(sealed: Mapping[str, Any], keys: KeyLookup) -> Presence:
    """The inverse. Raises Refused ``seal-broken`` and KeyWithheld."""
    clear = _open(sealed, keys, PRESENCE_THING, "encryptedPresence")
    try:
        return Presence(
            away=clear["away"] is True,
            since=_time(clear["since"]),
            until=_time(clear["until"]),
            text=str(clear["text"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise jwe.broken("no presence") from error


def open_outcome(sealed: Mapping[str, Any], keys: KeyLookup) -> Outcome:
    """The inverse. Raises Refused ``seal-broken`` and KeyWithheld."""
    command_id = str(sealed.get("commandId"))
    clear = _open(sealed, keys, command_id, "encryptedOutcome")
    try:
        return Outcome(command_id, Result(clear["result"]), str(clear["code"]), dict(clear["body"]))
    except (KeyError, TypeError, ValueError) as error:
        raise jwe.broken("no outcome") from error


def _open(sealed: Mapping[str, Any], keys: KeyLookup, thing: str, member: str) -> dict[str, Any]:
    token, revision = sealed.get(member), sealed.get("revision")
    if not isinstance(token, str) or not isinstance(revision, int):
        raise jwe.broken(f"{member} or revision is missing")
    key = keys(str(sealed.get("encryptionKeyUrl")))
    ctx = place(key.mailbox_id, thing, member, revision)
    return jwe.parse_object(open_field(token, key, ctx, padded=True).encode())


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
