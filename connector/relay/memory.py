"""A hub in memory that keeps every rule of docs/relay.md section 6, and its faults on demand. For tests.

``MemoryHub`` is the far end, one for all; ``hub.dial()`` gives a connector's Cloud to it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition, Event
from typing import Any

from connector.errors import Superseded, Transient, Verdict
from connector.model import EventKind, Queued, SealedCommand
from connector.relay import strict, wire
from connector.relay.base import Descent, Greeting, Receipt, Rejection, Welcome

LOOK_SECONDS = 0.05


@dataclass
class MailboxView:
    """What the hub holds of one mailbox. A meeting without data is a tombstone."""

    floor: wire.Order = (0, 0)
    meetings: dict[str, tuple[wire.Order, Mapping[str, Any] | None]] = field(default_factory=dict)
    latest: dict[str, wire.Order] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    presence: Mapping[str, Any] | None = None
    outcomes: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    snapshot: tuple[str, wire.Order] | None = None


@dataclass
class Books:
    """Everything that a hub's backup would hold."""

    mark: wire.Order = (0, 0)
    run: str | None = None
    superseded: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    mailboxes: dict[str, MailboxView] = field(default_factory=dict)
    queue: list[SealedCommand] = field(default_factory=list)
    taken: int = 0


class MemoryHub:
    """One connector's hub. Safe to call from several threads.

    Faults: ``verdict`` is raised by every call while set; ``lose_answers`` counts batches that are applied but whose answer is
    lost; ``reject`` maps event ids to a rejection; ``take`` limits how many events of a batch are looked at.
    """

    def __init__(self, *, max_batch: int = wire.DEFAULT_BATCH, max_bytes: int = wire.DEFAULT_BYTES) -> None:
        self.books = Books()
        self.verdict: Verdict | None = None
        self.lose_answers = 0
        self.reject: dict[str, Rejection] = {}
        self.take: int | None = None
        self.applied: list[wire.Event] = []
        """Every event that changed something, in order: none may be there twice."""
        self._limits = (max_batch, max_bytes)
        self._news = Condition()
        self._clear: list[Descent] = []

    def dial(self) -> MemoryCloud:
        """A connector's end."""
        return MemoryCloud(self)

    # --- what a test looks at and does

    def meetings(self, mailbox_id: str) -> dict[str, Mapping[str, Any]]:
        """The list as a user would read it, by meeting id."""
        view = self.books.mailboxes.get(mailbox_id, MailboxView())
        return {key: data for key, (_, data) in view.meetings.items() if data is not None}

    def view(self, mailbox_id: str) -> MailboxView:
        """All that is held of the mailbox."""
        return self.books.mailboxes.get(mailbox_id, MailboxView())

    def backup(self) -> Books:
        """A copy to restore later."""
        with self._news:
            return copy.deepcopy(self.books)

    def restore(self, books: Books) -> None:
        """Go back to a copy."""
        with self._news:
            self.books = copy.deepcopy(books)

    def command(self, command: SealedCommand) -> None:
        """Queue a sealed command for the connector."""
        with self._news:
            self.books.queue.append(command)
            self._news.notify_all()

    def say(self, *, nudge: Sequence[str] = (), resync: Sequence[str] = ()) -> None:
        """Send a nudge or resync in clear; lost when nobody listens."""
        with self._news:
            self._clear.append(Descent((), tuple(nudge), tuple(resync), ""))
            self._news.notify_all()

    # --- the protocol

    def greet(self, greeting: Greeting) -> Welcome:
        """Section 3."""
        with self._news:
            self._answer()
            if greeting.run in self.books.superseded:
                raise Superseded("superseded")
            if self.books.run not in (None, greeting.run):
                self.books.superseded.add(str(self.books.run))
            self.books.run = greeting.run
            return Welcome(*self.books.mark, *self._limits)

    def send(self, run: str, acknowledged: wire.Order, raw: bytes, source: str) -> Receipt:
        """Sections 5 and 6."""
        with self._news:
            self._answer()
            self.check(run)
            if acknowledged > self.books.mark:
                raise Transient("greet-again", "behind")
            events, wrong = wire.read_batch(raw, source, wire.MOST_BATCH)
            receipt = self._apply_all(events)
            malformed = {event_id: Rejection("malformed", retry=False) for event_id in wrong}
            receipt = replace(receipt, rejected={**receipt.rejected, **malformed})
            if self.lose_answers:
                self.lose_answers -= 1
                raise Transient("timeout", "the answer was lost")
            return receipt

    def check(self, run: str) -> None:
        """Whether the run may speak."""
        if run in self.books.superseded:
            raise Superseded("superseded")
        if run != self.books.run:
            raise Transient("greet-again", "greet first")

    def await_descent(self, run: str, cursor: str, stop: Callable[[], bool]) -> Descent | None:
        """The next message after ``cursor``; None when ``stop`` says so."""
        with self._news:
            while not stop():
                self._answer()
                self.check(run)
                after = min(int(cursor or 0), len(self.books.queue))
                self.books.taken = max(self.books.taken, after)
                if waiting := tuple(self.books.queue[after : after + wire.MAX_DESCENT]):
                    return Descent(waiting, (), (), str(after + len(waiting)))
                if self._clear:
                    said = self._clear.pop(0)
                    return Descent((), said.nudged, said.resync, cursor)
                self._news.wait(LOOK_SECONDS)
        return None

    def _answer(self) -> None:
        if self.verdict is not None:
            raise self.verdict

    # --- the rules

    def _apply_all(self, events: Sequence[wire.Event]) -> Receipt:
        taken: list[str] = []
        rejected: dict[str, Rejection] = {}
        blocked: set[str] = set()
        for event in events[: self.take]:
            rejection = self._judge(event, blocked)
            if rejection is None:
                taken.append(event.id)
                continue
            rejected[event.id] = rejection
            if rejection.retry:
                blocked.add(event.mailbox_id)
        return Receipt(tuple(taken), rejected, *self._limits)

    def _judge(self, event: wire.Event, blocked: set[str]) -> Rejection | None:
        if event.id in self.books.seen:
            return None
        if event.mailbox_id in blocked:
            return Rejection("blocked", retry=True)
        if event.id in self.reject:
            return self.reject[event.id]
        view = self.books.mailboxes.setdefault(event.mailbox_id, MailboxView())
        if not self._fits(view, event):
            return Rejection(wire.STALE, retry=False, stale=True)
        self._apply(view, event)
        self.books.seen.add(event.id)
        self.books.mark = max(self.books.mark, event.order)
        self.applied.append(event)
        return None

    def _fits(self, view: MailboxView, event: wire.Event) -> bool:
        """Sections 6.2, 6.3 and the end of 6.5."""
        if event.kind is EventKind.COMMAND_OUTCOME:
            return event.order > view.latest.get(_thing(event), (0, 0))
        if event.kind is EventKind.SNAPSHOT_END and (
            view.snapshot is None or view.snapshot[0] != event.data.get("snapshot")
        ):
            return False
        return event.order > max(view.floor, view.latest.get(_thing(event), (0, 0)))

    def _apply(self, view: MailboxView, event: wire.Event) -> None:
        view.latest[_thing(event)] = event.order
        match event.kind:
            case EventKind.MEETING_PUT:
                view.meetings[event.subject] = (event.order, event.data)
            case EventKind.MEETING_GONE:
                view.meetings[event.subject] = (event.order, None)
            case EventKind.SNAPSHOT_BEGIN:
                view.floor = event.order
                view.snapshot = (str(event.data["snapshot"]), event.order)
            case EventKind.SNAPSHOT_END:
                self._sweep(view, event.order)
            case EventKind.PRESENCE_PUT:
                view.presence = event.data
            case EventKind.MAILBOX_PUT:
                view.record = event.data
            case EventKind.MAILBOX_GONE:
                self.books.mailboxes[event.mailbox_id] = MailboxView(
                    floor=event.order, latest={_thing(event): event.order}
                )
            case EventKind.COMMAND_OUTCOME:
                view.outcomes[str(event.data["commandId"])] = event.data

    def _sweep(self, view: MailboxView, end: wire.Order) -> None:
        """Section 6.5: what was not put since the begin is gone."""
        begin = view.snapshot[1] if view.snapshot else end
        for meeting_id, (order, data) in list(view.meetings.items()):
            if order < begin and data is not None:
                view.meetings[meeting_id] = (end, None)
                view.latest[f"meeting {meeting_id}"] = end
        view.snapshot = None


