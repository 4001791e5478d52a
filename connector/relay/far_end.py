"""Where the hub is and how to get there: address, trust, proxy, credential."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from connector.errors import ConfigError, CredentialRefused, Problem
from connector.relay import wire


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; ``user`` and ``password`` for Basic, both "" for none. ``url`` holds neither."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    def with_credentials(self) -> str:
        """The URL with user and password in it, as libraries take it."""
        if not self.user:
            return self.url
        parts = urlsplit(self.url)
        user = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


@dataclass(frozen=True, slots=True)
class FarEnd:
    """A hub.

    ``credential`` gives the present bearer token, None when there is none; it is asked at each request, so that a
    new one counts at once. With ``certified`` a client certificate in ``tls`` stands for it.
    """

    url: str
    instance: str
    version: str
    tls: ssl.SSLContext
    credential: Callable[[], str | None] = field(repr=False)
    proxy: Callable[[], Proxy | None] = field(default=lambda: None, repr=False)
    certified: bool = False

    def headers(self, run: str) -> dict[str, str]:
        """What every request carries. Raises CredentialRefused ``credential-missing``."""
        headers = {"User-Agent": f"calendar-connector/{self.version} ({self.instance})"}
        if run:
            headers[wire.RUN_HEADER] = run
        token = self.credential()
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif not self.certified:
            raise CredentialRefused("credential-missing")
        return headers

    def at(self, path: str, *, scheme: str = "") -> str:
        """The URL of a path of the protocol; ``scheme`` replaces http by ws."""
        base = self.url.rstrip("/")
        return (f"{scheme}{base.removeprefix('http')}" if scheme else base) + path


def tls_context(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """TLS 1.2 or newer, the system's authorities or those of one PEM file. Raises ConfigError for unusable files."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(one) for one in (ca, certificate, key) if one)
        raise ConfigError(
            (Problem(f"The certificate files of the hub can't be used ({named}): {error}"),)
        ) from error
    return context


def tls_code(error: BaseException) -> str | None:
    """The reason code when a certificate is what keeps a connection from being made, anywhere in the chain of causes."""
    seen: BaseException | None = error
    for _ in range(10):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "tls-expired" if seen.verify_code == _EXPIRED else "tls-untrusted"
        if seen is None:
            return None
        seen = seen.__cause__ or seen.__context__
    return None


_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""
