"""From the configuration to the rules a step goes by, with a version that grows when they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from connector.config import Config
from connector.config.conferences import rooms
from connector.config.sources import Source
from connector.errors import SessionChanged, StoreError
from connector.meeting.enrich import enricher, join_rules
from connector.meeting.joinlink import Catalogue, Dialling, JoinRules, OwnRule, jitsi_server, template_rooms
from connector.model import Phase, Policy, Session
from connector.store.base import Store
from connector.sync import state
from connector.sync.context import Brake, Pace, Rules
from connector.sync.first_load import FirstLoads, Terms

ENRICHMENT = 2
"""Grows when a new version of the program finds other join links in the same meeting."""
TRIES = 20
"""How often a session is read again when something else commits it at the same moment."""


def rules_of(config: Config, version: int) -> Rules:
    """The rules in force. Raises ConfigError for a join rule whose pattern could run away."""
    return Rules(
        version=version,
        policies=policies_of(config),
        active=config.mode == "active",
        enrich=enricher(joining(config)),
        buffers=(config.buffers.start, config.buffers.end),
        absent_by_items=config.presence.out_of_office_items,
    )


def joining(config: Config) -> JoinRules:
    """The join rules in force. Raises ConfigError for one whose pattern could run away."""
    dialling = Dialling(zoom=config.dialling.zoom, domains=config.dialling.servers)
    return join_rules(config.join_rules, dialling, _configured(config))


def _configured(config: Config) -> Iterator[OwnRule]:
    """How to get into the rooms of the site's own conference services, as far as no shipped rule says it."""
    shipped = Catalogue()
    for name, (kind, address) in rooms(config.conference).items():
        rule = jitsi_server(name, address) if kind == "jitsi" else template_rooms(name, address)
        if rule is not None and not any(shipped.knows(host) for host in rule.service.hosts):
            yield rule


def policies_of(config: Config) -> Mapping[str, Policy]:
    """Policies by name."""
    return {
        name: Policy(name, frozenset(one.write), frozenset(one.send), one.private, one.presence)
        for name, one in config.policies.items()
    }


def brake_of(config: Config) -> Brake:
    """When too much is written."""
    writes = config.writes
    return Brake(
        share=writes.brake.percent / 100,
        period=writes.brake.period,
        per_mailbox=int(writes.brake_per_mailbox.count),
        per_mailbox_period=writes.brake_per_mailbox.period,
    )


def pace_of(source: Source) -> Pace:
    """How often a source is asked."""
    timing = source.timing
    return Pace(debounce=timing.debounce, sweep=timing.sweep, poll=timing.poll, presence=timing.out_of_office)


def first_loads_of(source: Source) -> FirstLoads:
    """How fast full reads may go."""
    hours = source.limits.first_load_hours
    terms = Terms(source.limits.first_load.per_second)
    return FirstLoads(replace(terms, open=hours.covers) if hours else terms)


def settle_version(config: Config, store: Store, now: datetime) -> int:
    """The version of the rules; when they differ from those of the last start, every list is compared anew.

    Rows of the old version are sealed and sent again, at the pace of a full read. Killed in between, the next start
    begins it again.
    """
    digest = _digest(config)
    version, _, known = (store.setting("rules") or "0:").partition(":")
    if known == digest:
        return int(version)
    following = int(version) + 1
    if known:
        for session in store.sessions():
            _read_anew(store, session, now)
    store.put_setting("rules", f"{following}:{digest}")
    return following


def _read_anew(store: Store, session: Session, now: datetime) -> None:
    """Against whatever else may commit the session just then, an administrator's verb for instance."""
    current: Session | None = session
    for _ in range(TRIES):
        if current is None or (anew := _anew(current, now)) is None:
            return
        try:
            store.change_session(anew)
        except SessionChanged:
            current = store.session(session.mailbox_id)
        else:
            return
    raise StoreError(f"The session of mailbox {session.mailbox_id} can't be changed: others do all the time.")


def _anew(session: Session, now: datetime) -> Session | None:
    """What is read begins from the start; what is held up does when it comes back; None where nothing was sent yet."""
    if session.phase in state.WATCHED:
        return replace(session, phase=Phase.LOADING, load=state.reread(session), cursor=None, due=now)
    if session.resume in state.WATCHED:
        return replace(session, resume=None, load=None)
    return None


def _digest(config: Config) -> str:
    """Only what changes what is sent: window, parts and privacy by policy, the join rules, and who keeps the keys.

    A move to a key server seals lists anew under its keys, for readers who get no others.
    """
    parts: dict[str, object] = {
        "enrichment": ENRICHMENT,
        "window": [config.window.back.total_seconds(), config.window.ahead.total_seconds()],
        "policies": {name: [sorted(p.send), p.private] for name, p in config.policies.items()},
        "join": {name: rule.model_dump(mode="json") for name, rule in config.join_rules.items()},
    }
    if config.buffers != Config.model_fields["buffers"].default:
        parts["buffers"] = [config.buffers.start.total_seconds(), config.buffers.end.total_seconds()]
    if config.dialling != Config.model_fields["dialling"].default:
        parts["dialling"] = [config.dialling.zoom, dict(config.dialling.servers)]
    if known := rooms(config.conference):
        parts["rooms"] = dict(known)
    if config.keys.service != "local":
        parts["keys"] = config.keys.server
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