def _thing(event: wire.Event) -> str:
    """What the order of an event is compared within."""
    match event.kind:
        case EventKind.MEETING_PUT | EventKind.MEETING_GONE:
            return f"meeting {event.subject}"
        case EventKind.COMMAND_OUTCOME:
            return f"command {event.data.get('commandId')}"
        case kind:
            return kind.value.partition(".")[0]


class MemoryCloud:
    """``connector.relay.base.Cloud`` to a MemoryHub. Events travel as the bytes they would be on the wire."""

    def __init__(self, hub: MemoryHub) -> None:
        self._hub = hub
        self._closed = Event()
        self._run = ""
        self._source = ""
        self._acknowledged: wire.Order = (0, 0)

    def greet(self, greeting: Greeting) -> Welcome:
        """Introduce this run."""
        sent = wire.read_greeting(strict.dump(wire.write_greeting(greeting)))
        welcome = self._hub.greet(sent)
        self._run, self._source = greeting.run, wire.source_of(greeting.instance)
        self._acknowledged = (0, 0)
        return wire.read_welcome(strict.dump(wire.write_welcome(welcome)))

    def send(self, batch: Sequence[Queued]) -> Receipt:
        """Deliver events."""
        raw, sent = wire.write_batch(batch, self._source, wire.DEFAULT_BATCH, wire.DEFAULT_BYTES)
        receipt = self._hub.send(self._run, self._acknowledged, raw, self._source)
        answer = strict.dump(wire.write_receipt(receipt))
        read = wire.read_receipt(answer, [one.envelope.id for one in sent])
        taken = [(one.epoch, one.sequence) for one in sent if one.envelope.id in read.acknowledged]
        self._acknowledged = max([self._acknowledged, *taken])
        return read

    def listen(self, cursor: str, stop: Event, accept: Callable[[Descent], None]) -> None:
        """Receive commands until ``stop`` or ``close``."""
        while descent := self._hub.await_descent(
            self._run, cursor, lambda: stop.is_set() or self._closed.is_set()
        ):
            accept(descent)
            cursor = descent.cursor

    def close(self) -> None:
        """Wake a blocked ``listen``."""
        self._closed.set()
