"""The doctor from the configuration: instruments made of the adapters, and the checks in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Event
from urllib.parse import urlsplit

from connector.app import google_doctor
from connector.app.examination import ExchangeTools, tunnel_of
from connector.app.exchange import account_in_force, secret_name
from connector.app.ground import Ground
from connector.app.relay import build_cloud, bundle
from connector.config import Config
from connector.config.sources import ExchangeSource as Section
from connector.config.sources import GoogleSource as TenantSection
from connector.doctor import clock, exchange, firewall, hub, network, rooms
from connector.doctor.base import Organisation
from connector.doctor.findings import Finding, failed, skipped
from connector.doctor.google import FEDERATION_HOSTS
from connector.doctor.google import HOSTS as GOOGLE_HOSTS
from connector.doctor.sight import Place, Sight
from connector.errors import UserError
from connector.model import Mailbox, Phase
from connector.operations.desk import Desk
from connector.operations.sources import known
from connector.reasons import explain
from connector.relay.far_end import tls_context

SAMPLE = 3
"""Activated mailboxes of each source that are looked at when none is named, and as many are kept to compare with."""
MOST = 20
"""Mailboxes that may be named at once: the doctor must be no load."""

AT_REST = frozenset({Phase.PAUSED, Phase.LEAVING})
"""Nothing is asked of these, not even by the doctor."""


def examine(
    ground: Ground, addresses: Sequence[str] = (), source: str = "", busy: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Every check in order, each finding as it comes. ``busy`` are holds of the running daemon: source and server to their code.

    Raises NotFound for a source that is not configured, UserError for too many addresses.
    """
    desk = ground.desk("doctor")
    if source:
        known(desk, source)
    if len(addresses) > MOST:
        raise UserError(f"the doctor looks at {MOST} mailboxes at most")
    named = [address.strip().lower() for address in addresses]
    yield from _unnamed(desk, named)
    sights: list[Sight] = []
    for name, section in _sections(ground.loaded.config, source, desk, named):
        patients = _patients(desk, name, named)[: MOST if named else SAMPLE]
        yield from _source(ground, name, section, patients, sights, busy or {})
        yield from _rooms(patients if named else ())
    for name, tenant in _tenants(ground.loaded.config, source, desk, named):
        patients = _patients(desk, name, named)[: MOST if named else SAMPLE]
        yield from google_doctor.examine(ground, name, tenant, patients, sights)
    yield from _hub(ground, sights)
    yield from clock.judge(sights)


def _sections(config: Config, source: str, desk: Desk, named: Sequence[str]) -> Iterator[tuple[str, Section]]:
    """The sources asked for: the one named, those of the named addresses, or all."""
    wanted = {source} if source else {desk.source_of(one) for one in named} or set(config.sources)
    for name, section in config.sources.items():
        if name in wanted and isinstance(section, Section):
            yield name, section


def _tenants(
    config: Config, source: str, desk: Desk, named: Sequence[str]
) -> Iterator[tuple[str, TenantSection]]:
    """The same for sources at Google."""
    wanted = {source} if source else {desk.source_of(one) for one in named} or set(config.sources)
    for name, section in config.sources.items():
        if name in wanted and isinstance(section, TenantSection):
            yield name, section


# --- who is looked at


def _unnamed(desk: Desk, named: Iterable[str]) -> Iterator[Finding]:
    """Named addresses that are not opened, and why."""
    for address in named:
        if desk.source_of(address) is None:
            reason = explain("domain-not-allowed")
            yield failed("mailbox", address, "domain-not-allowed", reason.sentence, reason.remedy)
            continue
        mailbox = desk.store.find_mailbox(address)
        if mailbox is None:
            sentence = "it is not activated, so it is not opened"
            line = f"calendar-connector mailbox activate {address}"
            yield failed("mailbox", address, "not-activated", sentence, "Activate it first.", line)
        elif _at_rest(desk, mailbox):
            line = f"calendar-connector mailbox resume {address}"
            yield skipped("mailbox", address, "it is paused or leaving, so it is not opened", "", line)


def _patients(desk: Desk, source: str, named: Sequence[str]) -> list[Mailbox]:
    """The named ones that are activated; without names every activated one, those at work first."""
    if named:
        found = [one for address in named if (one := desk.store.find_mailbox(address))]
    else:
        live = desk.store.mailboxes(Phase.LIVE)
        seen = {one.id for one in live}
        found = [*live, *(one for one in desk.store.mailboxes() if one.id not in seen)]
    return [one for one in found if one.source == source and not _at_rest(desk, one)]


def _at_rest(desk: Desk, mailbox: Mailbox) -> bool:
    session = desk.store.session(mailbox.id)
    return session is None or session.phase in AT_REST


def _rooms(patients: Iterable[Mailbox]) -> Iterator[Finding]:
    for mailbox in patients:
        if rooms.is_room(mailbox.policy, mailbox.origin):
            yield rooms.advise(mailbox.address)


