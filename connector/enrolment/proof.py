"""The key-bound credential: short-lived proofs, signed with a key that never leaves the appliance.

A proof is a JWS (RFC 7515) by Ed25519 (RFC 8037), presented as a bearer token. Its header names the key by its
thumbprint (RFC 7638); it says whose it is and when it was made. What the hub keeps opens nothing, and a proof that
somebody picks up is worth nothing after a few minutes.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

LIFE = timedelta(minutes=5)
"""How long a proof is good for."""
SKEW = timedelta(minutes=2)
"""So far the two clocks may be apart."""
LONGEST = 1024
PROOF = re.compile(r"[A-Za-z0-9_-]{1,400}\.[A-Za-z0-9_-]{1,400}\.[A-Za-z0-9_-]{86}")
PUBLIC = re.compile(r"[A-Za-z0-9_-]{43}")
"""A public key as it travels: 32 bytes, base64url."""

_TYPE = "calendar-connector+jwt"
_BEGIN = "-----BEGIN PRIVATE KEY-----"


class NotProved(Exception):
    """The proof is none: malformed, of another time, or not of that key."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says, not yet believed: which key, whose, made when."""

    key: str
    instance: str
    made: datetime
    signed: bytes
    signature: bytes


def new_key() -> str:
    """A fresh private key (PEM, PKCS #8); kept as a secret like any other."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def is_key(secret: str) -> bool:
    """Whether a secret is such a key, and not a token that was typed."""
    return secret.startswith(_BEGIN)


def public_of(private: str) -> str:
    """The public half. Raises NotProved for a secret that is no such key."""
    return _text(_opened(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def thumbprint(public: str) -> str:
    """The name of a public key (RFC 7638 over its JWK)."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}'
    return _text(hashlib.sha256(jwk.encode()).digest())


def prove(private: str, instance: str, now: datetime) -> str:
    """A proof that whoever sends it is ``instance``. Raises NotProved for a secret that is no such key."""
    key = _opened(private)
    header = {"alg": "EdDSA", "kid": thumbprint(public_of(private)), "typ": _TYPE}
    signed = f"{_part(header)}.{_part({'iat': int(now.timestamp()), 'iss': instance})}"
    return f"{signed}.{_text(key.sign(signed.encode()))}"


def read(proof: str) -> Proof:
    """What a proof says. Raises NotProved."""
    if len(proof) > LONGEST or not PROOF.fullmatch(proof):
        raise NotProved("no proof")
    signed, _, signature = proof.rpartition(".")
    header, claims = (_object(part) for part in signed.split("."))
    kid, made = header.get("kid"), claims.get("iat")
    if header.get("alg") != "EdDSA" or header.get("typ") != _TYPE or not isinstance(kid, str):
        raise NotProved("another kind")
    if isinstance(made, bool) or not isinstance(made, int) or not 0 <= made < 2**33:
        raise NotProved("no time")
    return Proof(
        kid, str(claims.get("iss")), datetime.fromtimestamp(made, UTC), signed.encode(), _bytes(signature)
    )


def check(proof: Proof, public: str, now: datetime) -> None:
    """Believe it. Raises NotProved when it is not of this key or not of these minutes."""
    if not -SKEW <= now - proof.made <= LIFE + SKEW:
        raise NotProved("of another time")
    try:
        Ed25519PublicKey.from_public_bytes(_bytes(public)).verify(proof.signature, proof.signed)
    except (InvalidSignature, ValueError):
        raise NotProved("not of this key") from None


def _opened(private: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(private.encode(), None)
    except (ValueError, TypeError):
        raise NotProved("no key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NotProved("another kind of key")
    return key


def _part(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _object(part: str) -> Mapping[str, Any]:
    try:
        value = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        raise NotProved("no JSON") from None
    if not isinstance(value, dict):
        raise NotProved("no object")
    return value


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise NotProved("no base64url") from None
