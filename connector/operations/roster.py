"""Roster runs: read the places, plan, and carry the plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connector.errors import UserError
from connector.model import Mailbox, Phase
from connector.operations import mailboxes
from connector.operations.desk import Desk
from connector.roster.base import RosterPlace
from connector.sync.roster import MANUAL, Known, RosterPlan, Terms, Wanted, plan


class TooMuch(UserError):
    """One run would change more than ``max_change`` allows."""

    def __init__(self, why: str, changes: int, mailboxes: int) -> None:
        super().__init__(
            f"{why}; nothing was changed. calendar-connector roster plan shows them, roster sync --force makes them"
        )
        self.changes = changes
        self.mailboxes = mailboxes


def look(desk: Desk, places: Sequence[RosterPlace]) -> RosterPlan:
    """What a run would do. Raises RosterUnreadable when any place can't be read: half a roster is none."""
    wanted = [
        Wanted(address, place.name, place.policy, _source(desk, place))
        for place in places
        for address in place.addresses()
    ]
    sessions = {session.mailbox_id: session for session in desk.store.sessions()}
    known = [
        Known(mailbox, sessions[mailbox.id].phase)
        for mailbox in desk.store.mailboxes()
        if mailbox.id in sessions
    ]
    return plan(wanted, known, _terms(desk), desk.now())


def _source(desk: Desk, place: RosterPlace) -> str | None:
    entry = desk.config.roster.from_.get(place.name)
    return entry.source if entry else None


def sync(desk: Desk, places: Sequence[RosterPlace], *, force: bool = False) -> RosterPlan:
    """Carry a run out. Raises TooMuch (nothing is changed) unless ``force``, and RosterUnreadable."""
    planned = look(desk, places)
    if planned.too_much and not force:
        raise TooMuch(planned.too_much, planned.changes, len(desk.store.sessions()))
    _carry_out(desk, planned)
    if planned.changes:
        desk.store.audit(desk.entry("roster.sync", **counts(planned)))
    return planned


def _carry_out(desk: Desk, planned: RosterPlan) -> None:
    for wanted in planned.join:
        mailboxes.activate(desk, [wanted.address], wanted.policy, wanted.origin, wanted.source)
    for mailbox, wanted in planned.assign:
        _assign(desk, mailbox, wanted)
    for mailbox in planned.pause:
        desk.store.change_mailbox(replace(mailbox, left_at=desk.now()))
        mailboxes.leave(desk, mailbox)
    for mailbox in planned.come_back:
        _come_back(desk, mailbox)
    mailboxes.deactivate(desk, [mailbox.id for mailbox in planned.deactivate], erase=True)


def _assign(desk: Desk, mailbox: Mailbox, wanted: Wanted) -> None:
    entry = desk.entry("mailbox.assign", mailbox.address, policy=wanted.policy, origin=wanted.origin)
    desk.store.change_mailbox(replace(mailbox, policy=wanted.policy, origin=wanted.origin), entry)
    if mailbox.policy != wanted.policy:
        mailboxes.reread(desk, mailbox, desk.entry("mailbox.resync", mailbox.address, cause="policy"))


def _come_back(desk: Desk, mailbox: Mailbox) -> None:
    """Go on with a mailbox that is named again; what an administrator paused stays paused."""
    current = desk.mailbox(mailbox.id)
    entry = desk.entry("mailbox.back", mailbox.address)
    desk.store.change_mailbox(replace(current, left_at=None), entry)
    if desk.session(mailbox).reason == "left-roster":
        mailboxes.resume(desk, [mailbox.id])


def _terms(desk: Desk) -> Terms:
    config = desk.config
    return Terms(
        domains=frozenset(domain for source in config.sources.values() for domain in source.domains),
        exclude=frozenset(config.roster.exclude),
        leave_after=config.roster.leave_after,
        max_change=config.roster.max_change.percent / 100,
    )


def counts(planned: RosterPlan) -> dict[str, Any]:
    """The plan in numbers."""
    return {
        "join": len(planned.join),
        "assign": len(planned.assign),
        "pause": len(planned.pause),
        "deactivate": len(planned.deactivate),
        "come_back": len(planned.come_back),
        "foreign": len(planned.foreign),
    }


def rows(planned: RosterPlan) -> list[dict[str, str]]:
    """The plan line by line."""
    found = [{"action": "activate", "address": one.address, "origin": one.origin} for one in planned.join]
    found += [
        {"action": f"policy {w.policy}", "address": m.address, "origin": w.origin} for m, w in planned.assign
    ]
    for action, group in (
        ("pause", planned.pause),
        ("deactivate", planned.deactivate),
        ("resume", planned.come_back),
    ):
        found += [
            {"action": action, "address": mailbox.address, "origin": mailbox.origin} for mailbox in group
        ]
    found += [{"action": "refuse (domain)", "address": address, "origin": ""} for address in planned.foreign]
    return found


def members(desk: Desk) -> list[dict[str, str]]:
    """Who is activated, and by which place."""
    found = [
        {
            "address": mailbox.address,
            "origin": mailbox.origin if mailbox.origin != MANUAL else "by hand",
            "policy": mailbox.policy,
            "left": mailbox.left_at.date().isoformat() if mailbox.left_at else "",
        }
        for mailbox in desk.store.mailboxes()
        if (session := desk.store.session(mailbox.id)) is None or session.phase is not Phase.LEAVING
    ]
    return sorted(found, key=lambda row: row["address"])
