"""The keystore's file, as data: what is in it, how it is sealed, how it is read without believing it.

The file is JSON in one canonical spelling (sorted keys, one space of indentation), so that a byte that differs is
always found out::

    {"check": …, "deleted": {name: last version}, "format": 1, "id": …,
     "records": {name: {"digest": …, "nonce": …, "sealed": …, "set_at": …, "version": n}}, "seal": …}

``id`` is random and salts every derived key (HKDF-SHA-256, RFC 5869). ``check`` tells whether a master key is the
right one. A record is sealed by AES-256-GCM with id, name, version and date as associated data; ``digest`` (SHA-256)
lets damage be found without any key. ``seal`` is an HMAC over everything else, so that records can't be exchanged,
dropped or brought back from an older file one by one. Versions of a name are never given out twice, not even after
the name was deleted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.errors import KeystoreError

FORMAT = 1
MASTER_BYTES = 32
FILE_LIMIT = 8 * 1024 * 1024
VALUE_LIMIT = 64 * 1024
NAMES_LIMIT = 1000
LOCAL = "local/"
"""Names below this prefix are keys of our own; people neither set nor delete them."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*){0,3}")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Secret:
    """An opened record; the value never shows in a repr."""

    name: str
    version: int
    set_at: datetime
    value: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The value as text, for passwords and tokens. Raises KeystoreError when it is none."""
        try:
            return self.value.decode()
        except UnicodeDecodeError:
            raise KeystoreError(
                f"The secret {self.name} is no text; type it again: calendar-connector secret set {self.name}"
            ) from None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a record without opening it. ``digest`` changes whenever the record does."""

    name: str
    version: int
    set_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Record:
    """A sealed secret."""

    name: str
    version: int
    set_at: datetime
    nonce: bytes
    sealed: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 over everything in the record."""
        parts = [self.name, self.version, self.set_at.strftime(_TIME), _text(self.nonce), _text(self.sealed)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def entry(self) -> Entry:
        """The part that needs no key."""
        return Entry(self.name, self.version, self.set_at, self.digest)


@dataclass(frozen=True, slots=True)
class Document:
    """All that the file says; ``seal`` is b"" until the document is written."""

    id: bytes
    check: bytes
    records: Mapping[str, Record]
    deleted: Mapping[str, int]
    seal: bytes = b""

    def next_version(self, name: str) -> int:
        """The number that the next value of this name gets."""
        record = self.records.get(name)
        return 1 + (record.version if record else self.deleted.get(name, 0))

    def body(self) -> bytes:
        """The canonical spelling of everything but the seal."""
        return _spell(_plain(self))

    def to_bytes(self) -> bytes:
        """The file."""
        return _spell({**_plain(self), "seal": _text(self.seal)})


class Sealer:
    """What one master key does for one keystore."""

    def __init__(self, master: bytes, keystore_id: bytes) -> None:
        self._id = keystore_id
        self._cipher = AESGCM(_derive(master, keystore_id, "records"))
        self._file_key = _derive(master, keystore_id, "file")
        self.check = _derive(master, keystore_id, "check")[:16]

    def seal(self, name: str, version: int, set_at: datetime, value: bytes) -> Record:
        """Seal a value under a fresh nonce."""
        nonce = os.urandom(12)
        sealed = self._cipher.encrypt(nonce, value, self._bound(name, version, set_at))
        return Record(name, version, set_at, nonce, sealed)

    def open(self, record: Record) -> Secret:
        """The inverse; raises KeystoreError when the record is not what was sealed."""
        bound = self._bound(record.name, record.version, record.set_at)
        try:
            value = self._cipher.decrypt(record.nonce, record.sealed, bound)
        except InvalidTag:
            raise KeystoreError(f"The secret {record.name} was tampered with and was not opened.") from None
        return Secret(record.name, record.version, record.set_at, value)

    def close(self, records: Mapping[str, Record], deleted: Mapping[str, int]) -> Document:
        """Make the whole document, sealed."""
        bare = Document(self._id, self.check, records, deleted)
        return Document(self._id, self.check, records, deleted, self._mac(bare))

    def fits(self, document: Document) -> bool:
        """Whether the document was sealed under this master key."""
        return hmac.compare_digest(self.check, document.check)

    def vouches_for(self, document: Document) -> bool:
        """Whether the document is as it was written."""
        return hmac.compare_digest(self._mac(document), document.seal)

    def _mac(self, document: Document) -> bytes:
        return hmac.digest(self._file_key, document.body(), "sha256")

    def _bound(self, name: str, version: int, set_at: datetime) -> bytes:
        return json.dumps([_text(self._id), name, version, set_at.strftime(_TIME)]).encode()


def check_name(name: str) -> None:
    """Refuse what can't be the name of a record."""
    if len(name) > 200 or not _NAME.fullmatch(name):
        raise KeystoreError(
            "The name of a secret consists of letters, digits and . _ - in up to four parts divided by /,"
            " such as exchange/hq/a."
        )


def parse(data: bytes, where: str) -> Document:
    """Read the file. Raises KeystoreError with one sentence, which never repeats what stands in the file."""
    damaged = KeystoreError(f"The keystore {where} is damaged; put it back from a backup.")
    try:
        plain = json.loads(data)
        number = plain["format"]
        if isinstance(number, int) and number > FORMAT:
            raise KeystoreError(
                f"The keystore {where} was written by a newer version of calendar-connector; install that version."
            )
        document = _document(plain)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged from None
    if number != FORMAT or document.to_bytes() != data:
        raise damaged
    return document


def _document(plain: Any) -> Document:
    records = {name: _record(name, fields) for name, fields in plain["records"].items()}
    deleted = {str(name): int(version) for name, version in plain["deleted"].items()}
    return Document(_bytes(plain["id"]), _bytes(plain["check"]), records, deleted, seal=_bytes(plain["seal"]))


def _record(name: str, fields: Any) -> Record:
    set_at = datetime.strptime(fields["set_at"], _TIME).replace(tzinfo=UTC)
    return Record(name, int(fields["version"]), set_at, _bytes(fields["nonce"]), _bytes(fields["sealed"]))


def _plain(document: Document) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": _text(document.id),
        "check": _text(document.check),
        "deleted": dict(document.deleted),
        "records": {name: _plain_record(record) for name, record in document.records.items()},
    }


def _plain_record(record: Record) -> dict[str, Any]:
    return {
        "version": record.version,
        "set_at": record.set_at.strftime(_TIME),
        "digest": record.digest,
        "nonce": _text(record.nonce),
        "sealed": _text(record.sealed),
    }


def _spell(plain: Mapping[str, Any]) -> bytes:
    return json.dumps(plain, indent=1, sort_keys=True).encode() + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _derive(master: bytes, salt: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt, b"calendar-connector keystore " + purpose.encode()).derive(master)
