"""What goes up to the hub and what comes down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any


class EventKind(StrEnum):
    """Types of events that go up (docs/relay.md)."""

    MEETING_PUT = "meeting.put"
    MEETING_GONE = "meeting.gone"
    SNAPSHOT_BEGIN = "snapshot.begin"
    SNAPSHOT_END = "snapshot.end"
    PRESENCE_PUT = "presence.put"
    MAILBOX_PUT = "mailbox.put"
    MAILBOX_GONE = "mailbox.gone"
    COMMAND_OUTCOME = "command.outcome"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed change. ``id`` is a UUIDv7 (RFC 9562), ``data`` JSON whose sensitive members are JWE strings.

    ``starts`` lets a meeting about to begin overtake a backlog. ``key_uri`` is "" when nothing is sealed.
    """

    id: str
    kind: EventKind
    mailbox_id: str
    data: Mapping[str, Any]
    meeting_id: str | None = None
    revision: int = 0
    key_uri: str = ""
    starts: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """An envelope in the outbox with its place in the order: (epoch, sequence)."""

    envelope: Envelope
    epoch: int
    sequence: int
    queued_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An envelope that the hub will never take; the bytes are kept for the record, a retry re-reads the meeting."""

    queued: Queued
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SealedCommand:
    """A command as it came down: its id, whose mailbox, and one JWE that only that mailbox's keys open."""

    id: str
    mailbox_id: str
    jwe: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """An opened and verified command. ``actor`` is the acting user's address."""

    id: str
    mailbox_id: str
    kind: str
    actor: str
    expires: datetime
    body: Mapping[str, Any]


class Result(Enum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a command; ``body`` is sealed before it leaves."""

    command_id: str
    result: Result
    code: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
