"""Where the hub is and how to get there: address, trust, proxy, credential."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from connector.errors import ConfigError, CredentialRefused, Problem
from connector.relay import wire
from connector.tls import trusting


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
    """As ``tls.trusting``, with a client certificate and its key. Raises ConfigError for unusable files."""
    context = trusting(ca, setting="hub.ca")
    if certificate:
        _show(context, certificate, key)
    return context


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        named = ", ".join(str(one) for one in (certificate, key) if one)
        sentence = f"hub: the client certificate can't be used ({named}): {error}"
        raise ConfigError((Problem(sentence),)) from error
