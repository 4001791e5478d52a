"""The doctor's instruments on Exchange, made of the adapter: connections of their own, the daemon's memory of refusals."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import structlog

from connector.app.exchange import StoredRefusals, settings_of
from connector.app.ground import Ground, remembered_redirects
from connector.app.relay import proxy_of
from connector.config.sources import ExchangeSource as Section
from connector.doctor import network
from connector.doctor.base import Build
from connector.doctor.sight import Place, Sight
from connector.errors import Transient, Verdict
from connector.model import Identity, Mailbox, Window
from connector.source.base import Subscription
from connector.source.exchange import envelope, markup, reader
from connector.source.exchange.account import Directory, no_services
from connector.source.exchange.dialling import routes
from connector.source.exchange.envelope import Element, m, t
from connector.source.exchange.errors import code_verdict, http_verdict, message_verdict
from connector.source.exchange.groups import Seat
from connector.source.exchange.lookup import ServiceLookup
from connector.source.exchange.redirects import Trust
from connector.source.exchange.services import Services
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.stream import Documents, Heard, read
from connector.source.exchange.subscriptions import Subscriber, route_of
from connector.source.exchange.trace import traced
from connector.source.exchange.transport import Call, Exchange, Reply
from connector.tls import trusting

SILENCE = 60.0
"""Seconds without a word after which an answer or a stream counts as cut off: servers beat every 45."""
REQUESTS = 5.0
"""Requests a second at most."""

log = structlog.get_logger(__name__)


def tunnel_of(ground: Ground, name: str | None) -> network.Tunnel | None:
    """The proxy of that name with its present credential, None for a direct way."""
    proxy = proxy_of(ground.loaded.config, ground.keystore, name)()
    if proxy is None:
        return None
    parts, headers = urlsplit(proxy.url), {}
    if proxy.user:
        credential = f"{proxy.user}:{proxy.password}"
        headers["Proxy-Authorization"] = f"Basic {b64encode(credential.encode()).decode()}"
    return network.Tunnel(parts.hostname or "", parts.port or 80, headers)


class ExchangeTools:
    """``connector.doctor.base.Instruments``; to be closed."""

    def __init__(self, name: str, section: Section, ground: Ground) -> None:
        """Raises ConfigError for a CA file that can't be used."""
        self._clock = ground.clock
        told = settings_of(name, section, ground.loaded.config, ground.keystore, ground.clock)
        settings = _gentle(told)
        self._way = network.Way(
            trusting(settings.ca, setting=f"sources.{settings.name}.ca"),
            routes(settings.resolve),
            tunnel_of(ground, section.proxy),
        )
        self._refusals = _Refusals(StoredRefusals(ground.store, name))
        self._exchange = Exchange(settings, self._refusals)
        trust = Trust(frozenset(settings.trust), remembered_redirects(ground.store, name))
        services = no_services if section.resolve else ServiceLookup()
        self._directory = Directory(settings, self._exchange, trust, ground.clock, services)
        self._source = ExchangeSource(self._exchange, self._directory)
        self._services = Services(self._exchange, self._directory.endpoint)
        self._subscriber = Subscriber(name, self._exchange, ground.clock)

    def close(self) -> None:
        """Give every connection up."""
        self._exchange.close()

    def look(self, place: Place) -> Sight:
        """See a place without logging on."""
        return network.look(place, self._way, self._clock)

    def identify(self, endpoint: str) -> Build:
        """GetServerTimeZones of one zone: an answer out of the server's registry, without any mailbox.

        An account without a mailbox of its own may be refused it; the header of that answer tells the version all the same.
        """
        asked = m("GetServerTimeZones", m("Ids", t("Id", text="UTC")), ReturnFullTimeZoneData="false")
        reply = self._exchange.send(Call(endpoint, asked).letter())
        if reply.status not in {200, 500} or not envelope.looks_like_xml(reply.body):
            raise traced(http_verdict(reply.status, reply.headers, reply.body), reply.trace)
        verdict = _said(reply)
        if verdict is not None and verdict.code == "busy":
            raise traced(verdict, reply.trace)
        return _build(markup.parse(reply.body))

    def locate(self, addresses: Sequence[str]) -> Mapping[str, Identity | Verdict]:
        """Where the addresses live; opens no mailbox."""
        return self._directory.locate(addresses)

    def open(self, mailbox: Mailbox) -> None:
        """Open the calendar folder by primary address."""
        self._source.probe(mailbox)

    def count(self, mailbox: Mailbox) -> int:
        """Ids of the coming day's meetings."""
        now = self._clock()
        return len(self._services.calendar_view(mailbox, Window(now, now + timedelta(days=1))).rows)

    def listen(self, mailbox: Mailbox) -> timedelta:
        """A subscription and a stream of its own, beside the daemon's; nothing is written."""
        endpoint = self._directory.endpoint(mailbox)
        subscription = self._subscriber.subscribe(mailbox, Seat(endpoint, "doctor", 0), None)
        begun = time.monotonic()
        try:
            heard = self._first(subscription, mailbox)
        finally:
            self._give_back(subscription)
        if heard.code:
            raise code_verdict(heard.code, heard.text, back_off=heard.back_off)
        return timedelta(seconds=time.monotonic() - begun)

    def refused_before(self) -> bool:
        """Whether no refusal was learned in this run."""
        return not self._refusals.fresh

    def _first(self, subscription: Subscription, mailbox: Mailbox) -> Heard:
        call = route_of(subscription).call(
            reader.payload([subscription.id], 1), mailbox.address, repeatable=False
        )
        documents, ends = Documents(), time.monotonic() + SILENCE
        with self._exchange.open(call) as stream:
            while piece := stream.read():
                for document in documents.feed(piece):
                    return read(document)
                if time.monotonic() > ends:
                    break
        raise Transient("bad-answer", "the stream ended before its first document")

    def _give_back(self, subscription: Subscription) -> None:
        try:
            self._subscriber.unsubscribe(subscription)
        except Verdict as verdict:
            log.info("the doctor's subscription was not given back; it ends by itself", why=str(verdict))


class _Refusals:
    """The daemon's memory of refused passwords, and whether this run added to it."""

    def __init__(self, stored: StoredRefusals) -> None:
        self._stored = stored
        self.fresh = False

    def refused(self, account: str, fingerprint: str) -> bool:
        return self._stored.refused(account, fingerprint)

    def mark(self, account: str, fingerprint: str) -> None:
        self.fresh = True
        self._stored.mark(account, fingerprint)


def _gentle(settings: ExchangeSettings) -> ExchangeSettings:
    """Few requests, and no second account: its logon could be a second failed one."""
    limits = settings.limits
    gentle = replace(
        limits,
        requests=min(limits.requests, REQUESTS),
        workers=1,
        silence=min(limits.silence, SILENCE),
        answer=SILENCE,
    )
    return replace(settings, limits=gentle, others=())


def _said(reply: Reply) -> Verdict | None:
    """The fault or the error of the first response message."""
    content = envelope.read(reply.body)
    if envelope.local(content) == "Fault":
        return message_verdict(content) or http_verdict(reply.status, reply.headers, reply.body)
    messages = content.find("{*}ResponseMessages")
    return message_verdict(messages[0]) if messages is not None and len(messages) else None


def _build(document: Element) -> Build:
    info = markup.find(document, "ServerVersionInfo")
    if info is None:
        return Build()
    names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber")
    return Build(*(int(number) if (number := info.get(name, "")).isdecimal() else 0 for name in names))
