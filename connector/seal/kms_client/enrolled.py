"""The connector's own key towards the key service: enrolled there by fingerprint, derived here from a local key of the keystore."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

from connector.model import Clock
from connector.seal.kmswire.handshake import Binding
from connector.seal.kmswire.identity import Identity
from connector.seal.kmswire.messages import Credential

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256 (FIPS 186-5, SP 800-186)."""

_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_LIFE = timedelta(days=365 * 80)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """``connector.seal.kms_client.session.Credentials`` by key."""

    identity: Identity
    clock: Clock

    def handshake(self, binding: Binding) -> Credential:
        """With a proof that the key is ours."""
        return self.identity.credential(binding, self.clock())

    def request(self) -> Credential:
        """The public key alone: the ephemeral key proves the rest."""
        return self.identity.shown()


def identity_from(secret: bytes, instance: str) -> Identity:
    """The P-256 key that belongs to 32 random bytes, always the same, with a certificate of its own signing.

    The certificate states no more than the name: what the key service trusts is the fingerprint that a person enrolled.
    """
    wide = HKDF(hashes.SHA256(), 48, salt=None, info=b"calendar-connector kms identity").derive(secret)
    private = ec.derive_private_key(int.from_bytes(wide) % (_ORDER - 1) + 1, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, instance[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(_BEGINNING)
        .not_valid_after(_BEGINNING + _LIFE)
        .sign(private, hashes.SHA256())
    )
    return Identity(private, (certificate,))
