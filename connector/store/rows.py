"""How nouns become columns, shared by the adapters: times, JSON, and the kinds of envelopes that have an order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.model import AuditEntry, EventKind

BARRIERS = frozenset(
    {
        EventKind.SNAPSHOT_BEGIN,
        EventKind.SNAPSHOT_END,
        EventKind.MAILBOX_PUT,
        EventKind.MAILBOX_GONE,
    }
)
"""Kinds that no envelope of the same mailbox may overtake."""

REPLACEABLE = frozenset({EventKind.MEETING_PUT, EventKind.MEETING_GONE})
"""Kinds of which only the newest word about a meeting needs to wait in the outbox."""

OF_ONE_LIFE = frozenset(
    {
        EventKind.MEETING_PUT,
        EventKind.MEETING_GONE,
        EventKind.SNAPSHOT_BEGIN,
        EventKind.SNAPSHOT_END,
        EventKind.PRESENCE_PUT,
    }
)
"""Kinds that a new epoch makes worthless: the calendars are read and sent afresh."""

FINISHED_COMMANDS_KEPT = timedelta(days=7)
INTENTS_KEPT = timedelta(days=38)
"""So long after its meeting is over an intent still tells what became of it."""
DEAD_LETTERS_SHOWN = 1000
DOWNLINK_CURSOR = "downlink-cursor"
"""The setting that holds the bookmark of the last accepted command."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970-01-01T00:00Z; a naive time raises TypeError."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The inverse of ``to_micros``, as an aware UTC datetime."""
    return _EPOCH + micros * _MICROSECOND


def to_micros_or_none(moment: datetime | None) -> int | None:
    """``to_micros`` for a time that may be missing."""
    return None if moment is None else to_micros(moment)


def from_micros_or_none(micros: int | None) -> datetime | None:
    """``from_micros`` for a time that may be missing."""
    return None if micros is None else from_micros(micros)


def to_json(value: Mapping[str, Any]) -> bytes:
    """One spelling for each object: sorted keys, no spaces, ASCII; raises TypeError for what JSON can't say."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def from_json(text: bytes) -> dict[str, Any]:
    """The object that ``to_json`` wrote, made new at each call."""
    value: dict[str, Any] = json.loads(text)
    return value


def audit_text(entry: AuditEntry) -> bytes:
    """The canonical spelling of an audit entry: what is chained, and what is sealed."""
    return to_json(
        {
            "at": to_micros(entry.at),
            "actor": entry.actor,
            "action": entry.action,
            "mailbox": entry.mailbox,
            "facts": dict(entry.facts),
        }
    )


def audit_entry(text: bytes) -> AuditEntry:
    """The entry that ``audit_text`` spelled."""
    value = from_json(text)
    return AuditEntry(
        at=from_micros(value["at"]),
        actor=value["actor"],
        action=value["action"],
        mailbox=value["mailbox"],
        facts=value["facts"],
    )


def chain_text(previous: str, number: int, text: bytes) -> str:
    """What is digested into the chain after row ``number``."""
    return f"{previous}|{number}|{text.decode('ascii')}"
