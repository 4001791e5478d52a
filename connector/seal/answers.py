"""The other sealed things that go up: presence and the outcomes of commands. Pure; shapes in docs/relay.md section 5."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.model import ContentKey, Outcome, Presence, Result
from connector.seal import jwe
from connector.seal.envelope import KeyLookup, write_time
from connector.seal.fields import open_field, place, seal_field

PRESENCE = "presence"


def seal_presence(presence: Presence, key: ContentKey, mailbox_id: str, revision: int) -> dict[str, Any]:
    """The data of a ``presence.put``; the whole state is one ciphertext, padded."""
    clear = {
        "away": presence.away,
        "since": write_time(presence.since) if presence.since else None,
        "until": write_time(presence.until) if presence.until else None,
        "text": presence.text,
    }
    ctx = place(mailbox_id, PRESENCE, "encryptedPresence", revision)
    return {
        "encryptionKeyUrl": key.uri,
        "revision": revision,
        "encryptedPresence": seal_field(_write(clear), key, ctx, padded=True),
    }


def open_presence(sealed: Mapping[str, Any], keys: KeyLookup) -> Presence:
    """The inverse. Raises Refused ``seal-broken`` and KeyWithheld."""
    clear = _open(sealed, keys, PRESENCE, "encryptedPresence")
    try:
        return Presence(
            away=clear["away"] is True,
            since=_time(clear["since"]),
            until=_time(clear["until"]),
            text=str(clear["text"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise jwe.broken("no presence") from error


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


def _write(clear: Mapping[str, Any]) -> str:
    return json.dumps(clear, ensure_ascii=True, separators=(",", ":"))


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
