"""A configuration tried before it is put in force."""

from __future__ import annotations

from connector.app.conferences import build_conferences
from connector.app.contents import examine
from connector.app.ground import Ground
from connector.app.keys import build_keys
from connector.app.relay import build_cloud
from connector.app.sources import build_sources


def rehearse(ground: Ground) -> None:
    """Build whatever a configuration can spoil and give it up again, changing nothing. Raises ConfigError."""
    examine(ground.loaded)
    build_cloud(ground.loaded.config, ground.keystore, ground.clock).close()
    for provider in build_conferences(
        ground.loaded.config, ground.keystore, ground.store, ground.clock
    ).values():
        provider.close()
    build_keys(ground).close()
    for parts in build_sources(ground).values():
        parts.source.close()
