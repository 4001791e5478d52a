"""Sockets to Exchange: by own routes in place of DNS, through an HTTP proxy where one is configured, TLS under the shared context."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connector.errors import ConfigError, Problem
from connector.source.exchange.http11 import Conversation

Routes = Mapping[str, tuple[str, int]]
PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy on the way out; ``user`` and ``password`` for Basic, "" for none."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def fields(self) -> dict[str, str]:
        """What it wants to see of us."""
        if not self.user:
            return {}
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {token}"}


class ProxyRefused(Exception):
    """The proxy does not let the connection through."""


def direct() -> None:
    """No proxy."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How places are reached. ``proxy`` is asked at each dial, so that a new password counts from then on."""

    context: ssl.SSLContext
    routes: Routes = field(default_factory=dict)
    proxy: Callable[[], Proxy | None] = direct

    def dial(self, url: str, seconds: float) -> socket.socket:
        """A connection to the URL's host, TLS up where it is https.

        Raises:
            OSError, BrokenAnswer, ProxyRefused: there is no way.
        """
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        there = self.routes.get(host, (host, parts.port or PORTS[parts.scheme]))
        proxy = self.proxy()
        dialled = _connected(there, seconds) if proxy is None else _through(proxy, there, seconds)
        return _closing_on_failure(
            dialled,
            lambda one: (
                self.context.wrap_socket(one, server_hostname=host) if parts.scheme == "https" else one
            ),
        )


def _connected(place: tuple[str, int], seconds: float) -> socket.socket:
    dialled = socket.create_connection(place, seconds)
    dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return dialled


def _through(proxy: Proxy, there: tuple[str, int], seconds: float) -> socket.socket:
    """A tunnel (RFC 9110, 9.3.6): TLS, and with it every logon, is between Exchange and us alone."""
    parts = urlsplit(proxy.url)
    dialled = _connected((parts.hostname or "", parts.port or PORTS[parts.scheme]), seconds)

    def tunnelled(one: socket.socket) -> socket.socket:
        name = f"[{there[0]}]" if ":" in there[0] else there[0]
        target = f"{name}:{there[1]}"
        status = Conversation(one).ask("CONNECT", target, {"Host": target, **proxy.fields}).status
        if not 200 <= status < 300:
            raise ProxyRefused(f"{proxy.url} answers {status} to CONNECT {target}")
        return one

    return _closing_on_failure(dialled, tunnelled)


def _closing_on_failure(
    dialled: socket.socket, further: Callable[[socket.socket], socket.socket]
) -> socket.socket:
    try:
        return further(dialled)
    except BaseException:
        dialled.close()
        raise


def routes(resolve: Mapping[str, str]) -> Routes:
    """Read ``{"host": "address:port"}``; an IPv6 address stands in brackets.

    Raises:
        ConfigError: an entry is not of that form.
    """
    found = {}
    for host, target in resolve.items():
        address, _, port = target.rpartition(":")
        if not address or not port.isdigit():
            raise ConfigError((Problem(f"`resolve: {host}` is {target!r}: write it as address:port."),))
        found[host.lower()] = (address.strip("[]"), int(port))
    return found
