"""Brings the outbox to the hub: greet, claim, send, settle. The rules are docs/relay.md sections 3 to 6."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event

import structlog

from connector.errors import Superseded, Throttled, Transient, Verdict
from connector.model import Clock, Queued
from connector.relay import backoff, wire
from connector.relay.base import Cloud, Greeting, Receipt
from connector.store.base import Store

SENT = "relay.sent"
ACKNOWLEDGED = "relay.acknowledged"
SUPERSEDED = "relay.superseded"
"""Names of settings in the store: the two highest orders, and the mark of a copy that was replaced."""

IDLE = timedelta(seconds=1)
"""How often the outbox is looked at unasked: another process may have written to it."""
SIGN_OF_LIFE = timedelta(minutes=5)
URGENT = timedelta(hours=1)
"""Meetings that begin so soon overtake the others."""
LIVES = 3
LIVES_WITHIN = timedelta(hours=1)
"""So many new epochs are begun in that time, however often a hub asks for one."""

_NOTHING: wire.Order = (0, 0)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who greets: the instance's name, a random id of this process, the product's version."""

    instance: str
    run: str
    version: str


@dataclass(frozen=True, slots=True)
class SenderState:
    """For status: ``up`` is None before the first answer; ``code`` is a word of ``connector.reasons`` while down."""

    up: bool | None
    since: datetime
    code: str | None = None
    acknowledged_at: datetime | None = None
    failures: int = 0


