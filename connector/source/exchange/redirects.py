"""Which hosts Autodiscover may be led to, and the memory of those an administrator has still to look at.

A redirect is followed to hosts of the trust list, to hosts under the mail domain itself, and to hosts an administrator
has allowed. Any other would be handed the service account's logon on the word of whoever answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol
from urllib.parse import urlsplit

from connector.errors import AccessDenied, MailboxMoved, Verdict

LIMIT = 100
CLOUD = (
    "office365.com",
    "office.com",
    "outlook.com",
    "outlook.de",
    "office365.us",
    "partner.outlook.cn",
    "onmicrosoft.com",
    "onmicrosoft.de",
    "onmicrosoft.us",
    "partner.onmschina.cn",
)
"""Domains of Exchange Online, national clouds included (Microsoft, "Office 365 URLs and IP address ranges")."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect that was not followed: where it would have led, and the first mail domain that met it."""

    host: str
    target: str
    domain: str
    seen_at: datetime


class PendingRedirects(Protocol):
    """Redirects that wait for an administrator, kept across restarts."""

    def record(self, redirect: Redirect) -> None:
        """Remember it; one of each host is enough."""

    def pending(self) -> tuple[Redirect, ...]:
        """Those not allowed yet."""

    def allowed(self) -> frozenset[str]:
        """Hosts that an administrator has allowed, lower-case."""

    def allow(self, host: str) -> bool:
        """Trust the host from now on; whether it was pending."""


class RememberedRedirects:
    """PendingRedirects in one setting of the store, through the two functions that read and write it."""

    def __init__(self, read: Callable[[], str | None], write: Callable[[str], None]) -> None:
        self._read = read
        self._write = write
        self._lock = Lock()

    def record(self, redirect: Redirect) -> None:
        """Remember it, unless its host is known already or too many wait."""
        with self._lock:
            pending, allowed = self._load()
            if redirect.host in pending or redirect.host in allowed or len(pending) >= LIMIT:
                return
            pending[redirect.host] = redirect
            self._save(pending, allowed)

    def pending(self) -> tuple[Redirect, ...]:
        """Those not allowed yet."""
        with self._lock:
            return tuple(self._load()[0].values())

    def allowed(self) -> frozenset[str]:
        """Hosts that an administrator has allowed, lower-case."""
        with self._lock:
            return frozenset(self._load()[1])

    def allow(self, host: str) -> bool:
        """Trust the host from now on; whether it was pending."""
        with self._lock:
            pending, allowed = self._load()
            was_pending = pending.pop(host.lower(), None) is not None
            self._save(pending, allowed | {host.lower()})
            return was_pending

    def _load(self) -> tuple[dict[str, Redirect], set[str]]:
        kept = json.loads(self._read() or "{}")
        pending = {
            host: Redirect(host, one["target"], one["domain"], datetime.fromisoformat(one["seen_at"]))
            for host, one in kept.get("pending", {}).items()
        }
        return pending, set(kept.get("allowed", ()))

    def _save(self, pending: dict[str, Redirect], allowed: set[str]) -> None:
        rows = {
            host: asdict(one) | {"seen_at": one.seen_at.isoformat()} for host, one in sorted(pending.items())
        }
        self._write(json.dumps({"pending": rows, "allowed": sorted(allowed)}))


@dataclass(frozen=True, slots=True)
class Trust:
    """Decides about redirects. ``hosts`` is ``autodiscover.trust`` of the configuration, lower-case."""

    hosts: frozenset[str]
    memory: PendingRedirects

    def check_url(self, url: str, domain: str, now: datetime) -> Verdict | None:
        """Why ``url`` may not be asked about addresses of ``domain``; None when it may.

        Anything but https is not trusted whatever its host: the answer could be forged.
        """
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if in_cloud(host):
            return MailboxMoved("moved-to-exchange-online", f"Autodiscover leads to {host}")
        if parts.scheme == "https" and self._trusted(host, domain):
            return None
        return self._refuse(Redirect(host, url, domain, now))

    def check_address(self, address: str, domain: str, now: datetime) -> Verdict | None:
        """Why the mailbox may not be looked for under ``address`` instead; None when it may."""
        target = domain_of(address)
        if in_cloud(target):
            return MailboxMoved("moved-to-exchange-online", f"Autodiscover leads to {target}")
        if target and self._trusted(target, domain):
            return None
        return self._refuse(Redirect(target, address, domain, now))

    def _trusted(self, host: str, domain: str) -> bool:
        return under(host, (domain,)) or host in self.hosts or host in self.memory.allowed()

    def _refuse(self, redirect: Redirect) -> Verdict:
        if redirect.host:
            self.memory.record(redirect)
        return AccessDenied("redirect-not-trusted", f"Autodiscover leads to {redirect.host or 'nowhere'}")


def in_cloud(host: str) -> bool:
    """Whether the host is Exchange Online's."""
    return under(host, CLOUD)


def under(host: str, domains: Collection[str]) -> bool:
    """Whether the host is one of the domains or below it."""
    host = host.rstrip(".").lower()
    return any(host == domain or host.endswith(f".{domain}") for domain in domains if domain)


def domain_of(address: str) -> str:
    """The mail domain of an SMTP address, lower-case; "" when it has none."""
    return address.rpartition("@")[2].strip().lower() if "@" in address else ""
