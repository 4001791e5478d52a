"""Watchers for Google: with push, a channel for every calendar; without it everybody is polled, a complete mode of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import structlog

from connector.errors import Refused, Verdict
from connector.model import Clock, Mailbox, Nudge
from connector.source.base import Coverage, Subscription, SubscriptionShelf
from connector.source.google.push import Channels, Route

log = structlog.get_logger(__name__)

RENEW = timedelta(days=1)
"""A channel is renewed so long before its end, spread over as much again."""
RETRY = 60.0
"""Seconds until a channel that could not be made is tried again; doubled up to an hour."""
LONGEST_RETRY = 3600.0
NEVER = 24 * 3600.0
"""A calendar without notifications is asked again after a day."""
TICK = 5.0
"""Seconds between two looks at what is due."""
BATCH = 50
"""Channels made in one look, so that others' farewells don't wait."""
LEAVE_TRIES = 3


class PolledWatcher:
    """Watches nobody; satisfies ``connector.source.base.Watcher``.

    ``left`` hears of whoever is no longer ours; ``tidy`` is called now and then and takes back what they had.
    """

    def __init__(
        self,
        left: Callable[[Mailbox], None] = lambda _mailbox: None,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        self._lock = threading.Lock()
        self._wanted: dict[str, Mailbox] = {}
        self._left = left
        self._tidy = tidy

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        """Remember who is to be polled."""
        with self._lock:
            before, self._wanted = self._wanted, {one.id: one for one in mailboxes}
            gone = [one for one in before.values() if one.id not in self._wanted]
        for mailbox in gone:
            self._left(mailbox)

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:  # noqa: ARG002 - the core's timers poll
        """There is nothing to hear; only what was lent is taken back."""
        while not stop.wait(TICK):
            self._tidy()

    def rest(self, until: datetime | None) -> None:
        """Nothing is asked of Google here."""

    def coverage(self) -> Coverage:
        """Everybody is polled."""
        with self._lock:
            return Coverage(0, frozenset(), frozenset(self._wanted), {})

    def unsubscribe_all(self) -> int:
        """There are no channels."""
        return 0


@dataclass(slots=True)
class _Trouble:
    """A channel that could not be made: why, and from when it is tried again."""

    code: str
    wait: float
    until: float


@dataclass(slots=True)
class _Leaver:
    """A channel to be stopped, and how often that was tried."""

    mailbox: Mailbox
    subscription: Subscription
    tries: int = 0
    waits: bool = False


class PushWatcher:
    """Keeps a channel open for every calendar; satisfies ``connector.source.base.Watcher``.

    Nudges come from the receiver, not through ``run``; a new channel is followed by one, since changes before it went unheard.
    ``left`` hears of whoever is no longer ours, after the channel was stopped; ``tidy`` as with ``PolledWatcher``.
    """

    def __init__(
        self,
        source: str,
        channels: Channels,
        shelf: SubscriptionShelf,
        clock: Clock,
        left: Callable[[Mailbox], None] = lambda _mailbox: None,
        monotonic: Callable[[], float] = time.monotonic,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        self._channels = channels
        self._shelf = shelf
        self._clock = clock
        self._left = left
        self._tidy = tidy
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wanted: dict[str, Mailbox] = {}
        self._held = {one.mailbox_id: one for one in shelf.subscriptions(source)}
        for held in self._held.values():
            channels.resume(held)
        self._trouble: dict[str, _Trouble] = {}
        self._leavers: deque[_Leaver] = deque()
        self._resting: datetime | None = None
        self._wake = Event()

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        """Replace the set; channels of whoever left are stopped by the watcher's own thread."""
        with self._lock:
            before, self._wanted = self._wanted, {one.id: one for one in mailboxes}
            for mailbox_id in self._held.keys() - self._wanted.keys():
                held, mailbox = self._held.pop(mailbox_id), before.get(mailbox_id)
                if mailbox is None:
                    self._shelf.drop_subscription(mailbox_id)
                else:
                    self._leavers.append(_Leaver(mailbox, held))
            for mailbox_id in self._trouble.keys() - self._wanted.keys():
                del self._trouble[mailbox_id]
        self._wake.set()

    def leaving(self, address: str) -> bool:
        """Whether an address is no mailbox of ours any more but for the channel that is being stopped in its name."""
        return any(one.mailbox.address == address for one in tuple(self._leavers))

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        """Make, renew and stop channels until ``stop``."""
        while not stop.is_set():
            if not self._at_rest():
                self._say_farewell()
                self._tidy()
                for mailbox in self._due()[:BATCH]:
                    if stop.is_set():
                        return
                    self._subscribe(mailbox, nudge)
            self._wake.wait(0 if stop.is_set() else TICK)
            self._wake.clear()

    def rest(self, until: datetime | None) -> None:
        """Make and stop nothing until then."""
        self._resting = until
        self._wake.set()

    def coverage(self) -> Coverage:
        """Whoever has a living channel is heard of, the others are polled."""
        now = self._clock()
        heard = self._channels.ready and not self._resting
        with self._lock:
            living = {one for one, held in self._held.items() if self._heard(Route.of(held), now)}
            streamed = frozenset(living & self._wanted.keys()) if heard else frozenset[str]()
            broken: Mapping[str, str] = {one.code: one.code for one in self._trouble.values()}
            return Coverage(len(streamed), streamed, frozenset(self._wanted) - streamed, broken)

    def unsubscribe_all(self) -> int:
        """Stop every channel; the number of those that Google still had."""
        with self._lock:
            leaving = [
                _Leaver(self._wanted[one], held) for one, held in self._held.items() if one in self._wanted
            ]
            self._held.clear()
        return sum(self._stop(one) for one in leaving)

    # --- inside

    def _heard(self, route: Route, now: datetime) -> bool:
        return route.ends > now and self._channels.leads_here(route)

    def _at_rest(self) -> bool:
        return self._resting is not None and self._clock() < self._resting

    def _due(self) -> list[Mailbox]:
        """Mailboxes that want a channel now."""
        now, tick = self._clock(), self._monotonic()
        with self._lock:
            return [
                mailbox
                for mailbox in self._wanted.values()
                if self._wants(self._held.get(mailbox.id), now)
                and ((trouble := self._trouble.get(mailbox.id)) is None or trouble.until <= tick)
            ]

    def _wants(self, held: Subscription | None, now: datetime) -> bool:
        """Renewal comes a day or two before the end, at a time of each channel's own."""
        if held is None:
            return True
        route, share = Route.of(held), int.from_bytes(held.id.encode()[:4], "big") / 2**32
        return now >= route.ends - RENEW * (1 + share) or not self._channels.leads_here(route)

    def _subscribe(self, mailbox: Mailbox, nudge: Callable[[Nudge], None]) -> None:
        """Make the next channel, remember it, then stop the one before: two at a time only double nudges."""
        try:
            made = self._channels.open(mailbox)
        except Verdict as verdict:
            self._failed(mailbox, verdict)
            return
        self._shelf.save_subscription(made)
        with self._lock:
            before = self._held.get(mailbox.id)
            self._trouble.pop(mailbox.id, None)
            if mailbox.id in self._wanted:
                self._held[mailbox.id] = made
            else:
                self._leavers.append(_Leaver(mailbox, made))
        if before is not None:
            self._leavers.append(_Leaver(mailbox, before))
        nudge(Nudge(mailbox.id, "push"))

    def _failed(self, mailbox: Mailbox, verdict: Verdict) -> None:
        with self._lock:
            former = self._trouble.get(mailbox.id)
            wait = min(former.wait * 2, LONGEST_RETRY) if former else RETRY
            if isinstance(verdict, Refused):
                wait = NEVER
            self._trouble[mailbox.id] = _Trouble(verdict.code, wait, self._monotonic() + wait)
        if former is None or former.code != verdict.code:
            log.warning(
                "no notifications for a calendar; it is polled", mailbox=mailbox.address, why=str(verdict)
            )

    def _say_farewell(self) -> None:
        """One after the other; each stays in the queue until it is through, since it is opened in the leaver's name."""
        for _ in range(len(self._leavers)):
            leaver = self._leavers[0]
            again = not self._stop(leaver) and leaver.waits
            self._leavers.popleft()
            if again:
                self._leavers.append(leaver)

    def _stop(self, leaver: _Leaver) -> bool:
        """Whether Google still had it. Stop a channel; one that can't be stopped ends by itself within a week, and what it says is only a nudge."""
        try:
            there = self._channels.close(leaver.mailbox, leaver.subscription)
        except Verdict as verdict:
            leaver.tries += 1
            leaver.waits = leaver.tries < LEAVE_TRIES and not isinstance(verdict, Refused)
            if leaver.waits:
                return False
            log.warning("channel not stopped; it ends by itself", mailbox=leaver.mailbox.id, why=str(verdict))
            there = False
        leaver.waits = False
        self._forget(leaver)
        return there

    def _forget(self, leaver: _Leaver) -> None:
        with self._lock:
            current = self._held.get(leaver.mailbox.id)
            wanted = leaver.mailbox.id in self._wanted
        if current is None:
            self._shelf.drop_subscription(leaver.mailbox.id)
        if not wanted:
            self._left(leaver.mailbox)