class Sender:
    """The body of the sender's thread. One batch is in flight at a time.

    ``confirmed`` is set while the hub has confirmed this life of the database; calendars are written only then.
    ``renewed`` is called when a new life has begun: sessions in the store are not what they were.
    """

    def __init__(
        self,
        cloud: Cloud,
        store: Store,
        identity: Identity,
        clock: Clock,
        luck: Callable[[], float],
        *,
        take_over: bool = False,
        renewed: Callable[[], None] = lambda: None,
    ) -> None:
        self.confirmed = Event()
        self._cloud = cloud
        self._store = store
        self._identity = identity
        self._clock = clock
        self._luck = luck
        self._take_over = take_over
        self._renewed = renewed
        self._bell = Event()
        self._hurry = Event()
        self._greeted = False
        self._hub_epoch = 0
        self._max_batch = wire.DEFAULT_BATCH
        self._lives: deque[datetime] = deque(maxlen=LIVES)
        self._state = SenderState(None, clock())
        self._log = structlog.get_logger(__name__)

    @property
    def state(self) -> SenderState:
        """How the connection to the hub is."""
        return self._state

    def notify(self) -> None:
        """Something was committed to the outbox."""
        self._bell.set()

    def hurry(self) -> None:
        """Try again now: the credential or the configuration has changed."""
        self._hurry.set()

    def greet_again(self) -> None:
        """The hub no longer knows this run, as the downlink has found out."""
        self._greeted = False
        self._bell.set()

    def superseded(self) -> None:
        """Another copy has taken over: no run of this one begins again by itself."""
        self.confirmed.clear()
        self._store.put_setting(SUPERSEDED, self._identity.run)

    def run(self, stop: Event) -> None:
        """Send until ``stop``. Raises Superseded when another copy has taken over; the process must end then."""
        self.begin()
        while not stop.is_set():
            self._rest(stop, self.step())

    def begin(self) -> None:
        """Take up the outbox as a killed process left it. Raises Superseded for a copy that was replaced before."""
        if self._take_over:
            self._store.put_setting(SUPERSEDED, None)
        elif self._store.setting(SUPERSEDED):
            raise Superseded("superseded", "this copy was replaced in an earlier run")
        self._store.release_all()

    def step(self) -> timedelta:
        """Greet or send one batch; the time to wait before the next step."""
        try:
            progressed = self._send() if self._greeted else self._greet()
        except Superseded:
            self.superseded()
            raise
        except Verdict as verdict:
            return self._failed(verdict)
        return timedelta(0) if progressed else IDLE

    # --- greeting

    def _greet(self) -> bool:
        greeting = self._greeting()
        welcome = self._cloud.greet(greeting)
        self._hub_epoch = welcome.epoch
        self._max_batch = welcome.max_batch
        forgotten = (welcome.epoch, welcome.sequence) < self._order(ACKNOWLEDGED)
        if forgotten or welcome.knows_more_than(greeting):
            self._begin_new_life(
                "the hub was restored" if forgotten else "the hub knows more than this database"
            )
            return True
        self._greeted = True
        self.confirmed.set()
        self._succeeded()
        return True

    def _greeting(self) -> Greeting:
        """States the highest sequence handed over, not given out: what waits unsent was never seen by a hub."""
        epoch = self._store.epoch()
        sent_epoch, sequence = self._order(SENT)
        me = self._identity
        return Greeting(me.instance, me.run, epoch, sequence if sent_epoch == epoch else 0, me.version)

    def _begin_new_life(self, why: str) -> None:
        """Everything is to be sent anew under a higher epoch; greeted again before it is.

        The acknowledged order is forgotten last: a kill in between begins one life too many, never one too few.
        """
        now = self._clock()
        if len(self._lives) == LIVES and now - self._lives[0] < LIVES_WITHIN:
            raise Throttled("hub-inconsistent", why, retry_after=LIVES_WITHIN - (now - self._lives[0]))
        self.confirmed.clear()
        self._greeted = False
        self._lives.append(now)
        epoch = max(self._store.epoch(), self._hub_epoch) + 1
        self._log.warning("relay.epoch", epoch=epoch, why=why)
        self._store.raise_epoch(epoch, now)
        self._store.put_setting(ACKNOWLEDGED, None)
        self._renewed()

    # --- sending

    def _send(self) -> bool:
        now = self._clock()
        batch = self._store.claim(self._max_batch, now + URGENT)
        if not batch and not self._silent_for(SIGN_OF_LIFE):
            return False
        self._note_order(SENT, batch)
        try:
            receipt = self._cloud.send(batch)
        except Verdict:
            self._store.release([one.envelope.id for one in batch])
            self._greeted = False
            raise
        self._settle(batch, receipt)
        return bool(batch)

    def _silent_for(self, span: timedelta) -> bool:
        last = self._state.acknowledged_at
        return last is None or self._clock() - last >= span

    def _settle(self, batch: Sequence[Queued], receipt: Receipt) -> None:
        """Take the answer into the outbox; raises Transient when the hub took nothing of a batch."""
        self._max_batch = receipt.max_batch or self._max_batch
        taken = [one for one in batch if one.envelope.id in set(receipt.acknowledged)]
        self._note_order(ACKNOWLEDGED, taken)
        self._store.acknowledge([one.envelope.id for one in taken])
        left = [one.envelope.id for one in batch if one not in taken]
        buried = [event_id for event_id in left if self._bury(event_id, receipt)]
        self._store.release([event_id for event_id in left if event_id not in buried])
        if any(rejection.stale for rejection in receipt.rejected.values()):
            self._begin_new_life("the hub holds something newer")
        elif batch and not taken and not buried:
            raise Transient(next((one.code for one in receipt.rejected.values()), "bad-answer"))
        else:
            self._succeeded()

    def _bury(self, event_id: str, receipt: Receipt) -> bool:
        rejection = receipt.rejected.get(event_id)
        if rejection is None or rejection.retry or rejection.stale:
            return False
        self._log.error("relay.dead-letter", event_id=event_id, code=rejection.code)
        self._store.bury(event_id, rejection.code, self._clock())
        return True

    # --- what must survive a kill

    def _order(self, name: str) -> wire.Order:
        text = self._store.setting(name)
        return wire.read_order(text) if text else _NOTHING

    def _note_order(self, name: str, batch: Sequence[Queued]) -> None:
        """Raise a noted order to the highest in the batch; durable before the next thing happens."""
        highest = max(((one.epoch, one.sequence) for one in batch), default=_NOTHING)
        if highest > self._order(name):
            self._store.put_setting(name, wire.write_order(highest))

    # --- how it goes

    def _succeeded(self) -> None:
        now = self._clock()
        if not self._state.up:
            self._log.info("relay.up", was=self._state.code)
            self._state = SenderState(up=True, since=now)
        self._state = replace(self._state, acknowledged_at=now, failures=0)

    def _failed(self, verdict: Verdict) -> timedelta:
        before = self._state
        failures = before.failures + 1
        if before.up is False and before.code == verdict.code:
            self._state = replace(before, failures=failures)
        else:
            self._log.warning("relay.down", code=verdict.code, detail=verdict.detail)
            since = self._clock() if before.up is not False else before.since
            self._state = SenderState(
                up=False,
                since=since,
                code=verdict.code,
                acknowledged_at=before.acknowledged_at,
                failures=failures,
            )
        return backoff.pause(verdict, failures, self._luck())

    def _rest(self, stop: Event, wait: timedelta) -> None:
        """Wait; a commit ends an idle wait, only ``hurry`` a back-off."""
        bell = self._bell if self._state.up else self._hurry
        ends = time.monotonic() + wait.total_seconds()
        while (left := ends - time.monotonic()) > 0 and not stop.is_set():
            if bell.wait(min(left, IDLE.total_seconds())):
                break
        bell.clear()
