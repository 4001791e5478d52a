"""The relay protocol as data: events, receipts, greetings, the downlink. Pure; docs/relay.md tells the rules.

Both ends read with the same functions: the hub's events and greetings, the connector's receipts and descents. Whatever
the other end sends, reading it gives a value of ours or a verdict (Transient ``bad-answer``), never another exception.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.errors import Verdict
from connector.model import EventKind, Queued, SealedCommand
from connector.relay import strict
from connector.relay.base import Descent, Greeting, Receipt, Rejection, Welcome

EVENTS_PATH = "/relay/v1/events"
HELLO_PATH = "/relay/v1/hello"
COMMANDS_PATH = "/relay/v1/commands"
POLL_PATH = "/relay/v1/commands/poll"

BATCH_TYPE = "application/cloudevents-batch+json"
PROBLEM_TYPE = "application/problem+json"
SUBPROTOCOL = "calendar-relay.v1"
RUN_HEADER = "Relay-Run"
ACKNOWLEDGED_HEADER = "Relay-Acknowledged"

CLOSE_CREDENTIAL = 4401
CLOSE_SUPERSEDED = 4409
CLOSE_GREET_AGAIN = 4428

TYPE_PREFIX = "calendar."
SOURCE_PREFIX = "urn:calendar-connector:"

MAX_EPOCH = 2**31 - 1
"""CloudEvents' Integer has 32 bits."""
MAX_SEQUENCE = 2**63 - 1
SEQUENCE_DIGITS = 20

DEFAULT_BATCH = 100
DEFAULT_BYTES = 1024 * 1024
MOST_BATCH = 1000
LEAST_BYTES = 64 * 1024
MOST_BYTES = strict.MAX_BODY
"""Limits that a hub may state; what it states beyond them is cut to them."""

MAX_DESCENT = 1000
MAX_COMMAND = 1024 * 1024

STALE = "stale"
KNOWN_ERRORS = frozenset({STALE, "blocked", "busy", "malformed", "too-large"})
"""Codes of rejections that are kept by name; any other becomes ``hub-refused``, so that no hub writes into our books."""

_DIGITS = re.compile(rf"[0-9]{{{SEQUENCE_DIGITS}}}")
_NUMBER = re.compile(r"[0-9]{1,19}")

Order = tuple[int, int]
"""(epoch, sequence): the place of an event in one connector's order."""


# --- ids -----------------------------------------------------------------------------------------


class _LastId:
    """What the last UUIDv7 of this process was made of."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp = 0

    def next(self, milliseconds: int) -> int:
        """60 bits, milliseconds and a 12-bit counter, greater than any given before."""
        with self._lock:
            self._stamp = max(milliseconds << 12, self._stamp + 1)
            return self._stamp


_last_id = _LastId()


def uuid7(now: datetime) -> str:
    """A UUIDv7 (RFC 9562 section 5.7): ids of one process ascend, also when the clock stands or goes back.

    The counter is method 1 of section 6.2; when it overflows, the milliseconds run ahead of the clock.
    """
    stamp = _last_id.next(int(now.timestamp() * 1000))
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def source_of(instance: str) -> str:
    """The CloudEvents source of a connector."""
    return SOURCE_PREFIX + instance


# --- events --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the hub reads it. ``subject`` is the meeting id, "" for events of the whole mailbox."""

    id: str
    source: str
    kind: EventKind
    mailbox_id: str
    subject: str
    epoch: int
    sequence: int
    at: datetime
    data: Mapping[str, Any]

    @property
    def order(self) -> Order:
        """Its place in the connector's order."""
        return (self.epoch, self.sequence)


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_event(queued: Queued, source: str) -> dict[str, Any]:
    """One CloudEvents 1.0 object (JSON event format). Attributes hold opaque ids only."""
    envelope = queued.envelope
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": envelope.id,
        "source": source,
        "type": TYPE_PREFIX + envelope.kind.value,
        "time": write_time(queued.queued_at),
        "datacontenttype": "application/json",
        "partitionkey": envelope.mailbox_id,
        "epoch": queued.epoch,
        "sequence": f"{queued.sequence:0{SEQUENCE_DIGITS}d}",
    }
    if envelope.meeting_id:
        event["subject"] = envelope.meeting_id
    return {**event, "data": dict(envelope.data)}


def write_batch(
    batch: Sequence[Queued], source: str, max_batch: int, max_bytes: int
) -> tuple[bytes, tuple[Queued, ...]]:
    """The JSON array of the first events that keep to the limits, and which those are.

    The first event is always in it, however long: only the hub can say that it is too long.
    """
    parts: list[bytes] = []
    size = 2
    for queued in batch[:max_batch]:
        part = strict.dump(write_event(queued, source))
        size += len(part) + 1
        if parts and size > max_bytes:
            break
        parts.append(part)
    return b"[" + b",".join(parts) + b"]", tuple(batch[: len(parts)])


