"""The way to the hub, from the configuration."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from connector.app.ground import secret_of
from connector.config import Config
from connector.keystore import Keystore
from connector.model import Clock
from connector.relay.far_end import FarEnd, Proxy, tls_context
from connector.relay.http import HttpCloud

VERSION = version("calendar-connector")


def build_cloud(config: Config, keystore: Keystore, clock: Clock) -> HttpCloud:
    """The hub as configured. Raises ConfigError for certificate files that can't be used."""
    hub = config.hub
    token = secret_of(keystore, "hub")
    far_end = FarEnd(
        url=hub.url,
        instance=config.instance,
        version=VERSION,
        tls=tls_context(bundle(hub.ca), hub.client_certificate, hub.client_key),
        credential=lambda: token() or None,
        proxy=_proxy(config, keystore, hub.proxy),
        certified=hub.client_certificate is not None,
    )
    return HttpCloud(far_end, clock, downlink=hub.downlink)


def bundle(trust: Path | str) -> Path | None:
    """The PEM file of a ``ca:``, None for the system's authorities."""
    return trust if isinstance(trust, Path) else None


def _proxy(config: Config, keystore: Keystore, name: str | None) -> Callable[[], Proxy | None]:
    if name is None:
        return lambda: None
    proxy = config.proxies[name]
    secret = secret_of(keystore, f"proxy/{name}")

    def current() -> Proxy:
        """The secret of a proxy is ``user:password``."""
        user, _, password = secret().partition(":")
        return Proxy(proxy.url, user, password) if proxy.auth == "basic" else Proxy(proxy.url)

    return current
