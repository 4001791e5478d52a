"""The kinds of token of the protocol, each with its own algorithms, by joserfc. Pure.

========================  =============================  =====================================
handshake offer           JWE                            RSA-OAEP, A256GCM; kid of the static key
signed message            JWS                            PS256 or RS256; kid of the static key
sealed message            JWE                            dir, A256GCM; kid is the ephemeral key's URI
proof of a client's key   JWS                            PS256, RS256 or ES256 (``identity``)
========================  =============================  =====================================

``zip`` and ``crit`` are never taken (a peer's ``zip`` inflates without bound in some libraries).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, OctKey, RSAKey

from connector.errors import Refused
from connector.seal.kmswire.plain import MAX_MESSAGE, an_object, broken, load

MAX_OFFER = 64 * 1024
"""Characters of the longest handshake offer."""

MAX_SIGNED = 64 * 1024
"""Characters of the longest signed message."""

MAX_SEALED = MAX_MESSAGE
"""Characters of the longest sealed message."""

OFFER = ("RSA-OAEP", "A256GCM")
SEALED = ("dir", "A256GCM")
SIGNED = ("PS256", "RS256")
PROOF = ("PS256", "RS256", "ES256")

_PART = re.compile(r"[A-Za-z0-9_-]*")
_MAX_HEADER = 2048
_JOSE_FAULTS = (JoseError, ValueError, TypeError, KeyError, AttributeError, UnsupportedAlgorithm)
"""What joserfc and cryptography raise for foreign bytes; a test feeds them all kinds."""


class _Encryption(jwe.JWERegistry):
    """joserfc's own limit of 64 KiB is too small for a list of keys."""

    max_protected_header_length = _MAX_HEADER
    max_ciphertext_length = MAX_SEALED

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


class _Signature(jws.JWSRegistry):
    max_header_length = _MAX_HEADER
    max_payload_length = MAX_SIGNED

    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)


_OFFERS = _Encryption(OFFER)
_SEALINGS = _Encryption(SEALED)
_SIGNATURES = _Signature(SIGNED)
_PROOFS = _Signature(PROOF)


def header_of(token: str, parts: int, most: int) -> Mapping[str, Any]:
    """The protected header, not yet authenticated, of a compact token of ``parts`` parts and at most ``most`` characters.

    Raises Refused ``kms-broken``; also for parts that are not strict base64url and for zip and crit.
    """
    if len(token) > most:
        raise broken(f"{len(token)} characters are more than {most}")
    pieces = token.split(".", parts)
    if len(pieces) != parts or not all(_PART.fullmatch(piece) for piece in pieces):
        raise broken(f"no compact token of {parts} parts")
    if len(pieces[0]) > _MAX_HEADER:
        raise broken("the header is too long")
    try:
        header = an_object(load(_decode(pieces[0])), "the header")
    except (Refused, binascii.Error) as error:
        raise broken("the header is no JSON object") from error
    if "zip" in header or "crit" in header:
        raise broken("zip and crit are not taken")
    return header


def key_of(
    key: rsa.RSAPrivateKey | rsa.RSAPublicKey | ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey,
    parameters: KeyParameters | None = None,
) -> RSAKey | ECKey:
    """Cryptography's key as joserfc's, handed to its constructor as it is.

    ``import_key`` wants a JWK or PEM, which a security module's key can't be written as, and would parse it anew for each message.
    """
    kind = RSAKey if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey) else ECKey
    return kind(key, key, parameters)  # type: ignore[arg-type]


def encrypt_offer(clear: bytes, static: rsa.RSAPublicKey, kid: str) -> str:
    """A handshake offer for the holder of the static key."""
    header = {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": kid}
    return jwe.encrypt_compact(header, clear, key_of(static), registry=_OFFERS)


def decrypt_offer(token: str, static: rsa.RSAPrivateKey, kid: str) -> bytes:
    """The offer in clear. ``static`` may be a security module's key that follows cryptography's interface."""
    _check(header_of(token, 5, MAX_OFFER), kid, "RSA-OAEP", "A256GCM")
    return _decrypted(token, key_of(static), _OFFERS)


def encrypt_sealed(clear: bytes, secret: bytes, kid: str) -> str:
    """A message under an ephemeral key."""
    header = {"alg": "dir", "enc": "A256GCM", "kid": kid}
    return jwe.encrypt_compact(header, clear, OctKey.import_key(secret), registry=_SEALINGS)


def decrypt_sealed(token: str, secret: bytes, kid: str) -> bytes:
    """The message in clear."""
    _check(header_of(token, 5, MAX_SEALED), kid, "dir", "A256GCM")
    if token.split(".", 2)[1]:
        raise broken("an encrypted key beside dir")
    return _decrypted(token, OctKey.import_key(secret), _SEALINGS)


def sign(payload: bytes, static: rsa.RSAPrivateKey, kid: str, algorithm: str = "PS256") -> str:
    """A signed message; ``algorithm`` is one of SIGNED."""
    header = {"alg": algorithm, "kid": kid}
    return jws.serialize_compact(header, payload, key_of(static), registry=_SIGNATURES)


def verify(token: str, static: rsa.RSAPublicKey, kid: str) -> bytes:
    """The payload, if the holder of the static key signed it."""
    header = header_of(token, 3, MAX_SIGNED)
    if header.get("kid") != kid or header.get("alg") not in SIGNED:
        raise broken("signed under another kid or with another algorithm")
    return _verified(token, key_of(static), _SIGNATURES)


def prove(payload: bytes, key: RSAKey | ECKey) -> str:
    """A statement signed by a client's own key."""
    algorithm = "ES256" if isinstance(key, ECKey) else "PS256"
    return jws.serialize_compact({"alg": algorithm}, payload, key, registry=_PROOFS)


def verify_proof(token: str, key: RSAKey | ECKey) -> bytes:
    """The statement, if the holder of the client's key signed it."""
    header_of(token, 3, MAX_SIGNED)
    return _verified(token, key, _PROOFS)


def _check(header: Mapping[str, Any], kid: str, alg: str, enc: str) -> None:
    """Libraries compare neither kid nor that the algorithm is the one of this kind of message."""
    if (header.get("kid"), header.get("alg"), header.get("enc")) != (kid, alg, enc):
        raise broken("sealed under another kid or with another algorithm")


def _decrypted(token: str, key: RSAKey | ECKey | OctKey, registry: jwe.JWERegistry) -> bytes:
    try:
        clear = jwe.decrypt_compact(token, key, registry=registry).plaintext
    except _JOSE_FAULTS as error:
        raise broken("it can't be opened") from error
    return clear or b""


def _verified(token: str, key: RSAKey | ECKey, registry: jws.JWSRegistry) -> bytes:
    try:
        return jws.deserialize_compact(token, key, registry=registry).payload
    except _JOSE_FAULTS as error:
        raise broken("the signature does not fit") from error


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encode(raw: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(part: str, what: str, most: int) -> bytes:
    """The inverse, for one member of a message; strict, at most ``most`` bytes."""
    if len(part) > most * 2 or not _PART.fullmatch(part):
        raise broken(f"{what} is not base64url of at most {most} bytes")
    try:
        return _decode(part)
    except binascii.Error as error:
        raise broken(f"{what} is not base64url") from error
