"""A store with mailboxes and envelopes for the tests of sender and receiver, and processes that work on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import AuditEntry, Commit, Envelope, EventKind, Mailbox, Phase, Session
from connector.relay.base import Cloud
from connector.relay.sender import Identity, Sender
from connector.relay.wire import uuid7
from connector.store.memory import MemoryStore
from tests.contract.cloud import INSTANCE, sealed
from tests.fakes.cipher import FakeCipher
from tests.fakes.clock import ManualClock

HOUR = timedelta(hours=1)


class Appliance:
    """One database and its clock. ``copy`` makes a clone of the whole machine."""

    def __init__(self, store: MemoryStore | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.store = store or MemoryStore(FakeCipher())
        self.lives: list[int] = []
        self._runs = 0

    def copy(self) -> Appliance:
        return Appliance(self.store.clone(), self.clock)

    def mailbox(self, mailbox_id: str = "mb-1") -> None:
        """An active mailbox."""
        now = self.clock()
        mailbox = Mailbox(mailbox_id, "hq", f"{mailbox_id}@example.com", "staff", "manual")
        session = Session(mailbox_id, Phase.LIVE, now)
        self.store.add_mailbox(mailbox, session, AuditEntry(now, "test", "mailbox.activate"))

    def commit(self, *envelopes: Envelope, mailbox_id: str = "mb-1") -> None:
        """Put envelopes into the outbox as a step does."""
        session = self.store.session(mailbox_id)
        assert session
        self.store.commit(Commit(replace(session), envelopes=envelopes), self.clock())

    def put(self, meeting_id: str, mailbox_id: str = "mb-1") -> Envelope:
        """Commit a meeting; its envelope."""
        made = Envelope(
            uuid7(self.clock()),
            EventKind.MEETING_PUT,
            mailbox_id,
            sealed(meeting_id),
            meeting_id,
            starts=self.clock() + timedelta(days=3),
        )
        self.commit(made, mailbox_id=mailbox_id)
        return made

    def sender(self, cloud: Cloud, *, take_over: bool = False, run: str = "") -> Sender:
        """A new process of this appliance."""
        self._runs += 1
        identity = Identity(INSTANCE, run or f"run-{id(self)}-{self._runs}", "0.1.0")
        return Sender(
            cloud,
            self.store,
            identity,
            self.clock,
            lambda: 0.5,
            take_over=take_over,
            renewed=lambda: self.lives.append(self.store.epoch()),
        )


def drain(sender: Sender, most: int = 20) -> int:
    """Step until it rests; the number of steps."""
    for done in range(most):
        if sender.step():
            return done + 1
    raise AssertionError(f"{most} steps and still no rest: a loop")
