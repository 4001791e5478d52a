"""One streaming connection: subscribes its members, listens, and tells whose calendar to look at.

The order closes the gap between sync and stream: subscribe, open, then nudge, so that what happened in between is
found. A planned end, reopened with the same ids at once, needs no nudge: the server's queue has kept the events. Every
other end is followed by a nudge for all. Nothing here is believed to be complete; a stream is a hint.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Protocol

import structlog

from connector.errors import (
    AccessDenied,
    MailboxMoved,
    Refused,
    Transient,
    Verdict,
)
from connector.model import Mailbox, Nudge
from connector.source.base import Subscription
from connector.source.exchange.codes import Class, classify
from connector.source.exchange.enrolment import Enrolment
from connector.source.exchange.envelope import Element, m, t
from connector.source.exchange.errors import code_verdict
from connector.source.exchange.groups import Seat
from connector.source.exchange.patience import End, Patience, Sort, Tuning
from connector.source.exchange.stream import Documents, Heard, read
from connector.source.exchange.subscriptions import Calls, route_of
from connector.source.exchange.transport import Call

log = structlog.get_logger(__name__)

CODE = re.compile(r"Error\w+")
GONE = {
    "ErrorExpiredSubscription",
    "ErrorInvalidSubscription",
    "ErrorSubscriptionNotFound",
    "ErrorSubscriptionUnsubscribed",
    "ErrorSubscriptionUnsubsribed",
}
"""Codes by which the server says that it holds the subscription no more."""


class OpenStream(Protocol):
    """The part of ``transport.Stream`` that is needed here."""

    def read(self) -> bytes:
        """What has arrived; b"" at the end. Raises verdicts."""

    def sever(self) -> None:
        """End the read from another thread."""

    def close(self) -> None:
        """Give the connection up."""


class Wire(Calls, Protocol):
    """The part of ``transport.Exchange`` that is needed here and in the watcher."""

    def ease(self) -> float:
        """How much of what is allowed the servers bear: 1.0 when they never complain."""

    def open(self, call: Call) -> OpenStream:
        """Start an answer that goes on; raises verdicts."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a reader covers: mailbox ids with events coming in, and a word on what is wrong, "" when nothing is."""

    streamed: frozenset[str]
    trouble: str


def payload(subscription_ids: Iterable[str], minutes: int) -> Element:
    """The GetStreamingEvents request."""
    ids = (t("SubscriptionId", text=one) for one in subscription_ids)
    timeout = m("ConnectionTimeout", text=str(minutes))
    return m("GetStreamingEvents", m("SubscriptionIds", *ids), timeout)


