"""The way to the hub, from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from connector.app.ground import secret_of
from connector.config import Config
from connector.enrolment.proof import is_key, prove
from connector.keystore import Keystore
from connector.model import Clock
from connector.relay.far_end import FarEnd, Proxy, tls_context
from connector.relay.http import HttpCloud

VERSION = version("calendar-connector")
HUB_SECRET = "hub"  # noqa: S105 - a name


def build_cloud(config: Config, keystore: Keystore, clock: Clock) -> HttpCloud:
    """The hub as configured. Raises ConfigError for certificate files that can't be used."""
    return HttpCloud(far_end_of(config, keystore, clock), clock, downlink=config.hub.downlink)


def far_end_of(config: Config, keystore: Keystore, clock: Clock) -> FarEnd:
    """Where the hub is and how to get there. Raises ConfigError for certificate files that can't be used."""
    hub = config.hub
    return FarEnd(
        url=hub.url,
        instance=config.instance,
        version=VERSION,
        tls=tls_context(bundle(hub.ca), hub.client_certificate, hub.client_key),
        credential=_credential(config, keystore, clock),
        proxy=proxy_of(config, keystore, hub.proxy),
        certified=hub.client_certificate is not None,
    )


def _credential(config: Config, keystore: Keystore, clock: Clock) -> Callable[[], str | None]:
    """The token that was typed, or a fresh proof by the key that enrolment made."""
    secret = secret_of(keystore, HUB_SECRET)

    def current() -> str | None:
        value = secret()
        return prove(value, config.instance, clock()) if is_key(value) else value or None

    return current


def bundle(trust: Path | str) -> Path | None:
    """The PEM file of a ``ca:``, None for the system's authorities."""
    return trust if isinstance(trust, Path) else None


def proxy_of(config: Config, keystore: Keystore, name: str | None) -> Callable[[], Proxy | None]:
    """The proxy of that name as it is now, asked at each use; None for a direct way."""
    """The proxy of that name with its present credential; none for None."""
    if name is None:
        return lambda: None
    proxy = config.proxies[name]
    secret = secret_of(keystore, f"proxy/{name}")

    def current() -> Proxy:
        """The secret of a proxy is ``user:password``."""
        user, _, password = secret().partition(":")
        return Proxy(proxy.url, user, password) if proxy.auth == "basic" else Proxy(proxy.url)

    return current
