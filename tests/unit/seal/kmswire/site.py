"""A key service and a client of it, for the tests of the wire: keys made once, nothing but the wire's own functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from connector.seal.kmswire import handshake, signed
from connector.seal.kmswire.handshake import Credentials
from connector.seal.kmswire.messages import Credential, Method, Request
from connector.seal.kmswire.sealed import EphemeralKey
from connector.seal.kmswire.static import StaticKey

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOST = "kms.example.com"
KEY_URI = f"kms://{HOST}/ecdhe/one"
BEARER = Credential(bearer="TOKEN")


@cache
def rsa_private(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same number."""
    return rsa.generate_private_key(65537, bits)


def authority(name: str = "Example Root", number: int = 1) -> x509.Certificate:
    """A root certificate of ``rsa_private(number)``."""
    key = rsa_private(number)
    return (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def certificate(
    public: rsa.RSAPublicKey, host: str = HOST, issuer: str = "Example Root", number: int = 1
) -> x509.Certificate:
    """A certificate for ``public``, signed by ``rsa_private(number)``."""
    key = rsa_private(number)
    return (
        _builder(host, issuer, public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _builder(name: str, issuer: str, public: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=30))
        .not_valid_after(NOW + timedelta(days=365))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    no = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"),
        False,
    )
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=signs, crl_sign=signs, decipher_only=False, **no
    )


@cache
def service_key() -> StaticKey:
    """The service's static key with its chain."""
    key = rsa_private(0)
    return StaticKey(f"kms://{HOST}", key, (certificate(key.public_key()),))


def bearer(_binding: handshake.Binding) -> Credential:
    """A credential by token."""
    return BEARER


def agreed(credentials: Credentials = bearer) -> tuple[EphemeralKey, EphemeralKey]:
    """Both sides' ephemeral key after a whole handshake: the client's and the service's."""
    static = service_key()
    pending = handshake.make_offer(static.public, "client-1", credentials, "request-1")
    offer = handshake.open_offer(pending.token, static)
    token, theirs = handshake.answer_offer(
        offer, static, uri=KEY_URI, user_id="u-1", created=NOW, expires=NOW + timedelta(hours=1)
    )
    ours = handshake.agree(pending, signed.open_signed(token, static.public), static.public)
    return ours, theirs


def request(request_id: str = "request-2", uri: str = "/keys", **members: object) -> Request:
    """A request as the client would write it."""
    return Request(Method.CREATE, uri, request_id, "client-1", BEARER, members)


def other_service() -> StaticKey:
    """A service that pretends to be the same."""
    return replace(service_key(), key=rsa_private(2))


@cache
def client_private() -> ec.EllipticCurvePrivateKey:
    """A client's own key."""
    return ec.generate_private_key(ec.SECP256R1())
