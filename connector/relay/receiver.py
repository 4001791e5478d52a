"""Takes what the hub sends down: commands into the store, nudges and resyncs to the scheduler (docs/relay.md section 7)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

import structlog

from connector.errors import Superseded, Verdict
from connector.model import Clock
from connector.relay import backoff
from connector.relay.base import Cloud, Descent
from connector.store.base import Store

LEAVES_THE_SENDER_BEHIND = frozenset({"greet-again", "credential-refused"})
"""What the downlink learns first; the sender is to meet it at once, not when it next has something to say."""
RESYNC_EVERY = timedelta(minutes=10)
"""A hub can have one mailbox read afresh so often."""
REMEMBERED = 10_000
"""Mailboxes whose last resync is remembered."""
LOOK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What the receiver sets off. ``resync`` and ``superseded`` must be durable when they return; unknown mailbox ids are the callee's to pass over."""

    wake: Callable[[Iterable[str]], None]
    resync: Callable[[str], None]
    greet_again: Callable[[], None]
    superseded: Callable[[], None]


class Receiver:
    """The body of the receiver's thread. Listens only while the hub has confirmed this process."""

    def __init__(
        self,
        cloud: Cloud,
        store: Store,
        confirmed: Event,
        callbacks: Callbacks,
        clock: Clock,
        luck: Callable[[], float],
    ) -> None:
        self._cloud = cloud
        self._store = store
        self._confirmed = confirmed
        self._do = callbacks
        self._clock = clock
        self._luck = luck
        self._failures = 0
        self._resynced: OrderedDict[str, datetime] = OrderedDict()
        self._log = structlog.get_logger(__name__)

    def run(self, stop: Event) -> None:
        """Listen until ``stop``. Raises Superseded."""
        while not stop.is_set():
            if self._confirmed.wait(LOOK.total_seconds()):
                _wait(stop, self.step(stop))

    def step(self, stop: Event) -> timedelta:
        """Listen until the connection ends; the time to wait before the next try."""
        try:
            self._cloud.listen(self._store.downlink_cursor(), stop, self.accept)
        except Superseded:
            self._do.superseded()
            raise
        except Verdict as verdict:
            return timedelta(0) if stop.is_set() else self._failed(verdict)  # closing cuts the line by itself
        self._failures = 0
        return timedelta(0) if stop.is_set() else LOOK

    def accept(self, descent: Descent) -> None:
        """Make one message durable, then wake whom it concerns.

        Resyncs come first: when a kill comes in between, the cursor has not moved and they come again.
        """
        for mailbox_id in descent.resync:
            if self._may_resync(mailbox_id):
                self._do.resync(mailbox_id)
        concerned = self._store.accept(descent.commands, descent.cursor)
        awake = dict.fromkeys((*concerned, *descent.nudged))
        if awake:
            self._do.wake(tuple(awake))
        if self._failures:
            self._log.info("downlink.up")
        self._failures = 0

    def _may_resync(self, mailbox_id: str) -> bool:
        now = self._clock()
        last = self._resynced.get(mailbox_id)
        if last is not None and now - last < RESYNC_EVERY:
            return False
        self._resynced[mailbox_id] = now
        self._resynced.move_to_end(mailbox_id)
        if len(self._resynced) > REMEMBERED:
            self._resynced.popitem(last=False)
        return True

    def _failed(self, verdict: Verdict) -> timedelta:
        self._failures += 1
        if self._failures == 1:
            self._log.warning("downlink.down", code=verdict.code, detail=verdict.detail)
        if verdict.code in LEAVES_THE_SENDER_BEHIND:
            self._do.greet_again()
        return backoff.pause(verdict, self._failures, self._luck())


def _wait(stop: Event, wait: timedelta) -> None:
    ends = time.monotonic() + wait.total_seconds()
    while (left := ends - time.monotonic()) > 0 and not stop.wait(min(left, LOOK.total_seconds())):
        continue
