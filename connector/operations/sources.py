"""The calendar systems, for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from connector.config.sources import ExchangeSource
from connector.errors import NotFound
from connector.model import Phase
from connector.operations.desk import Desk
from connector.operations.mailboxes import phase_word
from connector.operations.status import Vitals

_PAUSED = "paused/"


def known(desk: Desk, name: str) -> None:
    """Raises NotFound when no source has that name."""
    if name not in desk.config.sources:
        names = ", ".join(desk.config.sources)
        raise NotFound(f"there is no source {name}; the configuration has: {names}")


def listing(desk: Desk, vitals: Vitals | None) -> list[dict[str, Any]]:
    """One row each."""
    return [_row(desk, name, vitals) for name in desk.config.sources]


def _row(desk: Desk, name: str, vitals: Vitals | None) -> dict[str, Any]:
    source = desk.config.sources[name]
    mine = {mailbox.id for mailbox in desk.store.mailboxes() if mailbox.source == name}
    states = Counter(phase_word(one) for one in desk.store.sessions() if one.mailbox_id in mine)
    held = [one for one in (vitals.holds if vitals else []) if one["source"] == name]
    return {
        "name": name,
        "type": source.type,
        "mailboxes": sum(states.values()),
        "active": states.get("active", 0),
        "state": held[0]["problem"] if held else "reachable" if vitals else "daemon not running",
    }


def show(desk: Desk, name: str, vitals: Vitals | None) -> dict[str, Any]:
    """One source in full."""
    known(desk, name)
    source = desk.config.sources[name]
    facts = {
        **_row(desk, name, vitals),
        "domains": list(source.domains),
        "streams": [one for one in (vitals.streams if vitals else []) if one["source"] == name],
        "budgets": [one for one in (vitals.budgets if vitals else []) if one["source"] == name],
    }
    if isinstance(source, ExchangeSource):
        facts["way"] = source.url or "Autodiscover"
        facts["accounts"] = [account.user for account in source.accounts.values()]
        facts["stream"] = source.stream
    return facts


def pause(desk: Desk, name: str, until: datetime) -> None:
    """Remember that nothing is to be asked of a source until then, over reloads and restarts."""
    desk.store.put_setting(_PAUSED + name, until.isoformat())
    desk.store.audit(desk.entry("source.pause", until=until.isoformat(), source=name))


def resume(desk: Desk, name: str) -> None:
    """Forget it."""
    desk.store.put_setting(_PAUSED + name, None)
    desk.store.audit(desk.entry("source.resume", source=name))


def paused(desk: Desk) -> dict[str, datetime]:
    """Until when the sources that are paused now are to be left alone."""
    kept = {name: desk.store.setting(_PAUSED + name) for name in desk.config.sources}
    ends = {name: datetime.fromisoformat(text) for name, text in kept.items() if text}
    return {name: until for name, until in ends.items() if until > desk.now()}


def retry_redirected(desk: Desk, name: str) -> None:
    """Look those up again whose way was not trusted until now."""
    for mailbox in desk.store.mailboxes(Phase.BLOCKED, Phase.REQUESTED):
        session = desk.store.session(mailbox.id)
        if mailbox.source == name and session and session.reason == "redirect-not-trusted":
            desk.alter(
                mailbox,
                lambda old: replace(old, phase=Phase.REQUESTED, due=desk.now(), attempts=0, reason=None),
                desk.entry("mailbox.retry", mailbox.address),
            )


def redirect_row(redirect: Any) -> dict[str, Any]:
    """A pending redirect as a row; the source's own record is read by its public names."""
    return {name: str(getattr(redirect, name)) for name in redirect.__slots__}
