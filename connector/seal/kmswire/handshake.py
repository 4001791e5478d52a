"""The handshake: a fresh P-256 key on either side, ECDH, HKDF-SHA256 (draft section "Create Ephemeral Key"). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import ECKey

from connector.seal.kmswire import jose, uris
from connector.seal.kmswire.messages import (
    Answer,
    Credential,
    Method,
    Request,
    a_small_object,
    answers,
    read_request,
    write_request,
)
from connector.seal.kmswire.plain import LINE, URI, a_text, a_time, an_object, broken, malformed, write_time
from connector.seal.kmswire.sealed import EphemeralKey
from connector.seal.kmswire.signed import sign
from connector.seal.kmswire.static import StaticKey, StaticPublic

_CURVE = ec.SECP256R1()
_COORDINATE_BYTES = 32
COLLECTION = "ecdhe"


@dataclass(frozen=True, slots=True)
class Binding:
    """What a credential may be bound to: this key service, this handshake's key (RFC 7638 thumbprint), this request."""

    audience: str
    thumbprint: str
    request_id: str


Credentials = Callable[[Binding], Credential]
"""Makes the credential of one handshake: ``lambda _: Credential(bearer=...)``, or ``identity.Identity.credential``."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A client's handshake that is not answered yet. The private key is used once."""

    request_id: str
    client_id: str
    token: str = field(repr=False)
    private: ec.EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Offer:
    """A handshake as the key service opened it; the credential in ``request`` is still to be verified (``binding`` for a proof)."""

    request: Request
    public: ec.EllipticCurvePublicKey = field(repr=False)
    binding: Binding


# --- client ------------------------------------------------------------------------------------


def make_offer(static: StaticPublic, client_id: str, credentials: Credentials, request_id: str) -> Pending:
    """Begin a handshake with a trusted static key; ``request_id`` is fresh and random."""
    private = ec.generate_private_key(_CURVE)
    jwk = write_point(private.public_key())
    host = uris.host_of(static.kid)
    request = Request(
        method=Method.CREATE,
        uri=uris.write(host, uris.Target(COLLECTION)),
        request_id=request_id,
        client_id=client_id,
        credential=credentials(Binding(f"kms://{host}", thumbprint(jwk), request_id)),
        members={"jwk": jwk},
    )
    token = jose.encrypt_offer(write_request(request), static.key, static.kid)
    return Pending(request_id, client_id, token, private)


def agree(pending: Pending, answer: Answer, static: StaticPublic) -> EphemeralKey:
    """The ephemeral key, from a verified answer (``signed.open_signed``) with status 201. Raises Refused ``kms-malformed``."""
    answers(answer, pending.request_id)
    if answer.status != 201:
        raise malformed("the handshake was not accepted")
    key = an_object(answer.members.get("key"), "key")
    uri = a_text(key.get("uri"), "key.uri", URI)
    if uris.read_target(uri, uris.host_of(static.kid)).collection != COLLECTION:
        raise malformed("key.uri is no ephemeral key")
    return EphemeralKey(
        uri=uri,
        secret=derive(pending.private, read_point(a_small_object(key.get("jwk"), "key.jwk"))),
        expires=a_time(key.get("expirationDate"), "expirationDate"),
        user_id=a_text(key["userId"], "userId", LINE) if key.get("userId") else "",
        client_id=pending.client_id,
    )


# --- key service -------------------------------------------------------------------------------


def open_offer(token: str, static: StaticKey) -> Offer:
    """Open a handshake. Raises Refused: ``kms-broken`` (answer with a reset), ``kms-malformed`` (a signed 400)."""
    request = read_request(jose.decrypt_offer(token, static.key, static.kid))
    host = uris.host_of(static.kid)
    target = uris.read_target(request.uri, host)
    if request.method is not Method.CREATE or target != uris.Target(COLLECTION):
        raise malformed("only a handshake is sealed to the static key")
    jwk = a_small_object(request.members.get("jwk"), "jwk")
    public = read_point(jwk)
    return Offer(
        request, public, Binding(f"kms://{host}", thumbprint(write_point(public)), request.request_id)
    )


def answer_offer(
    offer: Offer,
    static: StaticKey,
    *,
    uri: str,
    user_id: str,
    created: datetime,
    expires: datetime,
    algorithm: str = "PS256",
) -> tuple[str, EphemeralKey]:
    """The signed answer and the key that was agreed on, for an offer whose credential was verified.

    ``uri`` is new and random, ``kms://host/ecdhe/ID``. A refusal goes out by ``signed.sign`` with its status.
    """
    private = ec.generate_private_key(_CURVE)
    key = {
        "uri": uri,
        "jwk": write_point(private.public_key()),
        "userId": user_id,
        "clientId": offer.request.client_id,
        "createDate": write_time(created),
        "expirationDate": write_time(expires),
    }
    answer = Answer(201, offer.request.request_id, members={"key": key})
    agreed = EphemeralKey(uri, derive(private, offer.public), expires, user_id, offer.request.client_id)
    return sign(answer, static, algorithm), agreed


# --- both --------------------------------------------------------------------------------------


def derive(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> bytes:
    """ECDH's x coordinate through HKDF-SHA256 without salt and info: 32 bytes."""
    shared = private.exchange(ec.ECDH(), public)
    return HKDF(hashes.SHA256(), 32, salt=None, info=None).derive(shared)


def write_point(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The JWK of a P-256 key."""
    numbers = public.public_numbers()
    x, y = (jose.encode(one.to_bytes(_COORDINATE_BYTES)) for one in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def read_point(jwk: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """The inverse; a ``d`` that some clients send along is not looked at. Raises Refused ``kms-malformed``, also for a point off the curve."""
    if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
        raise malformed("the handshake's key is not on P-256")
    x, y = (_coordinate(jwk.get(name), name) for name in ("x", "y"))
    try:
        return ec.EllipticCurvePublicNumbers(x, y, _CURVE).public_key()
    except ValueError as error:
        raise malformed("the point is not on the curve") from error


def _coordinate(value: Any, name: str) -> int:
    octets = jose.decode(value, name, _COORDINATE_BYTES) if isinstance(value, str) else b""
    if len(octets) != _COORDINATE_BYTES:
        raise broken(f"{name} is no coordinate")
    return int.from_bytes(octets)


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638."""
    members = {name: jwk[name] for name in ("kty", "crv", "x", "y")}
    return ECKey.import_key(members).thumbprint()
