"""The calendar sources of a configuration, and the account that each uses today."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from connector.app.exchange import ExchangeParts, account_in_force, build_exchange
from connector.app.google import GoogleParts, build_google
from connector.app.ground import Ground
from connector.config.sources import ExchangeSource as ExchangeSection
from connector.source.base import Notice


def build_sources(
    ground: Ground, noticed: Callable[[str, Notice], None] = lambda _source, _notice: None
) -> dict[str, ExchangeParts | GoogleParts]:
    """The sources of a configuration that this version can read. Raises ConfigError for what it names and can't be used."""
    return {
        name: _build_source(name, ground, partial(noticed, name)) for name in ground.loaded.config.sources
    }


def _build_source(name: str, ground: Ground, tell: Callable[[Notice], None]) -> ExchangeParts | GoogleParts:
    config, keystore, store, clock = ground.loaded.config, ground.keystore, ground.store, ground.clock
    section = config.sources[name]
    if isinstance(section, ExchangeSection):
        return build_exchange(name, section, config, keystore, store, clock, tell)
    return build_google(name, section, config, keystore, store, clock, tell)


def accounts_in_force(ground: Ground) -> dict[str, str]:
    """The service account that each source uses today."""
    today = ground.clock().date()
    sections = ground.loaded.config.sources.items()
    return {name: account_in_force(one, today) for name, one in sections if isinstance(one, ExchangeSection)}
