"""The shape of connector.yaml: one frozen model a section, each key with its meaning and default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from connector.config.addresses import HttpsUrl, Listen, ProxyUrl
from connector.config.conferences import Conference, Jitsi, Webex
from connector.config.frozen import FrozenMap
from connector.config.keys import Keys
from connector.config.kinds import (
    Address,
    DayHours,
    Duration,
    FilePath,
    Host,
    Keyword,
    Masked,
    MasterKey,
    Name,
    Named,
    Section,
    Trust,
    Whole,
    at_least_one,
    between,
    whole,
)
from connector.config.people import Directory, PolicySection, Roster
from connector.config.sources import ExchangeSource, Source
from connector.config.writing import Buffers, Dialling, Invitation, JoinRule, Presence, Writes

EMPTY: Mapping[str, object] = FrozenMap()


def _version(number: int) -> int:
    if number != 1:
        raise ValueError("this program reads version 1 of the configuration; write version: 1")
    return number


class Outbox(Section):
    """What waits for the hub."""

    events: Annotated[Whole, *whole(100, 10_000_000)] = 100_000
    """With so many events waiting, calendars are read no further until the hub takes some."""


class Hub(Section):
    """The cloud end. Its credential is the secret hub, unless a client certificate is named."""

    url: HttpsUrl
    """Where the hub is."""

    proxy: Name | None = None
    """Name of the proxy to go through; direct when left out."""

    ca: Trust = "system"
    """Which certificate authorities the hub's certificate may come from; that of an inspecting proxy goes here."""

    downlink: Literal["auto", "websocket", "poll"] = "auto"
    """How commands come down: by web socket, by long poll, or the first that works."""

    client_certificate: FilePath | None = None
    """PEM file of the certificate to show to the hub, together with client_key."""

    client_key: FilePath | None = None
    """PEM file of the private key that belongs to it."""

    outbox: Outbox = Outbox()
    """What waits for the hub."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Hub:
        if (self.client_certificate is None) != (self.client_key is None):
            raise ValueError("client_certificate and client_key belong together; write both or neither")
        return self


class Proxy(Section):
    """An HTTP proxy on the way out. Its credential is the secret proxy/NAME."""

    url: ProxyUrl
    """Where the proxy is."""

    auth: Literal["none", "basic", "negotiate"] = "none"
    """How the connector identifies itself to it; negotiate is refused by this version."""


class Keystore(Section):
    """Where passwords and local keys rest, encrypted."""

    path: FilePath | None = None
    """The file; keystore.json in the state directory when left out."""

    master_key: MasterKey = "credential"
    """The key that opens it."""


class ReadWindow(Section):
    """Which stretch of the calendars is kept up to date, counted from today."""

    back: Annotated[Duration, *between("0s", "60d")] = timedelta(days=7)
    """How far into the past."""

    ahead: Annotated[Duration, *between("1d", "366d")] = timedelta(days=31)
    """How far into the future."""


class Log(Section):
    """What the log says."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least weight of what is logged."""

    addresses: Literal["clear", "pseudonym"] = "clear"
    """How mailbox addresses appear in it."""


class Audit(Section):
    """The audit trail."""

    keep: Annotated[Duration, *between("1d", "36500d")] = timedelta(days=400)
    """How long its entries are kept."""


class Metrics(Section):
    """Figures for monitoring."""

    listen: Listen | None = None
    """Where they are served; not at all when left out."""


class Alarms(Section):
    """Who is told when something is wrong."""

    webhook: Annotated[HttpsUrl | None, Masked()] = None
    """Where alarms are posted."""

    proxy: Name | None = None
    """Name of the proxy to go through; direct when left out."""

    canary: Address | None = None
    """A mailbox that is changed regularly to see that everything works."""

    working_hours: DayHours | None = None
    """When something should change in every source with 50 mailboxes, Monday to Friday; never when left out."""

    expiry_warning: Annotated[Duration, *between("1d", "365d")] = timedelta(days=30)
    """How long before its end a certificate or password raises an alarm."""


