"""Where mailboxes live: the fixed address of the configuration, or Autodiscover.

Addresses are asked about 100 at a time, mail domain by mail domain. The places to ask are Microsoft's ("Generate a list
of Autodiscover endpoints"): the mail domain, its ``autodiscover`` host, where that host's plain HTTP redirects to, and
the SRV record; SOAP first, POX where a host does not serve it. What worked is remembered for a day. Nothing is locked
while the network is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urljoin

from connector.errors import AccessDenied, MailboxMoved, Scope, Transient, Verdict
from connector.model import Clock, Identity, Location, Mailbox
from connector.source.exchange import autodiscover, pox
from connector.source.exchange.autodiscover import BATCH, Answer, Settings, ToAddress, ToUrl
from connector.source.exchange.errors import http_verdict
from connector.source.exchange.redirects import Trust, domain_of, in_cloud
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.transport import XML, Letter, Reply

REDIRECTS = 10
"""Redirects of one address, of either kind, before it is given up (Microsoft: "Limit redirections to 10")."""

REMEMBERED = 50_000
"""Mailboxes whose address is remembered at most; it is only there to save questions."""

SOAP_PATH = "/autodiscover/autodiscover.svc"
POX_PATH = "/autodiscover/autodiscover.xml"
MOVED = {301, 302, 303, 307, 308}


class Post(Protocol):
    """The part of ``transport.Exchange`` that is needed here."""

    def send(self, letter: Letter) -> Reply:
        """One HTTP request and its answer; raises verdicts."""


Services = Callable[[str], Sequence[str]]
"""Host names, with a port where it is not 443, of an SRV record such as ``_autodiscover._tcp.example.com``; best first."""


def no_services(_: str) -> Sequence[str]:
    """SRV records are not asked for."""
    return ()


@dataclass(frozen=True, slots=True)
class Ages:
    """In seconds: how long an Autodiscover address is used (``keep``), and how long one answer is trusted (``trusted``).

    An Autodiscover address younger than ``trusted`` is kept even if it fails: the fault will pass.
    """

    keep: float = 86_400.0
    trusted: float = 3_600.0


@dataclass(frozen=True, slots=True)
class _Ask:
    """One address on its way: ``wanted`` is what the caller asked for, ``address`` and ``url`` where redirects have led."""

    wanted: str
    address: str
    url: str = ""
    seen: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    @property
    def domain(self) -> str:
        return domain_of(self.address)


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """An address that has answered, or was named in an answer, and since when it is known."""

    url: str
    since: float


class Directory:
    """Tells where mailboxes of one source live. Thread-safe; two threads may search at once."""

    def __init__(
        self,
        settings: ExchangeSettings,
        post: Post,
        trust: Trust,
        clock: Clock,
        services: Services = no_services,
        ages: Ages | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._post = post
        self._trust = trust
        self._clock = clock
        self._services = services
        self._ages = ages or Ages()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, _Endpoint] = {}
        self._served_by: dict[str, _Endpoint] = {}

    def endpoint(self, mailbox: Mailbox) -> str:
        """The EWS address that serves a mailbox: the fixed one, the one of its location, or what Autodiscover says.

        Raises:
            Verdict: Autodiscover does not know.
        """
        if self._settings.url:
            return self._settings.url
        if mailbox.location:
            return mailbox.location.endpoint
        with self._lock:
            known = self._served_by.get(mailbox.address)
        if known and self._monotonic() - known.since < self._ages.trusted:
            return known.url
        answer = self.locate([mailbox.address])[mailbox.address]
        if isinstance(answer, Verdict):
            raise answer
        if answer.location is None:
            raise AccessDenied("address-unknown", f"{mailbox.address} has no place")
        return answer.location.endpoint

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Where the addresses live: an entry for each, what is known or why it is not. Opens no mailbox."""
        if self._settings.url:
            location = Location(self._settings.url, self._settings.url)
            return {address: Identity(address.lower(), "", location) for address in addresses}
        found: dict[str, Identity | Verdict] = {}
        asks = [_Ask(address, address.strip().lower()) for address in addresses]
        for _ in range(REDIRECTS + 1):
            asks = self._round(asks, found)
        for ask in asks:
            found[ask.wanted] = Transient("bad-answer", f"Autodiscover redirects more than {REDIRECTS} times")
        self._learn(found)
        return found

    # --- one round: every open question once

    def _round(self, asks: Sequence[_Ask], found: dict[str, Identity | Verdict]) -> list[_Ask]:
        """Ask; fill in what is settled and return what was redirected."""
        redirected = []
        for batch in _batches(asks):
            for ask, answer in zip(batch, self._answers(batch), strict=True):
                outcome = self._settle(ask, answer)
                if isinstance(outcome, _Ask):
                    redirected.append(outcome)
                else:
                    found[ask.wanted] = outcome
        return redirected

    def _settle(self, ask: _Ask, answer: Answer) -> Identity | Verdict | _Ask:
        match answer:
            case Settings():
                return _identity(ask, answer)
            case ToUrl(url):
                refusal = self._trust.check_url(url, ask.domain, self._clock())
                return refusal or _follow(ask, replace(ask, url=url))
            case ToAddress(address):
                refusal = self._trust.check_address(address, ask.domain, self._clock())
                return refusal or _follow(ask, replace(ask, address=address.strip().lower(), url=""))
        return answer

    def _answers(self, batch: Sequence[_Ask]) -> Sequence[Answer]:
        """An answer for each of a batch that shares mail domain and URL."""
        domain, url = batch[0].domain, batch[0].url
        if not domain:
            return [AccessDenied("address-unknown", "not an address")] * len(batch)
        if in_cloud(domain):
            return [MailboxMoved("moved-to-exchange-online", domain)] * len(batch)
        addresses = [ask.address for ask in batch]
        try:
            return self._ask(url, addresses) if url else self._search(domain, addresses)
        except Verdict as verdict:
            return [verdict] * len(batch)

    # --- finding somebody who answers

    def _search(self, domain: str, addresses: Sequence[str]) -> Sequence[Answer]:
        """Ask the address that is known to answer for the domain, else one candidate after the other.

        Raises:
            Verdict: the last candidate's, or at once the account's refusal or a redirect that is not trusted.
        """
        known = self._known_endpoint(domain)
        if known:
            try:
                return self._ask(known.url, addresses)
            except Transient:
                if self._monotonic() - known.since < self._ages.trusted:
                    raise
                self._forget(domain, known)
        return self._search_afresh(domain, addresses)

    def _search_afresh(self, domain: str, addresses: Sequence[str]) -> Sequence[Answer]:
        last: Verdict = Transient("unreachable", f"no Autodiscover for {domain}", scope=Scope.SERVER)
        for base in self._bases(domain):
            for url in (base + SOAP_PATH, base + POX_PATH):
                try:
                    answers = self._ask(url, addresses)
                except Verdict as verdict:
                    if verdict.scope is Scope.SOURCE:
                        raise
                    last = verdict
                    if verdict.code in {"unreachable", "timeout", "tls-untrusted", "tls-expired"}:
                        break
                else:
                    self._remember(domain, url)
                    return answers
        raise last

    def _bases(self, domain: str) -> Iterator[str]:
        """Places to ask, in order; the last two are looked up only when the first two have not answered."""
        yield f"https://{domain}"
        yield f"https://autodiscover.{domain}"
        if target := self._plain_redirect(domain):
            yield target
        for host in self._services(f"_autodiscover._tcp.{domain}"):
            base = f"https://{host}"
            if refusal := self._trust.check_url(base, domain, self._clock()):
                raise refusal
            yield base

    def _plain_redirect(self, domain: str) -> str:
        """Where http://autodiscover.DOMAIN points, "" when nowhere. No credentials go there.

        Raises:
            Verdict: to a host that is not trusted, or to Exchange Online.
        """
        url = f"http://autodiscover.{domain}{POX_PATH}"
        try:
            reply = self._post.send(Letter(url, method="GET", authenticated=False))
        except Transient:
            return ""
        target = urljoin(url, reply.headers.get("Location", "")) if reply.status in MOVED else ""
        if not target:
            return ""
        if refusal := self._trust.check_url(target, domain, self._clock()):
            raise refusal
        return "/".join(target.split("/", 3)[:3])

    # --- one request

    def _ask(self, url: str, addresses: Sequence[str]) -> Sequence[Answer]:
        """The answers of one address about a batch of users of one domain; URLs that end in .xml are POX.

        Raises:
            Verdict: it did not answer, or not as Autodiscover does.
        """
        if url.lower().partition("?")[0].endswith(".xml"):
            return [self._ask_pox(url, address) for address in addresses]
        headers = {
            "Content-Type": XML,
            "SOAPAction": f'"{autodiscover.ACTION}"',
            "X-AnchorMailbox": addresses[0],
        }
        reply = self._send(Letter(url, autodiscover.request(url, addresses), headers=headers))
        if target := _redirect_of(reply, url):
            return [ToUrl(target)] * len(addresses)
        return autodiscover.answers(reply.body, len(addresses))

    def _ask_pox(self, url: str, address: str) -> Answer:
        headers = {"Content-Type": XML, "X-AnchorMailbox": address}
        reply = self._send(Letter(url, pox.request(address), headers=headers))
        if target := _redirect_of(reply, url):
            return ToUrl(target)
        return pox.answer(reply.body)

    def _send(self, letter: Letter) -> Reply:
        reply = self._post.send(letter)
        if reply.status == 200 or reply.status in MOVED:
            return reply
        raise http_verdict(reply.status, reply.headers, reply.body)

    # --- what is known of a domain

    def _learn(self, found: Mapping[str, Identity | Verdict]) -> None:
        now = self._monotonic()
        with self._lock:
            if len(self._served_by) > REMEMBERED:
                self._served_by.clear()
            for address, answer in found.items():
                if isinstance(answer, Identity) and answer.location:
                    self._served_by[address] = _Endpoint(answer.location.endpoint, now)
                else:
                    self._served_by.pop(address, None)

    def _known_endpoint(self, domain: str) -> _Endpoint | None:
        with self._lock:
            known = self._known.get(domain)
            fresh = known is not None and self._monotonic() - known.since < self._ages.keep
            return known if fresh else None

    def _remember(self, domain: str, url: str) -> None:
        with self._lock:
            self._known[domain] = _Endpoint(url, self._monotonic())

    def _forget(self, domain: str, known: _Endpoint) -> None:
        with self._lock:
            if self._known.get(domain) == known:
                del self._known[domain]


