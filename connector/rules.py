"""From the configuration to the rules a step goes by, with a version that grows when they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connector.config import Config
from connector.config.sources import ExchangeSource
from connector.meeting.enrich import enrich
from connector.model import Phase, Policy
from connector.store.base import Store
from connector.sync import state
from connector.sync.context import Brake, Pace, Rules
from connector.sync.first_load import FirstLoads, Terms

ENRICHMENT = 1
"""Grows when a new version of the program finds other join links in the same meeting."""


def rules_of(config: Config, version: int) -> Rules:
    """The rules in force."""
    return Rules(version=version, policies=policies_of(config), active=config.mode == "active", enrich=enrich)


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


def pace_of(source: ExchangeSource) -> Pace:
    """How often a source is asked."""
    timing = source.timing
    return Pace(debounce=timing.debounce, sweep=timing.sweep, poll=timing.poll, presence=timing.out_of_office)


def first_loads_of(source: ExchangeSource) -> FirstLoads:
    """How fast full reads may go."""
    hours = source.limits.first_load_hours
    terms = Terms(source.limits.first_load.per_second)
    return FirstLoads(replace(terms, open=hours.covers) if hours else terms)


def settle_version(config: Config, store: Store, now: datetime) -> int:
    """The version of the rules; when they differ from those of the last start, every list is compared anew.

    Nothing is resent that the new rules don't change: rows of the old version are sealed and sent again, at the pace of
    a full read.
    """
    digest = _digest(config)
    version, _, known = (store.setting("rules") or "0:").partition(":")
    if known == digest:
        return int(version)
    following = int(version) + 1
    store.put_setting("rules", f"{following}:{digest}")
    if known:
        _reread_everything(store, now)
    return following


def _reread_everything(store: Store, now: datetime) -> None:
    for session in store.sessions():
        if session.phase is Phase.LIVE:
            store.change_session(
                replace(session, phase=Phase.LOADING, load=state.reread(session), cursor=None, due=now)
            )


def _digest(config: Config) -> str:
    """Only what changes what is sent: parts and privacy by policy, and the join rules."""
    parts = {
        "enrichment": ENRICHMENT,
        "policies": {name: [sorted(p.send), p.private] for name, p in config.policies.items()},
        "join": {name: rule.model_dump(mode="json") for name, rule in config.join_rules.items()},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
