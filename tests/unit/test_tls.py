"""Whom connections trust, and what a refused certificate is called."""

import ssl
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.tls import tls_code, trusting


def test_missing_ca_file_is_the_administrators_mistake(tmp_path: Path) -> None:
    """The sentence names the setting, the file, and what to do."""
    with pytest.raises(ConfigError, match=r"hub\.ca: there is no .*none\.pem; name an existing PEM file"):
        trusting(tmp_path / "none.pem", setting="hub.ca")


def test_file_without_certificates_is_the_administrators_mistake(tmp_path: Path) -> None:
    """What is no PEM file is said to be none."""
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ConfigError, match="file of PEM certificates"):
        trusting(tmp_path / "empty.pem", setting="hub.ca")


def test_old_tls_is_refused_and_names_are_checked() -> None:
    """Nothing below TLS 1.2, and no certificate of somebody else."""
    context = trusting(None, setting="hub.ca")
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)


def refused(code: int) -> ssl.SSLCertVerificationError:
    """What OpenSSL says of a certificate."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


@pytest.mark.parametrize(
    ("code", "reason"), [(10, "tls-expired"), (18, "tls-untrusted"), (62, "tls-untrusted")]
)
def test_certificate_is_found_among_the_causes(code: int, reason: str) -> None:
    """Libraries wrap the error; X509_V_ERR_CERT_HAS_EXPIRED is told apart, as another remedy belongs to it."""
    outer = ConnectionError("no connection")
    outer.__cause__ = refused(code)
    assert (tls_code(outer), tls_code(refused(code))) == (reason, reason)


def test_other_errors_are_not_about_certificates() -> None:
    """A refused connection has no certificate to blame, and a circle of causes ends."""
    first, second = ConnectionError("a"), ConnectionError("b")
    first.__cause__, second.__cause__ = second, first
    assert (tls_code(ConnectionResetError()), tls_code(first)) == (None, None)
