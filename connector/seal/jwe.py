"""Compact JWE with a direct key (RFC 7516, RFC 7518 section 4.5): dir and A256GCM, nothing else, and no zip.

Assembled by hand on AES-GCM because a window of meetings is tens of thousands of small fields; the tests hold it
against two JOSE libraries.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from secrets import token_bytes
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import Refused, Scope

MAX_TOKEN = 4 * 1024 * 1024
"""Characters of the longest token that is looked at."""

_IV_BYTES = 12
_TAG_BYTES = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_text = json.encoder.encode_basestring_ascii
"""One JSON string."""

_PART = re.compile(r"[A-Za-z0-9_-]*")


def encrypt(clear: bytes, secret: bytes, header: Mapping[str, object]) -> str:
    """Seal ``clear``; ``header``, which says more than alg and enc, stands readable in the token and is bound to it."""
    protected = _base64(_protected(header)).translate(_URL_SAFE)
    iv = token_bytes(_IV_BYTES)
    sealed = _cipher(secret).encrypt(iv, clear, protected)
    parts = (protected, b"", _base64(iv), _base64(sealed[:-_TAG_BYTES]), _base64(sealed[-_TAG_BYTES:]))
    return b".".join(parts).translate(_URL_SAFE).decode()


def read_header(token: str) -> Mapping[str, Any]:
    """The protected header, not yet authenticated. Raises Refused ``seal-broken``."""
    return _header(_split(token)[0])


def decrypt(token: str, secret: bytes) -> tuple[Mapping[str, Any], bytes]:
    """The authenticated header and the clear text. Raises Refused ``seal-broken`` for whatever is not exactly ours."""
    protected, encrypted_key, iv, ciphertext, tag = _split(token)
    header = _header(protected)
    if header.get("alg") != "dir" or header.get("enc") != "A256GCM" or encrypted_key:
        raise broken("not dir with A256GCM")
    if "zip" in header or "crit" in header:
        raise broken("zip and crit are not taken")
    nonce, check = _decode(iv), _decode(tag)
    if len(nonce) != _IV_BYTES or len(check) != _TAG_BYTES:
        raise broken("iv or tag of a wrong length")
    try:
        return header, AESGCM(secret).decrypt(nonce, _decode(ciphertext) + check, protected.encode())
    except InvalidTag as error:
        raise broken("the tag does not fit") from error


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a clear text or header. Raises Refused ``seal-broken``."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise broken("not JSON") from error
    if not isinstance(value, dict):
        raise broken("no JSON object")
    return value


def broken(detail: str) -> Refused:
    """The verdict for a ciphertext that is not what it should be."""
    return Refused("seal-broken", detail, scope=Scope.ITEM)


def _split(token: str) -> list[str]:
    parts = token.split(".", 5) if len(token) <= MAX_TOKEN else []
    if len(parts) != 5:
        raise broken("no compact JWE")
    return parts


def _header(protected: str) -> dict[str, Any]:
    return parse_object(_decode(protected))


@lru_cache(maxsize=8)
def _cipher(secret: bytes) -> AESGCM:
    """The fields of a meeting follow each other under one key; a handful of workers, a handful of keys."""
    return AESGCM(secret)


def _protected(header: Mapping[str, object]) -> bytes:
    """The header's JSON; text after text, because an encoder for each object costs more than all the rest."""
    written = '{"alg":"dir","enc":"A256GCM"'
    for name, value in header.items():
        written += f",{_text(name)}:{_text(value) if isinstance(value, str) else json.dumps(value)}"
    return f"{written}}}".encode()


def _encode(raw: bytes) -> str:
    return _base64(raw).translate(_URL_SAFE).decode()


def _base64(raw: bytes) -> bytes:
    """Without padding, in the alphabet that ``_URL_SAFE`` makes that of RFC 4648 section 5."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=")


def _decode(part: str) -> bytes:
    """Strict base64url without padding (RFC 7515 section 2): one text for one value, so that tokens can't be varied."""
    if not _PART.fullmatch(part):
        raise broken("not base64url")
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise broken("not base64url") from error
    if _encode(raw) != part:
        raise broken("base64url with loose bits")
    return raw
