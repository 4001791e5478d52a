"""Who of a connection's members is subscribed, and when the others are tried again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

import structlog

from connector.errors import MailboxMoved, Scope, Throttled, Verdict
from connector.model import Clock, Mailbox
from connector.source.base import Subscription
from connector.source.exchange.groups import Seat
from connector.source.exchange.subscriptions import Ledger, Pace, Route, Subscriber, route_of

log = structlog.get_logger(__name__)

STEADY = timedelta(seconds=60)
"""A subscription that lived so long was a good one; its loss starts the count anew."""

FORGIVEN = 2
"""So many early losses in a row are made good at once; then the server seems not to want this mailbox streamed."""

FIRST_WAIT = 60.0
LONGEST_WAIT = 3600.0


def back_off(attempts: int, first: float, longest: float, dice: random.Random) -> float:
    """Seconds to wait after so many failures in a row (1 = the first): doubling, with full jitter."""
    return dice.uniform(0, min(longest, first * 2.0 ** min(attempts - 1, 20)))


@dataclass(slots=True)
class _Trial:
    failures: int = 0
    not_before: float = 0.0


class Enrolment:
    """The subscriptions of one connection, seen from its reader. ``due`` may be asked from other threads."""

    def __init__(
        self,
        subscriber: Subscriber,
        ledger: Ledger,
        pace: Pace,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
        dice: random.Random | None = None,
    ) -> None:
        self._subscriber = subscriber
        self._ledger = ledger
        self._pace = pace
        self._clock = clock
        self._monotonic = monotonic
        self._dice = dice or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._lock = threading.Lock()
        self._trials: dict[str, _Trial] = {}
        self._moved: set[str] = set()
        self._stale: list[Subscription] = []

    def held(self, seat: Seat, members: Sequence[Mailbox]) -> dict[str, Subscription]:
        """The living subscriptions of the members at this seat, by mailbox id."""
        found = self._ledger.of(member.id for member in members)
        return {one: held for one, held in found.items() if held.group == seat.connection}

    def complete(
        self, seat: Seat, members: Sequence[Mailbox], stop: Event, wanted: Callable[[str], bool]
    ) -> frozenset[str]:
        """Subscribe those who are not and may be tried; the mailbox ids that are new.

        ``wanted`` tells whether a mailbox still sits here when its subscription has come about.

        Raises:
            Verdict: the server, not a mailbox, is in the way.
        """
        held = self.held(seat, members)
        fresh = set()
        for member in members:
            if member.id in held or not self._may_try(member.id):
                continue
            if not self._pace.wait(stop):
                break
            made = self._subscribe(member, seat, _common_route(held))
            if made and self._keep(made, wanted):
                held[member.id] = made
                fresh.add(member.id)
        return frozenset(fresh)

    def lose(self, lost: Collection[Subscription], *, gone: bool) -> None:
        """These are of no use any more: forget them, so that ``complete`` makes new ones.

        Unless the server has said that they are ``gone``, they are to be given back (``take_stale``).
        """
        if not gone:
            with self._lock:
                self._stale += lost
        for subscription in lost:
            if self._ledger.drop(subscription):
                self._ledger.forget(subscription)
            with self._lock:
                trial = self._trials.setdefault(subscription.mailbox_id, _Trial())
                if self._clock() - subscription.made_at >= STEADY:
                    trial.failures = 0
                trial.failures += 1
                if trial.failures > FORGIVEN:
                    self._put_off(trial, timedelta(0))

    def due(self, mailbox_ids: Iterable[str]) -> bool:
        """Whether one of those without a subscription may be tried now."""
        return any(self._may_try(mailbox_id) for mailbox_id in mailbox_ids)

    def take_moved(self) -> frozenset[str]:
        """Mailbox ids that may live elsewhere by now, as found since the last call."""
        with self._lock:
            moved, self._moved = frozenset(self._moved), set()
            return moved

    def take_stale(self) -> list[Subscription]:
        """Subscriptions to be given back, since the last call."""
        with self._lock:
            stale, self._stale = self._stale, []
            return stale

    def suspect(self, mailbox_ids: Iterable[str]) -> None:
        """These may live elsewhere by now."""
        with self._lock:
            self._moved |= set(mailbox_ids)

    def _subscribe(self, member: Mailbox, seat: Seat, route: Route | None) -> Subscription | None:
        try:
            return self._subscriber.subscribe(member, seat, route)
        except Verdict as verdict:
            if verdict.scope not in {Scope.ITEM, Scope.MAILBOX}:
                raise
            self._refused(member, verdict)
            return None

    def _keep(self, made: Subscription, wanted: Callable[[str], bool]) -> bool:
        """Remember the subscription, or give it back when its mailbox has left in the meantime."""
        if wanted(made.mailbox_id):
            self._ledger.keep(made)
            return True
        try:
            self._subscriber.unsubscribe(made)
        except Verdict as verdict:
            log.warning("subscription not given back", mailbox=made.mailbox_id, why=str(verdict))
        return False

    def _refused(self, member: Mailbox, verdict: Verdict) -> None:
        with self._lock:
            trial = self._trials.setdefault(member.id, _Trial())
            trial.failures += 1
            first = trial.failures == 1
            self._put_off(trial, verdict.retry_after if isinstance(verdict, Throttled) else timedelta(0))
            if isinstance(verdict, MailboxMoved):
                self._moved.add(member.id)
        if first:
            log.warning("mailbox is polled, it can't be subscribed", mailbox=member.id, why=str(verdict))

    def _put_off(self, trial: _Trial, at_least: timedelta) -> None:
        wait = FIRST_WAIT / 2 + back_off(trial.failures, FIRST_WAIT, LONGEST_WAIT, self._dice)
        trial.not_before = self._monotonic() + max(wait, at_least.total_seconds())

    def _may_try(self, mailbox_id: str) -> bool:
        with self._lock:
            trial = self._trials.get(mailbox_id)
            return trial is None or trial.not_before <= self._monotonic()


def _common_route(held: dict[str, Subscription]) -> Route | None:
    """The route of the oldest living subscription; None when the next one has to be the anchor."""
    oldest = min(held.values(), key=lambda one: one.made_at, default=None)
    return route_of(oldest) if oldest else None