def read_batch(raw: bytes, source: str, max_batch: int) -> tuple[tuple[Event, ...], dict[str, str]]:
    """The events of a batch in their order, and what is wrong with the others by id.

    Raises Transient when the body is no array of at most ``max_batch`` objects with an id, for which nobody could be answered.
    """
    events: list[Event] = []
    wrong: dict[str, str] = {}
    for entry in strict.a_list(strict.load(raw), "the batch", max_batch):
        members = strict.an_object(entry, "an event")
        event_id = strict.a_text(members.get("id"), strict.ID, "id")
        try:
            events.append(_read_event(members, event_id, source))
        except Verdict as verdict:
            wrong[event_id] = verdict.detail
    return tuple(events), wrong


def _read_event(members: Mapping[str, Any], event_id: str, source: str) -> Event:
    if members.get("specversion") != "1.0" or members.get("datacontenttype") != "application/json":
        raise strict.bad("not a CloudEvents 1.0 event with JSON data")
    if members.get("source") != source:
        raise strict.bad("source is not the connector that the credential belongs to")
    sequence = strict.a_text(members.get("sequence"), _DIGITS, "sequence")
    return Event(
        id=event_id,
        source=source,
        kind=_kind(members.get("type")),
        mailbox_id=strict.a_text(members.get("partitionkey"), strict.ID, "partitionkey"),
        subject=strict.a_text(members["subject"], strict.ID, "subject") if "subject" in members else "",
        epoch=strict.a_number(members.get("epoch"), "epoch", 1, MAX_EPOCH),
        sequence=strict.a_number(int(sequence), "sequence", 1, MAX_SEQUENCE),
        at=strict.a_time(members.get("time"), "time"),
        data=strict.an_object(members.get("data"), "data"),
    )


def _kind(value: Any) -> EventKind:
    try:
        return EventKind(str(value).removeprefix(TYPE_PREFIX))
    except ValueError as error:
        raise strict.bad("type is unknown") from error


# --- receipts ------------------------------------------------------------------------------------


def write_receipt(receipt: Receipt) -> dict[str, Any]:
    """The answer to a batch."""
    return {
        "ack": list(receipt.acknowledged),
        "errs": {
            event_id: {"err": STALE if rejection.stale else rejection.code, "retry": rejection.retry}
            for event_id, rejection in receipt.rejected.items()
        },
        "maxBatch": receipt.max_batch or DEFAULT_BATCH,
        "maxBytes": receipt.max_bytes or DEFAULT_BYTES,
    }


def read_receipt(raw: bytes, sent: Sequence[str]) -> Receipt:
    """What the hub says of the events ``sent``; words about others are passed over, a word and its contrary is none."""
    members = strict.an_object(strict.load(raw), "the receipt")
    ack = strict.a_list(members.get("ack"), "ack", MOST_BATCH)
    taken = {one for one in ack if isinstance(one, str)}
    errors = strict.an_object(members.get("errs", {}), "errs")
    return Receipt(
        acknowledged=tuple(one for one in sent if one in taken and one not in errors),
        rejected={one: _read_rejection(errors[one]) for one in sent if one in errors and one not in taken},
        max_batch=_limit(members.get("maxBatch"), 1, MOST_BATCH),
        max_bytes=_limit(members.get("maxBytes"), LEAST_BYTES, MOST_BYTES),
    )


def _read_rejection(value: Any) -> Rejection:
    members = strict.an_object(value, "a rejection")
    code = members.get("err")
    known = code if isinstance(code, str) and code in KNOWN_ERRORS else "hub-refused"
    return Rejection(code=known, retry=members.get("retry") is True, stale=known == STALE)


def _limit(value: Any, least: int, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(value, least), most)


# --- greeting ------------------------------------------------------------------------------------


def write_greeting(greeting: Greeting) -> dict[str, Any]:
    """The body of a hello."""
    return {
        "instance": greeting.instance,
        "run": greeting.run,
        "epoch": greeting.epoch,
        "sequence": greeting.sequence,
        "version": greeting.version,
    }


def read_greeting(raw: bytes) -> Greeting:
    """The hub's reading of it."""
    members = strict.an_object(strict.load(raw), "the greeting")
    return Greeting(
        instance=strict.a_text(members.get("instance"), strict.ID, "instance"),
        run=strict.a_text(members.get("run"), strict.ID, "run"),
        epoch=strict.a_number(members.get("epoch"), "epoch", 1, MAX_EPOCH),
        sequence=strict.a_number(members.get("sequence"), "sequence", 0, MAX_SEQUENCE),
        version=strict.a_text(members.get("version"), strict.ID, "version"),
    )


