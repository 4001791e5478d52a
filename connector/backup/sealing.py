"""A sealed stream: any number of bytes for any number of recipients, and not one of them believed before it is proved.

::

    calendar-connector backup 1          and a line's end
    length of the header, 4 bytes        {"recipients": [JWE, ...]}
    chunks of 1 MiB, each AES-256-GCM

Each recipient's JWE (RFC 7516, compact; RSA-OAEP-256 or ECDH-ES+A256KW, A256GCM) holds the stream's random key. A
chunk's nonce is its number and whether it is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and
Vizár, 2015), so that chunks can't be exchanged, repeated or left out; the header's digest is bound into each.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509 import load_pem_x509_certificate
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from connector.errors import UserError

MAGIC = b"calendar-connector backup 1\n"
CHUNK = 1024 * 1024
HEADER_LIMIT = 1024 * 1024
RECIPIENTS = 20
LEAST_RSA_BITS = 2048

_TAG = 16
_ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]
_DAMAGED = "the backup is damaged or was altered; nothing was restored"

Key = RSAKey | ECKey


class NeedsPassword(UserError):
    """The private key is itself encrypted."""


def recipient(pem: bytes, name: str) -> Key:
    """A public key or certificate to seal to. Raises UserError."""
    try:
        if b"BEGIN CERTIFICATE" in pem:
            public = load_pem_x509_certificate(pem).public_key()
        else:
            public = load_pem_public_key(pem)  # type: ignore[assignment]
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{name} is no public key or certificate in PEM form") from None
    plain = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= LEAST_RSA_BITS:
        return RSAKey.import_key(plain)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return ECKey.import_key(plain)
    raise UserError(
        f"{name} can't be sealed to; take an RSA key of {LEAST_RSA_BITS} bits or more, or an EC key"
    )


def opener(pem: bytes, name: str, password: bytes | None = None) -> Key:
    """The private key of a recipient. Raises UserError, NeedsPassword for one that asks for a password."""
    try:
        private = load_pem_private_key(pem, password)
    except TypeError:
        raise NeedsPassword(f"{name} asks for its password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(f"{name} is no private key in PEM form, or its password is another") from None
    plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    if isinstance(private, rsa.RSAPrivateKey):
        return RSAKey.import_key(plain)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return ECKey.import_key(plain)
    raise UserError(f"{name} is neither an RSA nor an EC key")


class Sealed:
    """A file to write to; what is written is sealed. ``close`` makes it whole."""

    def __init__(self, out: BinaryIO, recipients: Sequence[Key]) -> None:
        key = os.urandom(32)
        header = json.dumps({"recipients": [_wrapped(key, one) for one in recipients]}).encode()
        self._out = out
        self._chunks = _Chunks(key, header)
        self._waiting = bytearray()
        out.write(MAGIC + len(header).to_bytes(4, "big") + header)

    def write(self, data: bytes) -> int:
        """Take bytes; whole chunks go out at once."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._out.write(self._chunks.seal(bytes(self._waiting[:CHUNK]), last=False))
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write the last chunk, without which the file is worth nothing."""
        self._out.write(self._chunks.seal(bytes(self._waiting), last=True))
        self._waiting.clear()


class Opened:
    """A sealed file to read from. Raises UserError at the first byte that is not what was sealed."""

    def __init__(self, source: BinaryIO, key: Key, name: str) -> None:
        if source.read(len(MAGIC)) != MAGIC:
            raise UserError(f"{name} is no backup of calendar-connector")
        length = int.from_bytes(source.read(4), "big")
        header = source.read(length) if length <= HEADER_LIMIT else b""
        self._chunks = _Chunks(_unwrapped(header, key, name), header)
        self._source = source
        self._ready = bytearray()
        self._next: bytes | None = source.read(CHUNK + _TAG)

    def read(self, count: int = CHUNK) -> bytes:
        """At most ``count`` bytes; b"" at the proved end."""
        while len(self._ready) < count and self._next is not None:
            self._fill()
        given = bytes(self._ready[:count])
        del self._ready[:count]
        return given

    def _fill(self) -> None:
        """One chunk; the last is the one after which nothing follows, and must have been sealed as the last."""
        chunk, following = self._next or b"", self._source.read(CHUNK + _TAG)
        self._next = following or None
        self._ready += self._chunks.open(chunk, last=not following)


class _Chunks:
    """Numbers, nonces and what is bound into each chunk."""

    def __init__(self, key: bytes, header: bytes) -> None:
        self._cipher = AESGCM(key)
        self._bound = hashlib.sha256(MAGIC + header).digest()
        self._number = 0

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), chunk, self._bound)

    def open(self, chunk: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(last=last), chunk, self._bound)
        except (InvalidTag, ValueError):
            raise UserError(_DAMAGED) from None

    def _nonce(self, *, last: bool) -> bytes:
        self._number += 1
        return self._number.to_bytes(11, "big") + bytes([last])


def _wrapped(content_key: bytes, key: Key) -> str:
    algorithm = "RSA-OAEP-256" if isinstance(key, RSAKey) else "ECDH-ES+A256KW"
    return jwe.encrypt_compact({"alg": algorithm, "enc": "A256GCM"}, content_key, key, algorithms=_ALGORITHMS)


def _unwrapped(header: bytes, key: Key, name: str) -> bytes:
    try:
        wrapped = json.loads(header)["recipients"][:RECIPIENTS]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UserError(_DAMAGED) from None
    for one in wrapped:
        try:
            content_key = jwe.decrypt_compact(str(one), key, algorithms=_ALGORITHMS).plaintext
        except (JoseError, ValueError, TypeError):
            continue
        if content_key is not None and len(content_key) == 32:
            return content_key
    raise UserError(f"{name} is not sealed to this key")