# --- a source


def _source(
    ground: Ground,
    name: str,
    section: Section,
    patients: Sequence[Mailbox],
    sights: list[Sight],
    busy: Mapping[str, str],
) -> Iterator[Finding]:
    tools = ExchangeTools(name, section, ground)
    try:
        organisation = _organisation(ground, name, section, patients)
        servers = tuple(
            key.partition(" ")[2] or key for key, code in busy.items() if _is_busy(key, code, name)
        )
        yield from exchange.examine(replace(organisation, busy=servers), tools, ground.clock(), sights)
    finally:
        tools.close()


def _is_busy(key: str, code: str, source: str) -> bool:
    return key.partition(" ")[0] == source and code == "busy"


def _organisation(ground: Ground, name: str, section: Section, patients: Sequence[Mailbox]) -> Organisation:
    account = account_in_force(section, ground.clock().date())
    looked_at = {one.id for one in patients}
    others = [one for one in _patients(ground.desk("doctor"), name, ()) if one.id not in looked_at]
    return Organisation(
        name=name,
        domains=section.domains,
        url=section.url or "",
        auth=section.auth,
        user=section.accounts[account].user,
        secret=secret_name(name, account),
        streams=section.stream != "off",
        patients=tuple(patients),
        others=tuple(others[:SAMPLE]),
        expiry_warning=ground.loaded.config.alarms.expiry_warning,
    )


# --- the hub


class HubTools:
    """``connector.doctor.base.HubInstruments`` over the relay's own adapter."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        hub_section = ground.loaded.config.hub
        trust = tls_context(bundle(hub_section.ca), hub_section.client_certificate, hub_section.client_key)
        self._way = network.Way(trust, tunnel=tunnel_of(ground, ground.loaded.config.hub.proxy))

    def look(self, place: Place) -> Sight:
        """See it without a credential."""
        return network.look(place, self._way, self._ground.clock)

    def knock(self) -> None:
        """One long poll without a run: a hub answers 428 to it once it has taken the credential, and changes nothing."""
        stop = Event()
        config = self._ground.loaded.config
        polling = config.hub.model_copy(update={"downlink": "poll"})
        cloud = build_cloud(
            config.model_copy(update={"hub": polling}), self._ground.keystore, self._ground.clock
        )
        try:
            cloud.listen("", stop, lambda _descent: stop.set())
        finally:
            cloud.close()


def _hub(ground: Ground, sights: list[Sight]) -> Iterator[Finding]:
    config = ground.loaded.config
    parts = urlsplit(config.hub.url)
    place = Place(parts.hostname or "", parts.port or 443, "hub: ca:", exchange=False)
    yield from hub.examine(place, HubTools(ground), ground.clock(), config.alarms.expiry_warning, sights)


# --- --firewall


def openings(ground: Ground, source: str = "") -> list[firewall.Opening]:
    """What has to be open; nothing is connected to."""
    config, desk = ground.loaded.config, ground.desk("doctor")
    if source:
        known(desk, source)
    found = dict.fromkeys(_openings(config, source, desk))
    return list(found)


def _openings(config: Config, source: str, desk: Desk) -> Iterator[firewall.Opening]:
    sections = list(_sections(config, source, desk, ()))
    for name, section in sections:
        yield from _ways(name, section, desk)
    for name, tenant in _tenants(config, source, desk, ()):
        yield from _to_google(config, name, tenant)
    if config.hub.proxy:
        yield firewall.to_url(config.proxies[config.hub.proxy].url, f"proxy to the hub {config.hub.url}")
    else:
        yield firewall.to_url(config.hub.url, "the hub: events up, commands down (web socket or long poll)")
    for name, directory in config.directories.items():
        yield from (firewall.to_url(server, f"directory {name}") for server in directory.servers)
    yield from firewall.always(kerberos=any(section.auth == "negotiate" for _, section in sections))


def _to_google(config: Config, name: str, section: TenantSection) -> Iterator[firewall.Opening]:
    if section.proxy:
        yield firewall.to_url(config.proxies[section.proxy].url, f"proxy to Google for {name}")
        return
    yield from (firewall.to_url(f"https://{host}", f"Google Workspace of {name}") for host in GOOGLE_HOSTS)
    for host in FEDERATION_HOSTS:
        purpose = f"Google Workspace of {name}, only with workload identity federation"
        yield firewall.to_url(f"https://{host}", purpose)


def _ways(name: str, section: Section, desk: Desk) -> Iterator[firewall.Opening]:
    if section.url:
        yield firewall.to_url(section.url, f"Exchange Web Services of {name}")
        return
    for domain in section.domains:
        yield from firewall.autodiscover(domain, section.autodiscover.trust)
    endpoints = {
        one.location.endpoint for one in desk.store.mailboxes() if one.source == name and one.location
    }
    yield from (
        firewall.to_url(one, f"Exchange Web Services of {name}, by Autodiscover") for one in sorted(endpoints)
    )
