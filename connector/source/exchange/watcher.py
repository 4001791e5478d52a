"""The Watcher of Exchange: seats mailboxes on streaming connections and keeps a reader to each.

Modes: ``grouped`` (up to 200 mailboxes of an affinity group share a connection), ``per-mailbox`` (one each, up to a
limit, for servers whose streams carry one mailbox only), ``off``. Who has no stream is reported as polled; polling
itself is the core's.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, Thread
from typing import Protocol

import structlog

from connector.errors import CredentialRefused, Transient, Verdict
from connector.model import Clock, Identity, Location, Mailbox, Nudge
from connector.source.base import Coverage, Subscription, SubscriptionShelf
from connector.source.exchange.enrolment import Enrolment
from connector.source.exchange.groups import SIZE, Plan, Seat, Table, arrange
from connector.source.exchange.patience import Tuning
from connector.source.exchange.reader import Reader, Wire
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.subscriptions import Ledger, Pace, Subscriber, seat_of

log = structlog.get_logger(__name__)

JOIN = 5.0
ASK_WAIT = 300.0
LEAVE_WAIT = 30.0
LEAVE_TRIES = 5
LEAVE_BATCH = 50


class Locator(Protocol):
    """The part of ``account.Directory`` that is needed here."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Where the addresses live."""


@dataclass(slots=True)
class _Chair:
    """A reader and its thread."""

    reader: Reader
    thread: Thread


@dataclass(slots=True)
class _Leaver:
    """A subscription to be given back."""

    subscription: Subscription
    tries: int = 0


