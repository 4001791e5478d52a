"""Connectors that speak by their own key, enrolled by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import verification

from connector.errors import ConfigError, Problem
from connector.kms.refusal import Refusal
from connector.kms.settings import ConnectorSettings
from connector.seal.kmswire.messages import Credential
from connector.seal.kmswire.static import read_chain, read_pin

PREFIX = "connector:"
"""Begins the user name of a connector; behind it stands the name of its table in kms.toml."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A connector's name and, where its chain has to lead to an authority, that one's certificates."""

    name: str
    roots: tuple[x509.Certificate, ...] = ()

    @property
    def user(self) -> str:
        """The user it is to the key server."""
        return PREFIX + self.name

    def check_chain(self, credential: Credential, now: datetime) -> None:
        """Raises Refusal 401 for a chain that does not lead to the authority or is not valid now (RFC 5280)."""
        chain = read_chain(credential.jwk or {})
        if chain and not _in_force(chain[0], now):
            raise Refusal(401, "The connector's certificate is not valid now.")
        if not self.roots:
            return
        verifier = verification.PolicyBuilder().store(verification.Store(list(self.roots))).time(now)
        try:
            leaf, *others = chain
            verifier.build_client_verifier().verify(leaf, others)
        except (verification.VerificationError, ValueError, UnsupportedAlgorithm) as error:
            raise Refusal(
                401, "The connector's certificate is not of the authority that is configured."
            ) from error


def _in_force(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def enrolled(connectors: Mapping[str, ConnectorSettings]) -> dict[str, Enrolled]:
    """By fingerprint. Raises ConfigError for a fingerprint that is none or stands twice, and for an unusable CA file."""
    found: dict[str, Enrolled] = {}
    for name, settings in connectors.items():
        try:
            pin = read_pin(settings.fingerprint)
        except ValueError as error:
            raise _problem(f"connectors.{name}.fingerprint: {error}") from error
        if pin in found:
            raise _problem(f"connectors.{name} and connectors.{found[pin].name} have one fingerprint.")
        found[pin] = Enrolled(name, _roots(settings.ca))
    return found


def _roots(ca: Path | None) -> tuple[x509.Certificate, ...]:
    if ca is None:
        return ()
    try:
        return tuple(x509.load_pem_x509_certificates(ca.read_bytes()))
    except (OSError, ValueError) as error:
        raise _problem(f"The CA file {ca} can't be used: {error}") from error


def _problem(sentence: str) -> ConfigError:
    return ConfigError((Problem(sentence),))
