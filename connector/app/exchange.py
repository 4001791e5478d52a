"""One Exchange organisation, from the configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from connector.app.ground import remembered_redirects, secret_of
from connector.app.relay import bundle, proxy_of
from connector.config import Config
from connector.config.sources import ExchangeSource as Section
from connector.keystore import Keystore
from connector.model import Clock
from connector.relay.far_end import Proxy as Relay
from connector.source.base import Notice
from connector.source.exchange.account import Directory, no_services
from connector.source.exchange.dialling import Proxy
from connector.source.exchange.gate import untold
from connector.source.exchange.lookup import ServiceLookup
from connector.source.exchange.patience import Tuning
from connector.source.exchange.redirects import Trust
from connector.source.exchange.settings import Account, ExchangeSettings, Limits
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from connector.source.exchange.watcher import ExchangeWatcher
from connector.store.base import Store


@dataclass(frozen=True, slots=True)
class ExchangeParts:
    """The adapter's two halves."""

    source: ExchangeSource
    watcher: ExchangeWatcher


def build_exchange(
    name: str,
    section: Section,
    config: Config,
    keystore: Keystore,
    store: Store,
    clock: Clock,
    tell: Callable[[Notice], None] = untold,
) -> ExchangeParts:
    """The source and its watcher; ``tell`` hears its notices. Raises ConfigError for a CA file that can't be used."""
    settings = settings_of(name, section, config, keystore, clock)
    exchange = Exchange(settings, StoredRefusals(store, name), tell=tell)
    trust = Trust(frozenset(settings.trust), remembered_redirects(store, name))
    services = no_services if section.resolve else ServiceLookup()
    directory = Directory(settings, exchange, trust, clock, services)
    tuning = Tuning(
        minutes=int(section.timing.stream_timeout.total_seconds() // 60),
        per_mailbox=section.stream_max,
        silence=section.timing.heartbeat.total_seconds(),
    )
    watcher = ExchangeWatcher(settings, exchange, directory, store, clock, tuning)
    return ExchangeParts(ExchangeSource(exchange, directory), watcher)


def settings_of(
    name: str, section: Section, config: Config, keystore: Keystore, clock: Clock
) -> ExchangeSettings:
    """What the adapter is told."""
    account, *others = accounts_in_order(section, clock().date())
    return ExchangeSettings(
        name=name,
        instance=config.instance,
        user=section.accounts[account].user,
        password=secret_of(keystore, secret_name(name, account)),
        url=section.url,
        trust=section.autodiscover.trust,
        domains=section.domains,
        auth=section.auth,
        ca=bundle(section.ca),
        resolve={host: str(target) for host, target in section.resolve.items()},
        stream=section.stream,
        limits=Limits(
            requests=section.limits.requests.per_second,
            workers=config.workers,
            silence=section.timing.heartbeat.total_seconds(),
            body=int(section.limits.answer),
        ),
        others=tuple(
            Account(section.accounts[other].user, secret_of(keystore, secret_name(name, other)))
            for other in others
        ),
        proxy=_proxy(proxy_of(config, keystore, section.proxy)),
    )


def _proxy(current: Callable[[], Relay | None]) -> Callable[[], Proxy | None]:
    """The same in the adapter's own words."""

    def now() -> Proxy | None:
        proxy = current()
        return None if proxy is None else Proxy(proxy.url, proxy.user, proxy.password)

    return now


def account_in_force(section: Section, today: date) -> str:
    """The account whose day has come last; of those without a day the first."""
    begun = [
        (account.from_ or date.min, -place, name)
        for place, (name, account) in enumerate(section.accounts.items())
        if account.from_ is None or account.from_ <= today
    ]
    return max(begun)[2] if begun else next(iter(section.accounts))


def accounts_in_order(section: Section, today: date) -> list[str]:
    """The account in force, then those that take over where it is refused, as they stand in the configuration."""
    first = account_in_force(section, today)
    return [first, *(name for name in section.accounts if name != first)]


def secret_name(source: str, account: str) -> str:
    """Under which name the password is kept."""
    return f"exchange/{source}/{account}"


class StoredRefusals:
    """Refused password versions as a setting of the store, so that no restart tries one again."""

    def __init__(self, store: Store, source: str) -> None:
        self._store = store
        self._setting = f"refused/{source}"

    def refused(self, account: str, fingerprint: str) -> bool:
        """Whether this version was refused before."""
        return fingerprint in self._read().get(account, [])

    def mark(self, account: str, fingerprint: str) -> None:
        """Remember that it was refused; the last ten of an account are kept."""
        known = self._read()
        known[account] = [*known.get(account, [])[-9:], fingerprint]
        self._store.put_setting(self._setting, json.dumps(known))

    def _read(self) -> dict[str, list[str]]:
        text = self._store.setting(self._setting)
        return json.loads(text) if text else {}
