"""A whole connector in one thread, over memory adapters: the core as the daemon composes it, without its edges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from uuid import uuid4

from connector.errors import Verdict
from connector.model import AuditEntry, Mailbox, Phase, Policy, Queued, Session
from connector.seal.digest import Digester
from connector.seal.memory import MemoryKeyService
from connector.seal.opening import open_meeting
from connector.source.memory import MemorySource
from connector.store.base import Store
from connector.store.memory import MemoryStore
from connector.sync.context import Context, Rules
from connector.sync.engine import Engine
from connector.sync.holds import Hold, Holds
from connector.sync.outcome import Step
from tests.fakes.clock import ManualClock

POLICY = Policy(
    "staff",
    write=frozenset({"hub", "keyword"}),
    send=frozenset({"subject", "location", "notes", "organizer", "attendees", "link"}),
    private="times-only",
    presence="text",
)


class Journal:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.verdicts: list[str] = []
        self.holds: list[str] = []

    def stepped(self, mailbox: Mailbox, before: Phase, step: Step) -> None:
        self.sentences.append(step.sentence)

    def failed(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        self.verdicts.append(verdict.code)

    def held(self, key: str, hold: Hold) -> None:
        self.holds.append(hold.code)

    def passed(self, mailbox: Mailbox) -> None:
        self.holds.append("passed")


class House:
    """Source, store, keys and engine on one manual clock. ``run()`` does every turn that is due now."""

    def __init__(
        self,
        *,
        source: MemorySource | None = None,
        store: Store | None = None,
        clock: ManualClock | None = None,
        keys: MemoryKeyService | None = None,
        guard: Callable[[Context], Context] = lambda context: context,
    ) -> None:
        self.clock = clock or ManualClock()
        self.source = source or MemorySource()
        self.store = store or MemoryStore()
        self.keys = keys or MemoryKeyService(self.clock)
        self.digests = Digester(b"t" * 32, b"d" * 32, 1)
        self.confirmed = Event()
        self.confirmed.set()
        self.journal = Journal()
        self.streamed: set[str] = set()
        self.context = guard(
            Context(
                instance="test.example.com",
                store=self.store,
                sources={self.source.name: self.source},
                keys=self.keys,
                digests=self.digests,
                rules=Rules(1, {"staff": POLICY}, active=True),
                clock=self.clock,
                luck=lambda: 0.5,
                confirmed=self.confirmed,
                committed=lambda: None,
                streamed=self.streamed.__contains__,
            )
        )
        self.engine = self.fresh_engine()

    def fresh_engine(self) -> Engine:
        """An engine as after a restart: everything it knows comes from the store."""
        holds = Holds(self.clock, lambda: 0.5)
        return Engine(self.context, holds, self.journal, workers=4, watched_changed=lambda: None)

    def activate(self, address: str = "ada@example.com") -> Mailbox:
        """Record the wish to activate; the calendar is made when it is not there."""
        self.source.calendar(address)
        mailbox = Mailbox(uuid4().hex, self.source.name, address, "staff", "manual")
        session = Session(mailbox.id, Phase.REQUESTED, self.clock())
        self.store.add_mailbox(
            mailbox, session, AuditEntry(self.clock(), "test", "mailbox.activate", address)
        )
        self.engine.changed(mailbox.id)
        return mailbox

    def run(self, most: int = 2000) -> int:
        """Do every turn that is due; how many."""
        for done in range(most):
            if not self.engine.scheduler.run_due():
                return done
        raise AssertionError(f"{most} turns and still something is due: a loop")

    def forward(self, span: timedelta) -> None:
        """Let time pass in strides, doing what becomes due on the way."""
        end = self.clock() + span
        for _ in range(10_000):
            self.run()
            due = self.engine.scheduler.next_due()
            if due is None or due > end:
                break
            self.clock.now = max(due, self.clock.now)
        self.clock.now = end
        self.run()

    def phase(self, mailbox: Mailbox) -> Phase | None:
        """Where the mailbox is in its life."""
        session = self.store.session(mailbox.id)
        return session.phase if session else None

    def sent(self) -> list[str]:
        """Kinds of the envelopes waiting in the outbox, in order."""
        return [queued.envelope.kind.value for queued in self.peek()]

    def peek(self) -> list[Queued]:
        """Claim everything and give it back."""
        queued = self.store.claim(10_000, self.clock() - timedelta(days=999))
        self.store.release_all()
        return list(queued)

    def subjects(self, mailbox: Mailbox) -> set[str]:
        """Subjects of meetings put into the outbox and not taken back, opened with the mailbox's keys."""
        shown: dict[str, str] = {}
        for queued in self.peek():
            envelope = queued.envelope
            if envelope.kind.value == "meeting.put":
                opened = open_meeting(envelope.data, lambda uri: self.keys.opening_key(uri, mailbox.id))
                shown[envelope.data["id"]] = str(opened["subject"])
            elif envelope.kind.value == "meeting.gone":
                shown.pop(envelope.data["id"], None)
        return set(shown.values())
