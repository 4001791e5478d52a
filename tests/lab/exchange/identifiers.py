"""Item and folder ids, ChangeKeys and SyncStates: opaque to clients, readable to us.

Ids look like Exchange's: base64, case-sensitive, 152 characters, beginning with AAMk. What is signed can't be made up, and an id
whose letters changed their case is refused.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.lab.exchange.call import ResponseFault

EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

_HEAD = b"\x00\x03\x24"
_MIDDLE = b"\x00\x2e\x00\x00\x00\x00\x00"
_TAIL = struct.Struct(">BIq")  # kind, serial, original start in microseconds since 1601 (or -1)
_SIGNATURE = 12
_FILLING = 42
_KEY = struct.Struct(">8s16sIH")
_STATE = struct.Struct(">36sIQQ")

ITEM = 1
FOLDER = 2


@dataclass(frozen=True, slots=True)
class Identifier:
    """What an id says: the mailbox's guid, item or folder, its number, and for an occurrence its original start."""

    guid: str
    kind: int
    serial: int
    original: datetime | None = None

    def __str__(self) -> str:
        """The id as clients see it."""
        filling = hashlib.shake_128(f"{self.guid}/{self.kind}".encode()).digest(_FILLING)
        body = (
            _HEAD
            + self.guid.encode()
            + _MIDDLE
            + filling
            + _TAIL.pack(self.kind, self.serial, _micros(self.original))
        )
        return base64.b64encode(body + _signature(body)).decode()


def parse(text: str) -> Identifier:
    """The identifier behind an id. Raises ResponseFault ErrorInvalidIdMalformed."""
    raw = _decode(text)
    body, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
    if not body.startswith(_HEAD) or _signature(body) != signature:
        raise ResponseFault("ErrorInvalidIdMalformed", "Id is malformed.")
    kind, serial, micros = _TAIL.unpack(body[-_TAIL.size :])
    guid = body[len(_HEAD) : len(_HEAD) + 36].decode()
    return Identifier(guid, kind, serial, None if micros < 0 else EPOCH + timedelta(microseconds=micros))


def change_key(guid: str, version: int) -> str:
    """The ChangeKey of version `version` of an item; every write makes another one."""
    raw = _KEY.pack(b"\x0f\x00\x00\x00\x16\x00\x00\x00", bytes.fromhex(guid.replace("-", "")), version, 0x3D)
    return base64.b64encode(raw).decode()


def parse_change_key(text: str) -> int:
    """The version behind a ChangeKey. Raises ResponseFault ErrorInvalidChangeKey."""
    try:
        head, _, version, tail = _KEY.unpack(base64.b64decode(text, validate=True))
    except (struct.error, binascii.Error):
        head, version, tail = b"", 0, 0
    if not head.startswith(b"\x0f") or tail != 0x3D:
        raise ResponseFault("ErrorInvalidChangeKey", "The change key is invalid.")
    return int(version)


@dataclass(frozen=True, slots=True)
class SyncState:
    """A bookmark in a mailbox's changes: `seen` up to which version, `base` where the running pass began.

    `generation` lets the lab expire all bookmarks of a mailbox at once.
    """

    guid: str
    generation: int
    base: int
    seen: int

    def __str__(self) -> str:
        """The SyncState as clients see it."""
        body = _STATE.pack(self.guid.encode(), self.generation, self.base, self.seen)
        return "H4sIAAA" + base64.b64encode(body + _signature(body)).decode()


def parse_state(text: str) -> SyncState:
    """The bookmark behind a SyncState. Raises ResponseFault ErrorInvalidSyncStateData."""
    try:
        raw = base64.b64decode(text.removeprefix("H4sIAAA"), validate=True)
        guid, generation, base, seen = _STATE.unpack(raw[:-_SIGNATURE])
    except (struct.error, binascii.Error):
        raise ResponseFault(
            "ErrorInvalidSyncStateData", "The synchronization state data is corrupt."
        ) from None
    if raw[-_SIGNATURE:] != _signature(raw[:-_SIGNATURE]):
        raise ResponseFault("ErrorInvalidSyncStateData", "The synchronization state data is corrupt.")
    return SyncState(guid.decode(), generation, base, seen)


def _decode(text: str) -> bytes:
    if not text:
        raise ResponseFault("ErrorInvalidIdEmpty", "Id must be non-empty.")
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != len(_HEAD) + 36 + len(_MIDDLE) + _FILLING + _TAIL.size + _SIGNATURE:
        raise ResponseFault("ErrorInvalidIdMalformed", "Id is malformed.")
    return raw


def _signature(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_SIGNATURE, key=b"calendar lab").digest()


def _micros(original: datetime | None) -> int:
    return -1 if original is None else (original - EPOCH) // timedelta(microseconds=1)
