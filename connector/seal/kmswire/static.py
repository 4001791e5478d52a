"""The key service's static RSA key, and how a client comes to trust it: by its certificate's chain, or by a pin. Pure.

The key itself may come from anyone (discovery, the hub, the service): what counts is that it leads to an anchor
that stands in the client's own configuration.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification

from connector.seal.kmswire import jose
from connector.seal.kmswire.plain import URI, a_list, a_text, broken, load
from connector.seal.kmswire.uris import host_of

MAX_CHAIN = 8
_MAX_CERTIFICATE = 16 * 1024
_LEAST_BITS, _MOST_BITS = 2048, 8192
_MOST_EXPONENT = 2**32
_CERTIFICATE_FAULTS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for bytes that are almost a certificate."""

_PIN = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class StaticKey:
    """The private side. ``key`` may be a security module's, if it follows cryptography's RSAPrivateKey (decrypt and sign)."""

    kid: str
    key: rsa.RSAPrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def public(self) -> StaticPublic:
        """What clients get."""
        return StaticPublic(self.kid, self.key.public_key(), self.chain)


@dataclass(frozen=True, slots=True)
class StaticPublic:
    """The public side: ``kid`` is a kms: URI with the service's host, ``chain`` begins with the key's own certificate."""

    kid: str
    key: rsa.RSAPublicKey
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a client's own configuration says of its key service: the host, and certificate authorities or pins (either is enough).

    ``pins`` are fingerprints of the static key as ``fingerprint`` writes them.
    """

    host: str
    roots: tuple[x509.Certificate, ...] = ()
    pins: frozenset[str] = frozenset()


def fingerprint(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    """``sha256:`` and the hex digest of the SubjectPublicKeyInfo: ``openssl pkey -pubin -outform DER | sha256sum`` shows the same."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(spki).hexdigest()}"


def read_pin(text: str) -> str:
    """A fingerprint as people write it, with or without prefix and colons. Raises ValueError."""
    prefix, _, rest = text.strip().lower().rpartition("sha256:")
    found = _PIN.fullmatch(rest.replace(":", ""))
    if prefix or not found:
        raise ValueError("a fingerprint is sha256: and 64 hexadecimal digits")
    return f"sha256:{found[1]}"


def trusted(static: StaticPublic, anchor: Anchor, now: datetime) -> StaticPublic:
    """The same, if it is the key of the anchor's host. Raises Refused ``kms-broken``.

    A pinned key needs no certificate. Otherwise the chain must lead to one of the roots (RFC 5280; the leaf needs a subject
    alternative name and an authority key identifier) and be valid now, and the key must be the certificate's.
    """
    if host_of(static.kid) != anchor.host.lower():
        raise broken("the static key is of another host")
    if any(hmac.compare_digest(fingerprint(static.key), pin) for pin in anchor.pins):
        return static
    if not anchor.roots or not static.chain:
        raise broken("the static key is neither pinned nor certified")
    _check_chain(static, anchor, now)
    return static


def _check_chain(static: StaticPublic, anchor: Anchor, now: datetime) -> None:
    leaf, *others = static.chain
    if leaf.public_key() != static.key:
        raise broken("the static key is not the certificate's")
    builder = verification.PolicyBuilder().store(verification.Store(list(anchor.roots))).time(now)
    try:
        builder.build_server_verifier(_subject(anchor.host)).verify(leaf, others)
    except (verification.VerificationError, *_CERTIFICATE_FAULTS) as error:
        raise broken(f"the static key's certificate is not trusted: {error}") from error


def _subject(host: str) -> x509.DNSName | x509.IPAddress:
    name = host.rpartition(":")[0] if re.search(r":\d+\Z", host) else host
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write_static(static: StaticPublic) -> dict[str, Any]:
    """The JWK as clients fetch it: without use and alg, which would keep node-jose from using it for both purposes."""
    numbers = static.key.public_numbers()
    chain = [base64.b64encode(one.public_bytes(serialization.Encoding.DER)).decode() for one in static.chain]
    jwk = {"kty": "RSA", "kid": static.kid, "n": _number(numbers.n), "e": _number(numbers.e)}
    return {**jwk, "x5c": chain} if chain else jwk


def read_static(raw: bytes) -> StaticPublic:
    """The client's reading of such a JWK; nothing is trusted yet (``trusted``). Raises Refused."""
    members = load(raw)
    if members.get("kty") != "RSA":
        raise broken("the static key is no RSA key")
    kid = a_text(members.get("kid"), "kid", URI)
    host_of(kid)
    return StaticPublic(kid, rsa_key(members), read_chain(members))


def rsa_key(members: Mapping[str, Any]) -> rsa.RSAPublicKey:
    """The public key in a JWK of kty RSA, of 2,048 to 8,192 bits. Raises Refused."""
    number = int.from_bytes(_octets(members, "n"))
    exponent = int.from_bytes(_octets(members, "e"))
    if not _LEAST_BITS <= number.bit_length() <= _MOST_BITS or exponent > _MOST_EXPONENT:
        raise broken("an RSA key of a size that is not taken")
    try:
        return rsa.RSAPublicNumbers(exponent, number).public_key()
    except ValueError as error:
        raise broken("no RSA key") from error


def read_chain(members: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
    """The certificates of ``x5c`` (standard base64 of DER, RFC 7517 section 4.7), at most 8. Raises Refused."""
    texts = a_list(members.get("x5c", []), "x5c")
    if len(texts) > MAX_CHAIN:
        raise broken("x5c is too long")
    return tuple(_certificate(text) for text in texts)


def _certificate(text: Any) -> x509.Certificate:
    if not isinstance(text, str) or len(text) > _MAX_CERTIFICATE:
        raise broken("x5c holds no certificate")
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
        certificate.public_key()
    except (*_CERTIFICATE_FAULTS, binascii.Error) as error:
        raise broken("x5c holds no certificate") from error
    return certificate


def _octets(members: Mapping[str, Any], name: str) -> bytes:
    value = members.get(name)
    if not isinstance(value, str):
        raise broken(f"{name} is missing")
    return jose.decode(value, name, _MOST_BITS // 8 + 1)


def _number(value: int) -> str:
    return jose.encode(value.to_bytes(-(-value.bit_length() // 8)))
