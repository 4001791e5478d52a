"""Which hosts and ports have to be open, from the configuration and from what Autodiscover told so far. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

COLUMNS = ("to", "port", "purpose")


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One rule for a firewall, outbound from this machine."""

    to: str
    port: str
    purpose: str

    def row(self) -> tuple[str, ...]:
        """In the order of ``COLUMNS``."""
        return astuple(self)


def to_url(url: str, purpose: str) -> Opening:
    """Host and port of an address."""
    parts = urlsplit(url)
    ports = {"https": 443, "http": 80, "ldaps": 636}
    return Opening(parts.hostname or "", f"tcp/{parts.port or ports.get(parts.scheme, 443)}", purpose)


def autodiscover(domain: str, trusted: Iterable[str]) -> Iterator[Opening]:
    """The places that are asked, and those a redirect may lead to."""
    yield Opening(domain, "tcp/443", f"Autodiscover of {domain}")
    yield Opening(f"autodiscover.{domain}", "tcp/443", f"Autodiscover of {domain}")
    yield Opening(
        f"autodiscover.{domain}", "tcp/80", f"Autodiscover of {domain}: redirect, without credentials"
    )
    yield from (Opening(host, "tcp/443", f"Autodiscover of {domain}, trusted") for host in trusted)


def always(*, kerberos: bool) -> Iterator[Opening]:
    """What every installation needs."""
    yield Opening("DNS servers", "udp/53, tcp/53", "names")
    yield Opening("NTP servers", "udp/123", "the clock: off by more than 60 s is a fault")
    if kerberos:
        yield Opening("domain controllers", "udp/88, tcp/88", "Kerberos, with auth: negotiate")
