"""What an Exchange source is told by the configuration, and the two things it is lent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Literal, Protocol

from connector.source.exchange.dialling import Proxy, direct

Scheme = Literal["ntlm", "negotiate", "basic"]
StreamMode = Literal["grouped", "per-mailbox", "off"]

VERSION = version("calendar-connector")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one source. Times are in seconds, sizes in bytes.

    ``requests`` is the most requests a second, over all work together.
    ``workers`` is how many requests to one endpoint may be under way at once; streams are counted apart.
    ``answer`` is the longest a whole answer may take, ``silence`` the longest pause inside one.
    """

    requests: float = 1000.0
    workers: int = 16
    streams: int = 150
    connect: float = 10.0
    silence: float = 95.0
    answer: float = 120.0
    body: int = 64 * 1024 * 1024
    session_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Account:
    """A further service account; ``user`` and ``password`` as in ExchangeSettings."""

    user: str
    password: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    r"""One Exchange organisation as configured.

    ``url`` is the fixed EWS address, None where Autodiscover finds it; ``trust`` are the hosts it may lead to.
    ``user`` is ``name@domain`` or ``DOMAIN\name``. ``password`` returns the current secret, "" when there is none;
    it is asked at every logon, so that a changed password needs no restart. ``others`` take over, in this order, where
    it is refused. ``ca`` is a PEM bundle, None for the
    system's. ``resolve`` maps a host to "address:port" in place of DNS; TLS is still verified against the host.
    ``proxy`` is asked at each new connection.
    """

    name: str
    instance: str
    user: str
    password: Callable[[], str] = field(repr=False)
    url: str | None = None
    trust: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    auth: Scheme = "ntlm"
    ca: Path | None = None
    resolve: Mapping[str, str] = field(default_factory=dict)
    stream: StreamMode = "grouped"
    limits: Limits = field(default_factory=Limits)
    others: tuple[Account, ...] = ()
    proxy: Callable[[], Proxy | None] = direct

    @property
    def user_agent(self) -> str:
        """By this name the Exchange team finds us in its logs (operating.md, "Network, time, traces")."""
        return f"calendar-connector/{VERSION} ({self.instance})"


class RefusedSecrets(Protocol):
    """Remembers, across restarts, which password versions an account was refused with."""

    def refused(self, account: str, fingerprint: str) -> bool:
        """Whether this version was refused before."""

    def mark(self, account: str, fingerprint: str) -> None:
        """Remember that it was refused; the fingerprint does not give the password away."""


class ForgetfulRefusals:
    """Refused versions for as long as the process lives; for tests and one-shot commands."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def refused(self, account: str, fingerprint: str) -> bool:
        """Whether this version was refused before."""
        return (account, fingerprint) in self._seen

    def mark(self, account: str, fingerprint: str) -> None:
        """Remember that it was refused."""
        self._seen.add((account, fingerprint))