def write_welcome(welcome: Welcome) -> dict[str, Any]:
    """The answer to a hello."""
    return {
        "epoch": welcome.epoch,
        "sequence": welcome.sequence,
        "maxBatch": welcome.max_batch,
        "maxBytes": welcome.max_bytes,
    }


def read_welcome(raw: bytes) -> Welcome:
    """The connector's reading of it; epoch 0 is a hub that never heard of this connector."""
    members = strict.an_object(strict.load(raw), "the welcome")
    return Welcome(
        epoch=strict.a_number(members.get("epoch"), "epoch", 0, MAX_EPOCH - 1),
        sequence=strict.a_number(members.get("sequence"), "sequence", 0, MAX_SEQUENCE),
        max_batch=_limit(members.get("maxBatch"), 1, MOST_BATCH) or DEFAULT_BATCH,
        max_bytes=_limit(members.get("maxBytes"), LEAST_BYTES, MOST_BYTES) or DEFAULT_BYTES,
    )


def write_order(order: Order) -> str:
    """The value of the Relay-Acknowledged header."""
    return f"{order[0]}.{order[1]}"


def read_order(text: str) -> Order:
    """The hub's reading of it. Raises Transient ``bad-answer``."""
    epoch, dot, sequence = text.partition(".")
    if not (dot and _NUMBER.fullmatch(epoch) and _NUMBER.fullmatch(sequence)):
        raise strict.bad("not epoch.sequence")
    return (int(epoch), int(sequence))


# --- downlink ------------------------------------------------------------------------------------


def write_descent(descent: Descent, *, more: bool = False) -> dict[str, Any]:
    """One message of the downlink, the same over web socket and long poll."""
    return {
        "cursor": descent.cursor,
        "commands": [{"id": one.id, "mailbox": one.mailbox_id, "jwe": one.jwe} for one in descent.commands],
        "nudge": list(descent.nudged),
        "resync": list(descent.resync),
        "moreAvailable": more,
    }


def read_descent(raw: bytes, now: datetime) -> Descent:
    """The connector's reading of it.

    A command that can't be a JWE is kept with an empty one, to be refused like any that does not open: its sender is a
    user, and must not be able to hold up the others.
    """
    members = strict.an_object(strict.load(raw), "the descent")
    commands = strict.a_list(members.get("commands", []), "commands", MAX_DESCENT)
    return Descent(
        commands=tuple(_read_command(one, now) for one in commands),
        nudged=tuple(dict.fromkeys(_mailboxes(members.get("nudge", [])))),
        resync=tuple(dict.fromkeys(_mailboxes(members.get("resync", [])))),
        cursor=strict.a_text(members.get("cursor"), strict.CURSOR, "cursor"),
    )


def _mailboxes(value: Any) -> Iterator[str]:
    for one in strict.a_list(value, "mailboxes", MAX_DESCENT):
        yield strict.a_text(one, strict.ID, "mailbox")


def _read_command(value: Any, now: datetime) -> SealedCommand:
    members = strict.an_object(value, "a command")
    return SealedCommand(
        id=strict.a_text(members.get("id"), strict.ID, "id"),
        mailbox_id=strict.a_text(members.get("mailbox"), strict.ID, "mailbox"),
        jwe=_jwe_or_nothing(members.get("jwe")),
        received_at=now,
    )


def _jwe_or_nothing(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_COMMAND:
        return ""
    return value if strict.COMPACT_JWE.fullmatch(value) else ""


def write_ack(cursor: str) -> dict[str, Any]:
    """What the connector sends up the web socket when a descent is durable."""
    return {"ack": cursor}


def read_ack(raw: bytes) -> str:
    """The hub's reading of it: the cursor up to which everything is durable at the connector."""
    members = strict.an_object(strict.load(raw), "the acknowledgement")
    return strict.a_text(members.get("ack"), strict.CURSOR, "ack")


def write_poll(cursor: str, *, at_once: bool = False, most: int = DEFAULT_BATCH) -> dict[str, Any]:
    """The body of a long poll (the shape of RFC 8936 section 2.4); ``cursor`` acknowledges all up to it."""
    return {"maxEvents": most, "returnImmediately": at_once, "ack": cursor}


@dataclass(frozen=True, slots=True)
class Poll:
    """What a long poll asks for."""

    cursor: str
    most: int
    at_once: bool


def read_poll(raw: bytes) -> Poll:
    """The hub's reading of it."""
    members = strict.an_object(strict.load(raw), "the poll")
    most = strict.a_number(members.get("maxEvents", DEFAULT_BATCH), "maxEvents", 1, MAX_DESCENT)
    cursor = strict.a_text(members.get("ack", ""), strict.CURSOR, "ack")
    return Poll(cursor=cursor, most=most, at_once=members.get("returnImmediately") is True)