class Reader:
    """A connection's life, in a thread of its own; the other methods are for the watcher's thread."""

    def __init__(
        self,
        seat: Seat,
        wire: Wire,
        enrolment: Enrolment,
        nudge: Callable[[Nudge], None],
        tuning: Tuning,
        monotonic: Callable[[], float] = time.monotonic,
        dice: random.Random | None = None,
    ) -> None:
        self.seat = seat
        self.enrolment = enrolment
        self._wire = wire
        self._nudge = nudge
        self._tuning = tuning
        self._monotonic = monotonic
        self._patience = Patience(tuning, dice or random.Random())  # noqa: S311 - spreads load, keeps no secret
        self._lock = threading.Lock()
        self._members: tuple[Mailbox, ...] = ()
        self._version = 0
        self._retired = False
        self._stream: OpenStream | None = None
        self._left_out: tuple[str, ...] = ()
        self._report = Report(frozenset(), "")
        # for the reader's own thread alone:
        self._owed: set[str] = set()
        self._unsure: set[str] = set()
        self._turn = 0
        self._opened_at = 0.0
        self._ended_at: float | None = None
        self._lasted = 0.0

    # --- from the watcher's thread

    def seat_members(self, members: Sequence[Mailbox]) -> None:
        """Say who is on the connection from now on."""
        with self._lock:
            same = _names(self._members) == _names(members)
            self._members = tuple(members)
            if not same:
                self._interrupt()

    def keep_only(self, mailbox_ids: Collection[str]) -> None:
        """Let everybody else leave."""
        with self._lock:
            left = tuple(member for member in self._members if member.id in mailbox_ids)
        self.seat_members(left)

    def retire(self) -> None:
        """End the connection and the thread."""
        with self._lock:
            self._members, self._retired = (), True
            self._interrupt()

    def look(self) -> None:
        """Start over if a member who had to wait may be subscribed now."""
        with self._lock:
            if self._stream and self.enrolment.due(self._left_out):
                self._interrupt()

    def report(self) -> Report:
        """What is covered right now."""
        with self._lock:
            present = {member.id for member in self._members}
            return Report(self._report.streamed & present, self._report.trouble)

    def _interrupt(self) -> None:
        self._version += 1
        if self._stream:
            self._stream.sever()

    # --- in the reader's thread

    def run(self, stop: Event) -> None:
        """Keep the connection up until ``stop`` or retirement."""
        while not (stop.is_set() or self._retired):
            end = self._once(stop)
            if self._stopped(stop):
                break
            stop.wait(self._after(end))

    def _stopped(self, stop: Event) -> bool:
        return stop.is_set() or self._retired

    def _once(self, stop: Event) -> End:
        members, version = self._snapshot()
        try:
            fresh = self.enrolment.complete(self.seat, members, stop, self._wants)
            self._owe(fresh)
            held = self.enrolment.held(self.seat, members)
            if self._snapshot()[1] != version:
                return End(Sort.CHANGED)
            if not held or stop.is_set():
                return End(Sort.IDLE)
            self._left_out = tuple(member.id for member in members if member.id not in held)
            return self._listen(held, members, version)
        except Verdict as verdict:
            return self._refused(verdict, members)

    def _snapshot(self) -> tuple[tuple[Mailbox, ...], int]:
        with self._lock:
            return self._members, self._version

    def _wants(self, mailbox_id: str) -> bool:
        with self._lock:
            return any(member.id == mailbox_id for member in self._members)

    def _listen(self, held: Mapping[str, Subscription], members: Sequence[Mailbox], version: int) -> End:
        stream = self._wire.open(self._call(held, members))
        self._opened_at = self._monotonic()
        try:
            if not self._register(stream, version):
                return End(Sort.CHANGED)
            self._opened(held)
            return self._read(stream, held)
        except Verdict:
            if self._snapshot()[1] != version:
                return End(Sort.CHANGED)
            raise
        finally:
            if self._snapshot()[1] != version:
                self._unsure |= held.keys()
            self._release()
            stream.close()

    def _call(self, held: Mapping[str, Subscription], members: Sequence[Mailbox]) -> Call:
        """All ids, charged to the anchor, or to somebody else where the anchor is gone or its budget spent."""
        oldest = min(held.values(), key=lambda one: one.made_at)
        route = route_of(oldest)
        payers = [member.address for member in members if member.id in held]
        first = payers.index(route.anchor) if route.anchor in payers else 0
        payer = payers[(first + self._turn) % len(payers)]
        asked = payload((one.id for one in held.values()), self._tuning.minutes)
        return route.call(asked, payer, repeatable=False)

    def _register(self, stream: OpenStream, version: int) -> bool:
        """Let other threads reach the stream; False when they wanted it ended while it was being opened."""
        with self._lock:
            self._stream = stream
            return self._version == version

    def _release(self) -> None:
        with self._lock:
            self._stream = None
        self._ended_at = self._monotonic()
        self._lasted = self._ended_at - self._opened_at

    def _opened(self, held: Mapping[str, Subscription]) -> None:
        if self._ended_at is None or self._opened_at - self._ended_at > self._tuning.prompt:
            self._owe(held)
        owed = self._owed & held.keys()
        self._owed -= owed
        self._unsure -= owed
        self._nudge_all(owed, "stream-opened")

    def _owe(self, mailbox_ids: Collection[str]) -> None:
        """These are to be looked at as soon as their events come in."""
        self._owed |= set(mailbox_ids)

    def _nudge_all(self, mailbox_ids: Iterable[str], reason: str) -> None:
        for mailbox_id in sorted(mailbox_ids):
            self._nudge(Nudge(mailbox_id, reason))

    def _read(self, stream: OpenStream, held: Mapping[str, Subscription]) -> End:
        documents = Documents()
        last = self._monotonic()
        while piece := stream.read():
            for document in documents.feed(piece):
                last = self._monotonic()
                if end := self._hear(read(document), held):
                    return end
            if self._monotonic() - last > self._tuning.silence:
                raise Transient("timeout", "no whole document for the time of silence")
        documents.finish()
        raise Transient("unreachable", "the stream ended without a word")

    def _hear(self, heard: Heard, held: Mapping[str, Subscription]) -> End | None:
        """Act on one document; the end of the connection when it says so."""
        by_id = {subscription.id: one for one, subscription in held.items()}
        self._nudge_all((by_id[one] for one in heard.changed if one in by_id), "event")
        if heard.code:
            if end := self._hear_failure(heard, held, by_id):
                return end
        else:
            self._flows(held)
        return End(Sort.PLANNED) if heard.closed else None

    def _hear_failure(
        self, heard: Heard, held: Mapping[str, Subscription], by_id: Mapping[str, str]
    ) -> End | None:
        kind = classify(heard.code)
        named = {by_id[one] for one in heard.failed if one in by_id}
        if kind is Class.EVENTS_LOST:
            self._nudge_all(named or held, "events-missed")
            return None
        if kind is Class.TAKEN_OVER:
            return End(Sort.TAKEN, code_verdict(heard.code, heard.text))
        if (
            heard.failed and not named
        ):  # ids of members who have left; the others need a connection without them
            return End(Sort.PLANNED)
        if named or kind is Class.SUB_DEAD:
            return self._replace({one: held[one] for one in named or held}, heard.code, gone=bool(named))
        raise code_verdict(heard.code, heard.text, back_off=heard.back_off)

    def _replace(self, lost: Mapping[str, Subscription], code: str, *, gone: bool) -> End:
        """Give up subscriptions; those the server may still hold are given back."""
        log.info("subscriptions are replaced", connection=self.seat.connection, count=len(lost), code=code)
        self.enrolment.lose(tuple(lost.values()), gone=gone and code in GONE)
        self._owe(lost)
        self._cover(lambda streamed: streamed - lost.keys())
        return End(Sort.REPLACE)

    def _flows(self, held: Mapping[str, Subscription]) -> None:
        """A good document has come: these mailboxes are streamed.

        What was under way on a connection that we cut to change who is on it is lost without a word. Everybody who was
        on it is looked at, once nobody has joined or left for a while: hundreds join one after the other.
        """
        if self._report.trouble:
            log.info("stream regained", connection=self.seat.connection, mailboxes=len(held))
        with self._lock:
            self._report = Report(frozenset(held), "")
        if self._unsure and self._monotonic() - self._opened_at >= self._tuning.steady:
            self._nudge_all(self._unsure & held.keys(), "stream-changed")
            self._unsure.clear()

    def _cover(self, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
        with self._lock:
            self._report = Report(change(self._report.streamed), self._report.trouble)

    # --- what follows an end

    def _refused(self, verdict: Verdict, members: Sequence[Mailbox]) -> End:
        """What a verdict means for the connection; Exchange's own code, where there is one, leads its detail."""
        word = CODE.match(verdict.detail)
        code = word[0] if word else ""
        kind = classify(code)
        if kind is Class.TOO_MANY:
            self._turn += 1
            return End(Sort.CROWDED, verdict)
        if kind is Class.TAKEN_OVER:
            return End(Sort.TAKEN, verdict)
        if kind is Class.SUB_DEAD:
            return self._replace(self.enrolment.held(self.seat, members), code, gone=False)
        if kind is Class.MOVED:
            self.enrolment.suspect(member.id for member in members)
        if isinstance(verdict, (AccessDenied, MailboxMoved, Refused)):
            self._turn += 1
        return End(Sort.BROKEN, verdict)

    def _after(self, end: End) -> float:
        """Seconds to wait before the connection is opened again; its members are polled after an unplanned end."""
        if end.sort.gap:
            if not self._report.trouble:
                log.warning("stream interrupted", connection=self.seat.connection, why=str(end.verdict))
            with self._lock:
                self._report = Report(frozenset(), end.trouble)
                self._owed |= {member.id for member in self._members}
        lasted, self._lasted = self._lasted, 0.0
        return self._patience.after(end, lasted)


def _names(members: Sequence[Mailbox]) -> list[tuple[str, str]]:
    return [(member.id, member.address) for member in members]
