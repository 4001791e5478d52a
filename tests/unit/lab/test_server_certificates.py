"""The lab's authority."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from tests.lab.exchange.certificates import Authority

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_certificate_is_good_for_its_names_and_loopback(tmp_path: Path) -> None:
    """Host names and addresses are alternative names; the authority's signature verifies."""
    authority = Authority(tmp_path, NOW)
    issued = authority.issue(["mail.example.com", "127.0.0.2"], NOW)
    certificate = x509.load_der_x509_certificate(issued.der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mail.example.com", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == [
        "127.0.0.2",
        "127.0.0.1",
    ]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.path.read_bytes()))


def test_an_expired_certificate_has_expired(tmp_path: Path) -> None:
    """On demand its life ended before now."""
    issued = Authority(tmp_path, NOW).issue([], NOW, expired=True)
    assert x509.load_der_x509_certificate(issued.der).not_valid_after_utc < NOW


def test_private_keys_are_private(tmp_path: Path) -> None:
    """Nobody else reads the key's file."""
    assert Authority(tmp_path, NOW).issue([], NOW).path.stat().st_mode & 0o077 == 0
