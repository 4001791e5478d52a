"""Whom a connection of ours trusts, and what a refused certificate is called; the same towards every peer."""

from __future__ import annotations

import ssl
from pathlib import Path

from connector.errors import ConfigError, Problem

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
_MOST_CAUSES = 10


def trusting(ca: Path | None, *, setting: str) -> ssl.SSLContext:
    """A client's context of TLS 1.2 or newer that trusts the PEM file ``ca``, or the system's authorities.

    ``setting`` is where an administrator wrote the file's name (``sources.hq.ca``).

    Raises:
        ConfigError: the file is missing or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except FileNotFoundError:
        raise ConfigError((Problem(f"{setting}: there is no {ca}; name an existing PEM file."),)) from None
    except (OSError, ssl.SSLError) as error:
        sentence = (
            f"{setting}: {ca} can't be used ({error}); it has to be a readable file of PEM certificates."
        )
        raise ConfigError((Problem(sentence),)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_code(error: BaseException) -> str | None:
    """The reason code when a certificate is what keeps a connection from being made, anywhere in the chain of causes."""
    seen: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "tls-expired" if seen.verify_code == _EXPIRED else "tls-untrusted"
        if seen is None:
            return None
        seen = seen.__cause__ or seen.__context__
    return None
