"""What must fit together across sections. Each finding is a path and the sentence on what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from connector.config import files
from connector.config.conferences import Template
from connector.config.models import Config
from connector.config.sources import ExchangeSource
from connector.config.tree import Path

Finding = tuple[Path, str]

MANUAL = "manual"
"""Origin of mailboxes activated by hand; no place of the roster may be called so."""


def check(config: Config, data: Mapping[str, Any], *, with_files: bool = True) -> Iterator[Finding]:
    """Find everything that does not fit; ``data`` is the text's own content, whose names count as known."""
    yield from _references(config, data)
    yield from _kinds_of_proxies(config)
    yield from _domains(config)
    yield from _accounts(config)
    yield from _rates(config)
    yield from _keywords(config)
    if MANUAL in config.roster.from_:
        yield (
            ("roster", "from", MANUAL),
            f"{MANUAL} is what mailboxes activated by hand are listed under; rename it",
        )
    yield from _canary(config)
    if with_files:
        yield from files.check(config)


def _references(config: Config, data: Mapping[str, Any]) -> Iterator[Finding]:
    for section, path, name in _named(config):
        written = data.get(section)
        known = {*getattr(config, section), *(written if isinstance(written, dict) else ())}
        if name not in known:
            yield path, _unknown(section, name, sorted(known))


def _unknown(section: str, name: str, known: list[str]) -> str:
    if not known:
        return f"there is no section {section}; add it with an entry {name}"
    close = difflib.get_close_matches(name, known, n=1)
    return f"{name} is not in {section}; write {close[0] if close else 'one of ' + ', '.join(known)}, or add it there"


def _named(config: Config) -> Iterator[tuple[str, Path, str]]:
    """Every place that refers to an entry of another section by name."""
    for path, name in _proxies(config):
        if name is not None:
            yield "proxies", path, name
    for place, entry in config.roster.from_.items():
        yield "policies", ("roster", "from", place, "policy"), entry.policy
        if entry.directory is not None:
            yield "directories", ("roster", "from", place, "directory"), entry.directory
        if entry.source is not None:
            yield "sources", ("roster", "from", place, "source"), entry.source
    for kind, service in config.conference.items():
        if isinstance(service, Template) and service.directory is not None:
            yield "directories", ("conference", kind, "directory"), service.directory
    for word, kind in config.keywords.items():
        yield "conference", ("keywords", word), kind
    for policy in config.keys.readers:
        yield "policies", ("keys", "readers", policy), policy


def _proxies(config: Config) -> Iterator[tuple[Path, str | None]]:
    yield ("hub", "proxy"), config.hub.proxy
    yield ("alarms", "proxy"), config.alarms.proxy
    yield ("keys", "proxy"), config.keys.proxy
    yield from ((("sources", name, "proxy"), source.proxy) for name, source in config.sources.items())
    for name, service in config.conference.items():
        yield ("conference", name, "proxy"), getattr(service, "proxy", None)


def _kinds_of_proxies(config: Config) -> Iterator[Finding]:
    """What a proxy may be that works everywhere, and on the way to Exchange."""
    for name, proxy in config.proxies.items():
        if proxy.auth == "negotiate":
            yield (
                ("proxies", name, "auth"),
                f"this version can't log on to a proxy by Kerberos; write basic and type its user:password (secret set proxy/{name}), or none",
            )
    for name, source in config.sources.items():
        way = config.proxies.get(source.proxy or "")
        if isinstance(source, ExchangeSource) and way is not None and way.url.startswith("https:"):
            yield (
                ("sources", name, "proxy"),
                f"{source.proxy} is reached over TLS, through which no second TLS goes to Exchange; name a proxy with an http:// address",
            )


def _domains(config: Config) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    listed = {entry.source for entry in config.roster.from_.values()}
    for name, source in config.sources.items():
        for place, domain in enumerate(source.domains):
            if owners.get(domain) == name or (domain in owners and name not in listed):
                yield ("sources", name, "domains", place), _twice(domain, owners[domain], name)
            owners.setdefault(domain, name)


def _twice(domain: str, first: str, second: str) -> str:
    if first == second:
        return f"{domain} stands here twice; keep one"
    return (
        f"{domain} belongs to source {first} already; a domain has one source, so remove it from one of them, "
        f"or list who lives in the other: roster.from.NAME with source: {second}"
    )


def _accounts(config: Config) -> Iterator[Finding]:
    for name, source in config.sources.items():
        if not isinstance(source, ExchangeSource):
            continue
        latest = None
        for account, entry in source.accounts.items():
            if latest is not None and entry.from_ is not None and entry.from_ <= latest:
                path: Path = ("sources", name, "accounts", account, "from")
                yield (
                    path,
                    f"{entry.from_} is not after {latest} of the account above; put the accounts in order",
                )
            latest = entry.from_ or latest


def _keywords(config: Config) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for word in config.keywords:
        first = seen.setdefault(word.casefold(), word)
        if first != word:
            yield ("keywords", word), f"it is the same as {first}, as capitals do not count; keep one of them"


def _canary(config: Config) -> Iterator[Finding]:
    served = {domain for source in config.sources.values() for domain in source.domains}
    if config.alarms.canary and config.alarms.canary.partition("@")[2] not in served:
        yield ("alarms", "canary"), "its domain belongs to no source; name a mailbox of a source"


def _rates(config: Config) -> Iterator[Finding]:
    for name, source in config.sources.items():
        limits = source.limits
        if limits.first_load.per_second > limits.requests.per_second:
            path: Path = ("sources", name, "limits", "first_load")
            yield (
                path,
                f"{limits.first_load} is above requests ({limits.requests}), of which it is a part; lower it",
            )