class Config(Section):
    """Everything in connector.yaml and conf.d."""

    version: Annotated[Whole, AfterValidator(_version)]
    """Version of this format: 1."""

    instance: Host
    """Name of this connector at the hub, to Exchange and in the audit trail."""

    mode: Literal["observe", "active"] = "observe"
    """observe reads and reports but writes into no calendar; active writes what policies allow."""

    state: FilePath = Path("/var/lib/calendar-connector")
    """Directory of the database and the keystore."""

    runtime: FilePath = Path("/run/calendar-connector")
    """Directory of the control socket."""

    keystore: Keystore = Keystore()
    """Where passwords and local keys rest, encrypted."""

    window: ReadWindow = ReadWindow()
    """Which stretch of the calendars is kept up to date."""

    workers: Annotated[Whole, *whole(1, 256)] = 16
    """How many mailboxes are worked on at the same time."""

    hub: Hub
    """The cloud end."""

    proxies: Named[Proxy] = FrozenMap()
    """HTTP proxies on the way out, by name."""

    sources: Annotated[Named[Source], at_least_one]
    """The calendar systems that are read, by name."""

    keys: Keys = Keys()
    """Who makes and keeps the content keys."""

    directories: Named[Directory] = FrozenMap()
    """LDAP and Active Directory services, by name."""

    roster: Roster = Roster()
    """Who is activated, with which policy."""

    policies: Named[PolicySection] = FrozenMap({"default": PolicySection()})
    """What may be done for a mailbox, by name; without this section there is one called default."""

    writes: Writes = Writes()
    """The brake on writing into calendars."""

    invitation: Invitation = Invitation()
    """How join details are written into an invitation."""

    keywords: Annotated[Mapping[Keyword, Name], AfterValidator(FrozenMap)] = FrozenMap()
    """Words in a location that ask for a conference, each with its entry of conference."""

    conference: Named[Conference] = FrozenMap()
    """Who makes join details, by name."""

    join_rules: Named[JoinRule] = FrozenMap()
    """Further join links to recognise, by name."""

    dialling: Dialling = Dialling()
    """How video addresses are made of links."""

    buffers: Buffers = Buffers()
    """How long before and behind a meeting its Join button is there."""

    presence: Presence = Presence()
    """Where absences are known from."""

    log: Log = Log()
    """What the log says."""

    audit: Audit = Audit()
    """The audit trail."""

    metrics: Metrics = Metrics()
    """Figures for monitoring."""

    alarms: Alarms = Alarms()
    """Who is told when something is wrong."""

    @property
    def keystore_path(self) -> Path:
        """The keystore's file."""
        return self.keystore.path or self.state / "keystore.json"

    def secret_names(self) -> tuple[str, ...]:
        """Names of every secret this configuration needs, in the order of the file."""
        return tuple(self.secrets())

    def secrets(self) -> Mapping[str, tuple[str, ...]]:
        """The same, each with the path of what needs it."""
        found: dict[str, tuple[str, ...]] = {}
        for name, path in (*self._secrets_of_the_way(), *self._secrets_of_conferences()):
            found.setdefault(name, path)
        return found

    def _secrets_of_the_way(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        if self.hub.client_certificate is None:
            yield "hub", ("hub",)
        for name, proxy in self.proxies.items():
            if proxy.auth == "basic":
                yield f"proxy/{name}", ("proxies", name)
        for name, source in self.sources.items():
            if isinstance(source, ExchangeSource):
                for account in source.accounts:
                    yield f"exchange/{name}/{account}", ("sources", name, "accounts", account)
            else:
                yield from ((key, ("sources", name)) for key in source.secret_names(name))
        for name, place in self.directories.items():
            if place.bind:
                yield f"directory/{name}", ("directories", name)

    def _secrets_of_conferences(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for name, entry in self.conference.items():
            path = ("conference", name)
            if isinstance(entry, Webex):
                yield f"webex/{entry.account}/client", path
                yield f"webex/{entry.account}/refresh-token", path
            elif isinstance(entry, Jitsi) and entry.token:
                yield f"conference/{name}", path
