"""A server's certificate as an administrator knows it, and what its dates mean today. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificate:
    """``thumbprint`` is SHA-1 in capital hex digits, as Exchange and Windows show it."""

    names: tuple[str, ...]
    issuer: str
    starts: datetime
    ends: datetime
    thumbprint: str

    def soon(self, now: datetime, warning: timedelta) -> bool:
        """Whether it ends within the time of warning."""
        return now < self.ends <= now + warning

    def days(self, now: datetime) -> int:
        """Whole days until it ends; negative when it has ended."""
        return (self.ends - now).days


def read(der: bytes) -> Certificate:
    """What a certificate in DER form says. Raises ValueError when it is none."""
    found = x509.load_der_x509_certificate(der)
    return Certificate(
        names=_names(found),
        issuer=_issuer(found.issuer),
        starts=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
        thumbprint=found.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - a name, not a proof
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = found.get_values_for_type(x509.IPAddress)
    return (*found.get_values_for_type(x509.DNSName), *map(str, addresses))


def _issuer(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()