class ExchangeWatcher:
    """``connector.source.base.Watcher`` by streaming notifications."""

    def __init__(
        self,
        settings: ExchangeSettings,
        wire: Wire,
        directory: Locator,
        shelf: SubscriptionShelf,
        clock: Clock,
        tuning: Tuning | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        dice: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._directory = directory
        self._clock = clock
        self._tuning = tuning or Tuning()
        self._monotonic = monotonic
        self._dice = dice or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._ledger = Ledger(settings.name, shelf)
        self._subscriber = Subscriber(settings.name, wire, clock)
        self._pace = Pace(self._subscribes, monotonic, self._dice)
        self._wanted_lock = threading.Lock()
        self._wanted: tuple[Mailbox, ...] | None = None
        self._changed = Event()
        self._seating_lock = threading.Lock()
        self._chairs: dict[Seat, _Chair] = {}
        self._places: dict[str, tuple[Location | None, Location]] = {}
        self._leavers: deque[_Leaver] = deque()
        self._leave_from = 0.0
        self._seat_from = 0.0
        self._ask_from: float | None = None
        self._failure: BaseException | None = None
        self._rests_until: datetime | None = None
        self._was_resting = False
        self._started = 0

    # --- Watcher

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        """Replace the set of mailboxes to be watched; the work happens in ``run``."""
        with self._wanted_lock:
            self._wanted = tuple(mailboxes)
        self._changed.set()

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        """Watch until ``stop``. Raises what a reader died of."""
        try:
            while not stop.wait(self._tuning.tick):
                if self._failure:
                    raise self._failure
                if self._resting():
                    self._halt()
                else:
                    self._tend(stop, nudge)
        finally:
            self._halt()

    def rest(self, until: datetime | None) -> None:
        """Close every connection until then; subscriptions are kept, and the return is spread over some seconds."""
        with self._wanted_lock:
            self._rests_until = until

    def coverage(self) -> Coverage:
        """What is streamed and what has to be polled."""
        with self._wanted_lock:
            wanted = frozenset(mailbox.id for mailbox in self._wanted or ())
        reports = {seat.connection: chair.reader.report() for seat, chair in self._chairs.items()}
        streamed = frozenset().union(*(report.streamed for report in reports.values())) & wanted
        broken = {name: report.trouble for name, report in reports.items() if report.trouble}
        streams = sum(bool(report.streamed) for report in reports.values())
        return Coverage(streams, streamed, wanted - streamed, broken)

    def unsubscribe_all(self) -> int:
        """Give back every subscription and stream nothing until ``watch`` is called again."""
        with self._wanted_lock:
            self._wanted = ()
        with self._seating_lock:
            self._seat(Plan(), None, None)
            return sum(self._give_back(leaver) for leaver in self._take_leavers())

    def _resting(self) -> bool:
        """Whether the source is to be left alone; the first look after that has everybody seated again."""
        with self._wanted_lock:
            until, now = self._rests_until, self._clock()
            if until is not None and until > now:
                self._was_resting = True
                return True
            rested, self._was_resting = self._was_resting, False
        if rested:
            self._seat_from = self._monotonic() + self._dice.uniform(0, self._tuning.return_within)
            self._changed.set()
        return False

    # --- seating

    def _tend(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        """One look: who moved, who joined or left, who can be subscribed now, what is to be given back."""
        self._relocate_moved()
        if self._ask_from is not None and self._monotonic() >= self._ask_from:
            self._changed.set()
        with self._seating_lock:
            if self._changed.is_set() and self._monotonic() >= self._seat_from:
                self._changed.clear()
                self._seat(self._plan(), stop, nudge)
                self._seat_from = self._monotonic() + self._tuning.settle
            for leaver in self._due_leavers():
                if stop.is_set():
                    return
                self._give_back(leaver)
        for chair in self._chairs.values():
            chair.reader.look()
            self._leavers.extend(map(_Leaver, chair.reader.enrolment.take_stale()))

    def _plan(self) -> Plan:
        with self._wanted_lock:
            wanted = self._wanted or ()
        if self._settings.stream == "off":
            return Plan(polled=frozenset(mailbox.id for mailbox in wanted))
        placed = self._placed(wanted)
        if self._settings.stream == "per-mailbox":
            return arrange(placed, self._ledger.seats(), 1, self._tuning.per_mailbox)
        return arrange(placed, self._ledger.seats(), SIZE, self._settings.limits.streams)

    def _seat(self, plan: Plan, stop: Event | None, nudge: Callable[[Nudge], None] | None) -> None:
        """Bring readers and subscriptions in line with the plan; call with the seating lock held."""
        tables = {table.seat: table for table in plan.tables}
        seated = {member.id: table.seat for table in plan.tables for member in table.members}
        for seat, chair in self._chairs.items():
            chair.reader.keep_only({one for one, there in seated.items() if there == seat})
        self._dismiss(seated)
        chairs = {seat: chair for seat, chair in self._chairs.items() if seat in tables}
        for seat in self._chairs.keys() - chairs.keys():
            self._chairs[seat].reader.retire()
        for seat, table in tables.items():
            if seat in chairs:
                chairs[seat].reader.seat_members(table.members)
            elif stop and nudge:
                chairs[seat] = self._start(table, stop, nudge)
        self._chairs = chairs

    def _dismiss(self, seated: Mapping[str, Seat]) -> None:
        """Give up the subscriptions of those who have no seat or another one."""
        for subscription in self._ledger.all():
            seat = seated.get(subscription.mailbox_id)
            if seat != seat_of(subscription) and self._ledger.drop(subscription):
                self._leavers.append(_Leaver(subscription))

    def _start(self, table: Table, stop: Event, nudge: Callable[[Nudge], None]) -> _Chair:
        enrolment = Enrolment(
            self._subscriber, self._ledger, self._pace, self._clock, self._monotonic, self._dice
        )
        reader = Reader(table.seat, self._wire, enrolment, nudge, self._tuning, self._monotonic, self._dice)
        reader.seat_members(table.members)
        self._started += 1
        name = f"stream-{self._settings.name}-{self._started}"
        thread = Thread(target=self._live, args=(reader, stop), name=name, daemon=True)
        thread.start()
        return _Chair(reader, thread)

    def _live(self, reader: Reader, stop: Event) -> None:
        try:
            reader.run(stop)
        except BaseException as failure:  # noqa: BLE001 - raised again by run, in the thread that is watched
            self._failure = failure

    def _halt(self) -> None:
        """End all connections; what the server holds is kept for the next start."""
        with self._seating_lock:
            chairs, self._chairs = self._chairs.values(), {}
        for chair in chairs:
            chair.reader.retire()
        end = self._monotonic() + JOIN
        for chair in chairs:
            chair.thread.join(max(0.0, end - self._monotonic()))

    def _subscribes(self) -> float:
        """How many a second: a share of our own limit, less while the servers are busy."""
        return self._tuning.subscribe_share * self._settings.limits.requests * self._wire.ease()

    # --- where mailboxes live

    def _placed(self, wanted: Iterable[Mailbox]) -> list[Mailbox]:
        """The mailboxes at the places last heard of; those without any are asked for."""
        placed = [self._at_its_place(mailbox) for mailbox in wanted]
        nowhere = [mailbox for mailbox in placed if mailbox.location is None]
        self._ask_for(nowhere)
        self._ask_from = self._monotonic() + ASK_WAIT if nowhere else None
        return [self._at_its_place(mailbox) for mailbox in placed]

    def _at_its_place(self, mailbox: Mailbox) -> Mailbox:
        given, found = self._places.get(mailbox.id, (None, None))
        return replace(mailbox, location=found) if found and mailbox.location == given else mailbox

    def _ask_for(self, mailboxes: Sequence[Mailbox]) -> bool:
        """Ask Autodiscover; whether anything was learnt that is not known yet."""
        answers = self._directory.locate([mailbox.address for mailbox in mailboxes]) if mailboxes else {}
        learnt = False
        for mailbox in mailboxes:
            answer = answers.get(mailbox.address)
            if isinstance(answer, Identity) and answer.location and answer.location != mailbox.location:
                self._places[mailbox.id] = (mailbox.location, answer.location)
                learnt = True
        return learnt

    def _relocate_moved(self) -> None:
        moved = set[str]().union(*(chair.reader.enrolment.take_moved() for chair in self._chairs.values()))
        if not moved:
            return
        with self._wanted_lock:
            concerned = [mailbox for mailbox in self._wanted or () if mailbox.id in moved]
        if self._ask_for(concerned):
            self._changed.set()

    # --- giving back

    def _take_leavers(self) -> list[_Leaver]:
        taken, self._leavers = list(self._leavers), deque()
        return taken

    def _due_leavers(self) -> list[_Leaver]:
        """A handful at a time, so that seating does not wait for a long farewell."""
        if self._monotonic() < self._leave_from:
            return []
        return [self._leavers.popleft() for _ in range(min(LEAVE_BATCH, len(self._leavers)))]

    def _give_back(self, leaver: _Leaver) -> bool:
        """Unsubscribe at the server; one that does not answer is asked again later, a few times."""
        subscription = leaver.subscription
        try:
            self._subscriber.unsubscribe(subscription)
        except Verdict as verdict:
            leaver.tries += 1
            away = isinstance(verdict, (Transient, CredentialRefused)) and verdict.code != "subscription-lost"
            if away and leaver.tries < LEAVE_TRIES:
                self._leave_from = self._monotonic() + LEAVE_WAIT
                self._leavers.append(leaver)
                return False
            if away:
                log.warning("subscription not given back", mailbox=subscription.mailbox_id, why=str(verdict))
                return False
            self._ledger.forget(subscription)
            return False
        self._ledger.forget(subscription)
        return True
