"""Who is to be activated, compared with who is: a pure plan, carried out elsewhere (operating.md, Roster)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model import Mailbox, Phase

MANUAL = "manual"
"""Origin of mailboxes that were activated by hand; the roster never touches them, except by ``exclude``."""

SMALL = 5
"""So many changes are always allowed, whatever the share: small sites would never get started otherwise."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One address that a place names."""

    address: str
    origin: str
    policy: str
    source: str | None = None
    """Where it lives, where the place says so; else its mail domain tells."""


@dataclass(frozen=True, slots=True)
class Known:
    """A mailbox as it is."""

    mailbox: Mailbox
    phase: Phase


@dataclass(frozen=True, slots=True)
class RosterPlan:
    """What a run would do. ``too_much`` says why nothing of it may be done by itself."""

    join: tuple[Wanted, ...] = ()
    assign: tuple[tuple[Mailbox, Wanted], ...] = ()
    pause: tuple[Mailbox, ...] = ()
    deactivate: tuple[Mailbox, ...] = ()
    come_back: tuple[Mailbox, ...] = ()
    foreign: tuple[str, ...] = ()
    too_much: str = ""

    @property
    def changes(self) -> int:
        """How many mailboxes it would touch."""
        return sum(map(len, (self.join, self.assign, self.pause, self.deactivate, self.come_back)))


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules of a roster; ``domains`` are all mail domains of all sources."""

    domains: frozenset[str]
    exclude: frozenset[str]
    leave_after: timedelta
    max_change: float


def plan(places: Sequence[Wanted], known: Iterable[Known], terms: Terms, now: datetime) -> RosterPlan:
    """Compare; the first place that names an address decides its policy, ``exclude`` always wins."""
    wanted: dict[str, Wanted] = {}
    for one in places:
        wanted.setdefault(one.address, one)
    foreign = tuple(a for a in wanted if a.partition("@")[2] not in terms.domains)
    allowed = {a: w for a, w in wanted.items() if a not in terms.exclude and a not in foreign}
    here = {one.mailbox.address: one for one in known if one.phase is not Phase.LEAVING}
    drafted = RosterPlan(
        join=tuple(one for address, one in allowed.items() if address not in here),
        assign=tuple(_assign(allowed, here)),
        pause=tuple(one.mailbox for one in here.values() if _leaves(one, allowed, terms)),
        deactivate=tuple(one.mailbox for one in here.values() if _overdue(one, allowed, terms, now)),
        come_back=tuple(
            one.mailbox for one in here.values() if one.mailbox.left_at and one.mailbox.address in allowed
        ),
        foreign=foreign,
    )
    return _bounded(drafted, here, terms)


def _assign(allowed: Mapping[str, Wanted], here: Mapping[str, Known]) -> Iterable[tuple[Mailbox, Wanted]]:
    for address, one in here.items():
        wanted = allowed.get(address)
        mailbox = one.mailbox
        if (
            wanted
            and mailbox.origin != MANUAL
            and (mailbox.policy, mailbox.origin) != (wanted.policy, wanted.origin)
        ):
            yield mailbox, wanted


def _leaves(one: Known, allowed: Mapping[str, Wanted], terms: Terms) -> bool:
    return one.mailbox.left_at is None and _unwanted(one, allowed, terms)


def _overdue(one: Known, allowed: Mapping[str, Wanted], terms: Terms, now: datetime) -> bool:
    left = one.mailbox.left_at
    return left is not None and left + terms.leave_after <= now and _unwanted(one, allowed, terms)


def _unwanted(one: Known, allowed: Mapping[str, Wanted], terms: Terms) -> bool:
    address = one.mailbox.address
    if address in terms.exclude:
        return True
    return one.mailbox.origin != MANUAL and address not in allowed


def _bounded(drafted: RosterPlan, here: Mapping[str, Known], terms: Terms) -> RosterPlan:
    """Leavers and changed policies are bounded by ``max_change``; so are joiners, once there is somebody to compare with."""
    allowance = max(SMALL, int(len(here) * terms.max_change))
    touched = len(drafted.pause) + len(drafted.assign) + (len(drafted.join) if here else 0)
    if touched <= allowance:
        return drafted
    share = f"{terms.max_change:.0%} of {len(here)} mailboxes"
    return RosterPlan(
        **{name: getattr(drafted, name) for name in RosterPlan.__slots__ if name != "too_much"},
        too_much=f"{touched} changes at once are more than max_change allows ({share}, at least {SMALL})",
    )
