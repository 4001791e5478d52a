"""A client's own key as its credential: ``credential.jwk`` with x5c, enrolled at the key service by fingerprint. Pure.

The draft lets a server show a public key and does not say how it shows that the key is its own. Here the handshake carries a
``proof`` beside it: a JWS by that key over the key service, the handshake's fresh P-256 key and the requestId. Who holds the
private P-256 key and therefore the ephemeral key is then who holds the enrolled key, so later requests carry the jwk alone.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector.seal.kmswire import jose
from connector.seal.kmswire.handshake import Binding, read_point, write_point
from connector.seal.kmswire.messages import Credential
from connector.seal.kmswire.plain import a_number, broken, dump, load
from connector.seal.kmswire.static import fingerprint, read_chain, rsa_key

SKEW = timedelta(minutes=5)
"""How old a proof may be, and how far ahead."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """The client's side: a private key (RSA, or EC on P-256) and its certificate chain, own certificate first."""

    key: PrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def fingerprint(self) -> str:
        """What the key service's administrator enrols."""
        return fingerprint(self.key.public_key())

    def jwk(self) -> dict[str, Any]:
        """The public key with its chain."""
        public = self.key.public_key()
        der = [one.public_bytes(serialization.Encoding.DER) for one in self.chain]
        return {**_write_public(public), "x5c": [base64.b64encode(one).decode() for one in der]}

    def shown(self) -> Credential:
        """The credential of requests after the handshake."""
        return Credential(jwk=self.jwk())

    def credential(self, binding: Binding, now: datetime) -> Credential:
        """The credential of a handshake, with the proof."""
        proof = jose.prove(dump(_statement(binding, int(now.timestamp()))), jose.key_of(self.key))
        return Credential(jwk=self.jwk(), proof=proof)


def check_proof(credential: Credential, binding: Binding, now: datetime) -> str:
    """The key service's side: the fingerprint of the key that the client showed to hold. Raises Refused ``kms-broken``.

    Whether that fingerprint is enrolled is the caller's to know. Where a chain is there, its first certificate must be the key's.
    """
    if credential.jwk is None or not credential.proof:
        raise broken("a handshake by key needs its proof")
    public = read_public(credential.jwk)
    statement = load(jose.verify_proof(credential.proof, jose.key_of(public)))
    at = a_number(statement.get("iat"), "iat", 0, 2**40)
    if dict(statement) != _statement(binding, at):
        raise broken("the proof is for another handshake")
    if abs(now.timestamp() - at) > SKEW.total_seconds():
        raise broken("the proof is not of now; compare the clocks")
    return fingerprint(public)


def read_public(jwk: Mapping[str, Any]) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """The public key of a credential; its fingerprint names a client in later requests. Raises Refused."""
    public = rsa_key(jwk) if jwk.get("kty") == "RSA" else read_point(jwk)
    chain = read_chain(jwk)
    if chain and chain[0].public_key() != public:
        raise broken("the key is not the certificate's")
    return public


def _statement(binding: Binding, at: int) -> dict[str, Any]:
    return {"aud": binding.audience, "jkt": binding.thumbprint, "jti": binding.request_id, "iat": at}


def _write_public(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> dict[str, Any]:
    if isinstance(public, ec.EllipticCurvePublicKey):
        return dict(write_point(public))
    return {
        name: str(value) for name, value in jose.key_of(public).as_dict().items() if name in {"kty", "n", "e"}
    }
