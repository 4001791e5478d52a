"""The lab's own certification authority and the server certificates it signs."""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Where a server certificate with its key lies (one PEM file), and the DER form clients bind their logon to."""

    path: Path
    der: bytes

    @property
    def end_point(self) -> bytes:
        """Its `tls-server-end-point` channel binding (RFC 5929, section 4.1; the signature's hash is SHA-256)."""
        return b"tls-server-end-point:" + hashlib.sha256(self.der).digest()


class Authority:
    """A certification authority that lives in one directory; `path` is the file clients trust."""

    def __init__(self, directory: Path, now: datetime) -> None:
        """Make a fresh authority, valid from a day before `now`."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab Exchange Authority")])
        self.path = directory / "ca.pem"
        certificate = self._sign(self._name, self._key.public_key(), now, AUTHORITY_LIFE, _authority_marks())
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, names: list[str], now: datetime, *, expired: bool = False) -> ServerCertificate:
        """A server certificate for host names and addresses; 127.0.0.1 and localhost are always among them."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "localhost")])
        start = now - SERVER_LIFE - timedelta(days=2) if expired else now
        alternative = x509.SubjectAlternativeName([_general(name) for name in _with_loopback(names)])
        marks: list[tuple[x509.ExtensionType, bool]] = [
            (alternative, False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        ]
        certificate = self._sign(subject, key.public_key(), start, SERVER_LIFE, marks)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        path = self._directory / f"server-{certificate.serial_number:x}.pem"
        path.touch(mode=0o600)
        path.write_bytes(_private(key) + pem)
        return ServerCertificate(path, certificate.public_bytes(serialization.Encoding.DER))

    def _sign(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        start: datetime,
        life: timedelta,
        marks: list[tuple[x509.ExtensionType, bool]],
    ) -> x509.Certificate:
        own = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start - timedelta(days=1))
            .not_valid_after(start + life)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
        for mark, critical in marks:
            builder = builder.add_extension(mark, critical=critical)
        return builder.sign(self._key, hashes.SHA256())


def _authority_marks() -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return [(x509.BasicConstraints(ca=True, path_length=0), True), (usage, True)]


def _with_loopback(names: list[str]) -> list[str]:
    return list(dict.fromkeys([*names, "localhost", "127.0.0.1"]))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