def _identity(ask: _Ask, settings: Settings) -> Identity | Verdict:
    host = settings.ews_url.partition("://")[2].partition("/")[0].partition(":")[0]
    if in_cloud(host):
        return MailboxMoved("moved-to-exchange-online", f"the mailbox is served by {host}")
    group = f"{settings.grouping} {settings.ews_url}".strip()
    return Identity(settings.address or ask.address, settings.user_dn, Location(settings.ews_url, group))


def _follow(before: _Ask, after: _Ask) -> _Ask | Verdict:
    """The redirected question, unless it was asked before."""
    seen = before.seen | {(before.address, before.url)}
    if (after.address, after.url) in seen:
        return Transient("bad-answer", "Autodiscover redirects in a circle")
    return replace(after, seen=seen)


def _batches(asks: Iterable[_Ask]) -> Iterator[list[_Ask]]:
    """At most 100 questions of one mail domain to one URL."""
    alike: dict[tuple[str, str], list[_Ask]] = {}
    for ask in asks:
        alike.setdefault((ask.domain, ask.url), []).append(ask)
    for same in alike.values():
        yield from (same[start : start + BATCH] for start in range(0, len(same), BATCH))


def _redirect_of(reply: Reply, url: str) -> str:
    """Where an HTTP redirect leads, "" when it is none."""
    location = _header(reply.headers, "Location")
    return urljoin(url, location) if reply.status in MOVED and location else ""


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
