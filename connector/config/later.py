"""What this version takes in a configuration and does not use yet; each entry goes when its function comes."""

from __future__ import annotations

from collections.abc import Iterator

from connector.config.models import Config
from connector.config.problems import spell
from connector.config.sources import ExchangeSource
from connector.config.tree import Path


def notes(config: Config) -> tuple[str, ...]:
    """One sentence for every configured part that has no effect yet."""
    return tuple(f"{spell(path)} is accepted and not yet used by this version" for path in _unused(config))


def _unused(config: Config) -> Iterator[Path]:
    for name, source in config.sources.items():
        if isinstance(source, ExchangeSource) and source.proxy:
            yield ("sources", name, "proxy")
    yield from (
        ("proxies", name, "auth") for name, proxy in config.proxies.items() if proxy.auth == "negotiate"
    )
