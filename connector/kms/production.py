"""What must be true before real keys are handed out, and what status says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from connector.errors import ConfigError, Problem
from connector.kms import times
from connector.kms.house import House
from connector.kms.settings import IssuerSettings, Settings

DRILL = "drilled_at"
"""The fact that says when a backup was last restored for practice."""


def demand(house: House) -> None:
    """Raises ConfigError with every reason not to start; nothing in a trial."""
    if house.settings.production:
        problems = tuple(Problem(one) for one in shortcomings(house))
        if problems:
            raise ConfigError(problems)


def shortcomings(house: House) -> Iterator[str]:
    """Sentences that begin with what is wrong and end with what to do."""
    settings = house.settings
    if settings.kek.provider == "file":
        yield 'kek.provider = "file" is for trials: seal the master secret by systemd-creds, or use a token.'
    if not settings.static_key.chain:
        yield "static_key.chain is missing: clients check the static key by its certificate."
    for name, issuer in settings.issuers.items():
        if of_hub(settings, issuer):
            yield (
                f"issuers.{name} is run by the hub, whose tokens would open every key: name an issuer of your own,"
                ' or mode = "trial".'
            )
    if not drilled(house):
        yield (
            "No backup was restored for practice yet, or too long ago: calendar-connector-kms backup,"
            " then calendar-connector-kms drill FILE"
        )


def of_hub(settings: Settings, issuer: IssuerSettings) -> bool:
    """Whether the issuer is the hub, or lives in a domain that the hub's operator runs."""
    domains = {one.lower() for one in settings.hub.domains}
    if settings.hub.url:
        domains.add(_host(settings.hub.url))
    hosts = {_host(issuer.issuer), _host(issuer.jwks)} - {""}
    return issuer.run_by_hub or any(_within(host, domain) for host in hosts for domain in domains)


def drilled(house: House) -> bool:
    """Whether a restore drill succeeded, and not too long ago."""
    with house.database.reading() as connection:
        at = last_drill(connection)
    return at is not None and house.clock() - at < house.settings.times.drill


def last_drill(connection: sqlite3.Connection) -> datetime | None:
    """When a backup was last restored for practice."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (DRILL,)).fetchone()
    return times.moment(int(row["value"])) if row else None


def _host(url: str) -> str:
    return "" if Path(url).is_absolute() else (urlsplit(url).hostname or "").lower().rstrip(".")


def _within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}") or domain.endswith(f".{host}")
