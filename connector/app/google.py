"""One Google Workspace tenant, from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.app.ground import secret_of
from connector.app.relay import bundle
from connector.config import Config
from connector.config.sources import GoogleSource as Section
from connector.keystore import Keystore
from connector.model import Clock
from connector.relay.far_end import Proxy
from connector.source.base import Notice
from connector.source.google.authentication import Tokens
from connector.source.google.settings import GoogleSettings, Key, Limits
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Wire
from connector.source.google.watcher import PolledWatcher
from connector.store.base import Store


@dataclass(frozen=True, slots=True)
class GoogleParts:
    """The adapter's two halves."""

    source: GoogleSource
    watcher: PolledWatcher


def build_google(
    name: str,
    section: Section,
    config: Config,
    keystore: Keystore,
    store: Store,
    clock: Clock,
    tell: Callable[[Notice], None] = lambda _notice: None,
) -> GoogleParts:
    """The source and its watcher; ``tell`` hears its notices. Raises ConfigError for a CA file that can't be used."""
    settings = settings_of(name, section, config, keystore, store)
    wire = Wire(settings)
    tokens = Tokens(settings, wire, clock, tell)
    watcher = PolledWatcher(lambda mailbox: tokens.forget(mailbox.address))
    return GoogleParts(GoogleSource(settings, wire, tokens, clock), watcher)


def settings_of(
    name: str, section: Section, config: Config, keystore: Keystore, store: Store
) -> GoogleSettings:
    """What the adapter is told."""
    return GoogleSettings(
        name=name,
        instance=config.instance,
        domains=section.domains,
        keys=tuple(Key(one, secret_of(keystore, one)) for one in section.secret_names(name)),
        enlisted=lambda address: _enlisted(store, name, address),
        reader=section.reader or "",
        ca=bundle(section.ca),
        resolve={host: str(target) for host, target in section.resolve.items()},
        proxy=_proxy(config, keystore, section.proxy),
        limits=Limits(
            project=round(section.limits.requests.per_second * 60),
            user=round(section.limits.per_user.per_second * 60),
            workers=config.workers,
            body=int(section.limits.answer),
        ),
    )


def _enlisted(store: Store, source: str, address: str) -> bool:
    """Whether an address is a mailbox of this source, activated and not yet let go."""
    mailbox = store.find_mailbox(address)
    return mailbox is not None and mailbox.source == source


def _proxy(config: Config, keystore: Keystore, name: str | None) -> Callable[[], str | None]:
    if name is None:
        return lambda: None
    proxy, secret = config.proxies[name], secret_of(keystore, f"proxy/{name}")

    def current() -> str:
        """The secret of a proxy is ``user:password``."""
        user, _, password = secret().partition(":")
        known = Proxy(proxy.url, user, password) if proxy.auth == "basic" else Proxy(proxy.url)
        return known.with_credentials()

    return current
