"""How things are: counted for people, for --json and for monitoring."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.model import Phase, Session
from connector.operations.desk import Desk
from connector.operations.mailboxes import moment, percent, phase_word
from connector.reasons import explain

PASSING = 2
"""So many failures of an activation in a row may pass by themselves."""
SHOWN = 20
"""Mailboxes in trouble that status names; mailbox list shows them all."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What only a running daemon knows."""

    started_at: datetime
    hub: dict[str, Any]
    streams: list[dict[str, Any]]
    holds: list[dict[str, Any]]
    alarms: list[dict[str, Any]]
    workers: int
    busy: int
    brake_since: datetime | None
    confirmed: bool
    config_digest: str
    loads_a_minute: float = 0.0
    budgets: list[dict[str, Any]] = field(default_factory=list)


def snapshot(desk: Desk, vitals: Vitals | None) -> dict[str, Any]:
    """Everything ``status`` shows, JSON-able; ``vitals`` None means that no daemon runs."""
    sessions = desk.store.sessions()
    outbox = desk.store.outbox()
    now = desk.now()
    return {
        "instance": desk.config.instance,
        "running": vitals is not None,
        "healthy": _healthy(sessions, vitals),
        "mode": desk.config.mode,
        "started": moment(vitals.started_at) if vitals else None,
        "mailboxes": dict(sorted(Counter(phase_word(one) for one in sessions).items())),
        "loading": _loading(desk, sessions, vitals),
        "lag_seconds": _lag(sessions, now),
        "outbox": {
            "waiting": outbox.waiting,
            "dead_letters": outbox.dead,
            "oldest_seconds": int((now - outbox.oldest).total_seconds()) if outbox.oldest else 0,
        },
        "epoch": desk.store.epoch(),
        "hub": vitals.hub if vitals else None,
        "streams": vitals.streams if vitals else [],
        "budgets": vitals.budgets if vitals else [],
        "held": vitals.holds if vitals else [],
        "alarms": vitals.alarms if vitals else [],
        "workers": {"all": vitals.workers, "busy": vitals.busy} if vitals else None,
        "writes": _writes(desk, vitals),
        "config_digest": vitals.config_digest if vitals else None,
        "troubles": _troubles(desk, sessions),
    }


def _healthy(sessions: Iterable[Session], vitals: Vitals | None) -> bool:
    if vitals is None or vitals.alarms or vitals.holds or not vitals.hub.get("up"):
        return False
    return not any(session.phase is Phase.BLOCKED or _stuck(session) for session in sessions)


def _stuck(session: Session) -> bool:
    """Whether an activation has failed several times in a row: it is told before anything else notices."""
    return session.phase in {Phase.REQUESTED, Phase.VALIDATING} and session.attempts > PASSING


def _loading(desk: Desk, sessions: Iterable[Session], vitals: Vitals | None) -> dict[str, Any] | None:
    """Progress of the first loads under way, and when they end if it goes on as in the last minutes."""
    shares = [share for one in sessions if (share := percent(desk, one)) is not None]
    waiting = sum(one.phase in {Phase.REQUESTED, Phase.VALIDATING} for one in sessions)
    if not shares and not waiting:
        return None
    left = len(shares) + waiting
    pace = vitals.loads_a_minute if vitals else 0.0
    return {
        "mailboxes": left,
        "percent": int(sum(shares) / left),
        "minutes_left": math.ceil(left / pace) if pace else None,
    }


def _lag(sessions: Iterable[Session], now: datetime) -> int:
    """Age of the oldest unfinished work among live mailboxes, in seconds: since a failure began, or since it was due."""
    late = [
        now - (session.failed_at or session.due)
        for session in sessions
        if session.phase is Phase.LIVE and (session.failed_at or session.due < now)
    ]
    return int(max(late, default=timedelta()).total_seconds())


def _writes(desk: Desk, vitals: Vitals | None) -> str:
    if desk.config.mode != "active":
        return "observing only"
    if vitals is not None and vitals.brake_since:
        return f"stopped by the brake since {moment(vitals.brake_since)}"
    if vitals is not None and not vitals.confirmed:
        return "waiting for the hub to confirm this start"
    return "flowing"


def _troubles(desk: Desk, sessions: Iterable[Session]) -> list[dict[str, Any]]:
    failing = sorted(
        (one for one in sessions if one.reason),
        key=lambda one: (one.phase is not Phase.BLOCKED, one.failed_at or one.due),
    )
    rows = []
    for session in failing[:SHOWN]:
        mailbox = desk.store.mailbox(session.mailbox_id)
        reason = explain(session.reason or "")
        rows.append(
            {
                "address": mailbox.address if mailbox else session.mailbox_id,
                "state": phase_word(session),
                "since": moment(session.failed_at),
                "problem": reason.sentence,
            }
        )
    return rows
