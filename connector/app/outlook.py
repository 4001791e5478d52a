"""Looking ahead: certificates and passwords that are about to end, a key that is not renewed, a clock that is off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from cryptography.x509 import load_pem_x509_certificate

from connector.alarms import kinds
from connector.alarms.webhook import Receiver, Webhook
from connector.app.appliance import Appliance, Task
from connector.app.directories import settings_of
from connector.app.doctor import HubTools
from connector.app.enrolment import RENEW_AFTER
from connector.app.exchange import secret_name
from connector.app.ground import Ground, secret_of
from connector.app.relay import HUB_SECRET, bundle, proxy_of
from connector.config.sources import ExchangeSource as Section
from connector.doctor import network
from connector.doctor.sight import Place, Sight
from connector.enrolment.proof import is_key
from connector.roster.base import RosterUnreadable
from connector.roster.ldapexpiry import password_ends
from connector.source.exchange.dialling import routes
from connector.tls import trusting

CLOCKS_APART = timedelta(seconds=60)
KEY_OVERDUE = timedelta(days=15)
"""So long after its time a key may wait to be renewed before somebody is told."""
ENDPOINTS = 20
"""Servers of one source or directory that are looked at."""
LDAPS = 636

_log = structlog.get_logger(__name__)


class Outlook:
    """What ends before long. Nothing is logged on to; a server that is away is other alarms' business."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance

    def look(self) -> None:
        """Look at every certificate, at our key, and at the hub's clock."""
        ground = self._appliance.ground
        hub = self._hub(ground)
        self._compare(hub)
        sights = [hub, *self._exchange(ground), *self._directories(ground)]
        for sight in sights:
            if sight.certificate is not None:
                self._judge(sight.place.name, sight.certificate.ends)
        self._own(ground)
        self._key(ground)
        self._passwords(ground)

    def clock_is_off(self) -> bool:
        """Look at the hub's clock alone; whether ours differs from it, as far as is known."""
        self._compare(self._hub(self._appliance.ground))
        return any(one.kind is kinds.CLOCK_OFF for one in self._appliance.alarms.current())

    def _hub(self, ground: Ground) -> Sight:
        parts = urlsplit(ground.loaded.config.hub.url)
        place = Place(parts.hostname or "", parts.port or 443, "hub: ca:", exchange=False)
        return HubTools(ground).look(place)

    def _exchange(self, ground: Ground) -> Iterator[Sight]:
        for name, section in ground.loaded.config.sources.items():
            if not isinstance(section, Section):
                continue
            to = routes({host: str(target) for host, target in section.resolve.items()})
            way = network.Way(trusting(bundle(section.ca), setting=f"sources.{name}.ca"), to)
            for place in self._places(ground, name, section):
                yield network.look(place, way, ground.clock)

    @staticmethod
    def _directories(ground: Ground) -> Iterator[Sight]:
        for name, section in ground.loaded.config.directories.items():
            way = network.Way(trusting(bundle(section.ca), setting=f"directories.{name}.ca"))
            for url in section.servers[:ENDPOINTS]:
                parts = urlsplit(url)
                place = Place(
                    parts.hostname or "",
                    parts.port or LDAPS,
                    f"directories.{name}.ca",
                    exchange=False,
                    http=False,
                )
                yield network.look(place, way, ground.clock)

    @staticmethod
    def _places(ground: Ground, name: str, section: Section) -> list[Place]:
        """The servers that are known: the configured one, and those that Autodiscover named."""
        located = (one.location for one in ground.store.mailboxes() if one.source == name)
        urls = dict.fromkeys([section.url or "", *(one.endpoint for one in located if one)])
        hosts = [urlsplit(url) for url in urls if url]
        found = {(one.hostname or "", one.port or 443) for one in hosts}
        return [Place(host, port, f"sources.{name}.ca") for host, port in sorted(found)[:ENDPOINTS]]

    def _own(self, ground: Ground) -> None:
        """The certificate that we show to the hub, if one is configured."""
        path = ground.loaded.config.hub.client_certificate
        if path is None:
            return
        try:
            ends = load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        except (OSError, ValueError) as error:
            _log.warning("the client certificate can't be read", path=str(path), error=type(error).__name__)
            return
        self._judge(str(path), ends)

    def _judge(self, name: str, ends: datetime) -> None:
        alarms, ground = self._appliance.alarms, self._appliance.ground
        if ends - ground.clock() <= ground.loaded.config.alarms.expiry_warning:
            alarms.raise_(kinds.CERTIFICATE_EXPIRES, name, certificate=name, date=f"{ends:%Y-%m-%d}")
        else:
            alarms.clear(kinds.CERTIFICATE_EXPIRES, name)

    def _key(self, ground: Ground) -> None:
        held = {one.name: one for one in ground.keystore.entries()}.get(HUB_SECRET)
        age = ground.clock() - held.set_at if held else timedelta()
        if age > RENEW_AFTER + KEY_OVERDUE and is_key(secret_of(ground.keystore, HUB_SECRET)()):
            self._appliance.alarms.raise_(kinds.KEY_NOT_RENEWED, days=age.days)
        else:
            self._appliance.alarms.clear(kinds.KEY_NOT_RENEWED)

    def _passwords(self, ground: Ground) -> None:
        """Of the accounts that log on at Exchange and at the directories, by what the directories know of them."""
        secrets = {
            one.user: secret_name(name, key)
            for name, section in ground.loaded.config.sources.items()
            if isinstance(section, Section)
            for key, one in section.accounts.items()
        }
        asked: dict[str, str] = {}
        ends: dict[str, datetime] = {}
        for name, directory in ground.loaded.config.directories.items():
            if not directory.bind:
                continue
            here = {**secrets, directory.bind: f"directory/{name}"}
            settings = settings_of(name, directory, ground.keystore, ground.store)
            try:
                ends.update(password_ends(settings, list(here)))
            except RosterUnreadable as error:
                _log.info("the directory was not asked when passwords end", why=str(error))
            else:
                asked.update(here)
        for account, secret in asked.items():
            self._password(account, secret, ends.get(account))

    def _password(self, account: str, secret: str, ends: datetime | None) -> None:
        alarms, ground = self._appliance.alarms, self._appliance.ground
        if ends is not None and ends - ground.clock() <= ground.loaded.config.alarms.expiry_warning:
            facts = {"account": account, "secret": secret, "date": f"{ends:%Y-%m-%d}"}
            alarms.raise_(kinds.PASSWORD_EXPIRES, account, **facts)
        else:
            alarms.clear(kinds.PASSWORD_EXPIRES, account)

    def _compare(self, hub: Sight) -> None:
        """By the Date of the hub's answer, whose certificate was believed."""
        if not hub.clear or hub.date is None or hub.read_at is None:
            return
        apart = abs(hub.read_at - hub.date)
        if apart > CLOCKS_APART:
            self._appliance.alarms.raise_(
                kinds.CLOCK_OFF, seconds=int(apart.total_seconds()), peer=hub.place.name
            )
        else:
            self._appliance.alarms.clear(kinds.CLOCK_OFF)


def webhook_tasks(appliance: Appliance) -> list[Task]:
    """The thread that posts alarms, if a webhook is configured; from now on it hears of them."""
    config = appliance.ground.loaded.config
    if not config.alarms.webhook:
        appliance.alarms.listen()
        return []
    proxy = proxy_of(config, appliance.ground.keystore, config.alarms.proxy)

    def through() -> str | None:
        found = proxy()
        return found.with_credentials() if found else None

    webhook = Webhook(Receiver(config.alarms.webhook, config.instance, through))
    appliance.alarms.listen(webhook)
    return [Task("webhook", webhook.run)]
