"""An Exchange without a network: what the watcher's side asks of ``transport.Exchange``, played in memory."""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lxml import etree

from connector.errors import Transient, Verdict
from connector.model import Location, Mailbox, Nudge
from connector.source.base import Subscription
from connector.source.exchange.connections import AFFINITY_COOKIE
from connector.source.exchange.envelope import local, m
from connector.source.exchange.transport import Answer, Call

PATIENCE = 20.0
"""Seconds a test waits for what must come; it never waits for what must not."""

HQ = Location("https://mail.example.com/EWS/Exchange.asmx", "G1")
BRANCH = Location("https://mail.example.com/EWS/Exchange.asmx", "G2")
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
S = "http://schemas.xmlsoap.org/soap/envelope/"


def mailbox(name: str, place: Location | None = HQ) -> Mailbox:
    return Mailbox(f"id-{name}", "hq", f"{name}@example.com", "staff", "manual", location=place)


def dice() -> random.Random:
    """Chance that repeats itself."""
    return random.Random(1)  # noqa: S311 - spreads load, keeps no secret


class MovingClock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.seconds)


class Shelf:
    """SubscriptionShelf in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Subscription] = {}

    def subscriptions(self, source: str) -> tuple[Subscription, ...]:
        return tuple(row for row in self.rows.values() if row.source == source)

    def save_subscription(self, subscription: Subscription) -> None:
        self.rows[subscription.mailbox_id] = subscription

    def drop_subscription(self, mailbox_id: str) -> None:
        self.rows.pop(mailbox_id, None)


class Nudges:
    """Collects nudges; ``take`` waits for a number of them."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Nudge] = queue.Queue()

    def __call__(self, nudge: Nudge) -> None:
        self._queue.put(nudge)

    def take(self, count: int = 1) -> list[tuple[str, str]]:
        found = [self._queue.get(timeout=PATIENCE) for _ in range(count)]
        return sorted((one.mailbox_id, one.reason) for one in found)

    def empty(self) -> bool:
        return self._queue.empty()


class FakeStream:
    """An open answer that the test feeds."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ids = [one.text or "" for one in call.payload.iter(f"{{{T}}}SubscriptionId")]
        self.closed = threading.Event()
        self._pieces: queue.Queue[bytes | Verdict] = queue.Queue()

    def feed(self, *pieces: bytes | Verdict) -> None:
        for piece in pieces:
            self._pieces.put(piece)

    def read(self) -> bytes:
        piece = self._pieces.get(timeout=PATIENCE)
        if isinstance(piece, Verdict):
            raise piece
        return piece

    def sever(self) -> None:
        self._pieces.put(Transient("unreachable", "severed"))

    def close(self) -> None:
        self.closed.set()


@dataclass
class FakeExchange:
    """Serves Subscribe, Unsubscribe and GetStreamingEvents.

    ``refusals`` are verdicts by (operation, acting address), each used once; ``held`` are the living subscriptions with
    the anchor they were routed by.
    """

    calls: list[Call] = field(default_factory=list)
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    refusals: dict[tuple[str, str], deque[Verdict]] = field(default_factory=dict)
    streams: queue.Queue[FakeStream] = field(default_factory=queue.Queue)
    unsubscribed: queue.Queue[str] = field(default_factory=queue.Queue)
    before_answer: threading.Event | None = None
    asked: queue.Queue[str] = field(default_factory=queue.Queue)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    bears: float = 1.0

    def ease(self) -> float:
        return self.bears

    def refuse(self, operation: str, name: str, *verdicts: Verdict) -> None:
        self.refusals.setdefault((operation, f"{name}@example.com" if name else ""), deque()).extend(verdicts)

    def call(self, call: Call) -> Answer:
        self.calls.append(call)
        operation = local(call.payload)
        self.asked.put(operation)
        if self.before_answer and operation == "Subscribe":
            self.before_answer.wait(PATIENCE)
        self._meet_refusal(operation, call)
        return self._subscribe(call) if operation == "Subscribe" else self._unsubscribe(call)

    def open(self, call: Call) -> FakeStream:
        self.calls.append(call)
        self._meet_refusal("GetStreamingEvents", call)
        stream = FakeStream(call)
        self.streams.put(stream)
        return stream

    def next_stream(self) -> FakeStream:
        return self.streams.get(timeout=PATIENCE)

    def of(self, operation: str) -> list[Call]:
        return [call for call in self.calls if local(call.payload) == operation]

    def id_of(self, name: str) -> str:
        return next(one for one, (address, _) in self.held.items() if address == f"{name}@example.com")

    def _meet_refusal(self, operation: str, call: Call) -> None:
        for key in ((operation, call.acting), (operation, "")):
            if waiting := self.refusals.get(key):
                raise waiting.popleft()

    def _subscribe(self, call: Call) -> Answer:
        made = f"sub-{next(self.numbers)}"
        self.held[made] = (call.acting, call.anchor)
        cookies = {} if call.cookies else {AFFINITY_COOKIE: f"server-of-{call.anchor}"}
        message = success("SubscribeResponseMessage", m("SubscriptionId", text=made))
        return Answer(m("SubscribeResponse", m("ResponseMessages", message)), cookies, "")

    def _unsubscribe(self, call: Call) -> Answer:
        given = call.payload.findtext(f"{{{M}}}SubscriptionId") or ""
        self.held.pop(given, None)
        self.unsubscribed.put(given)
        message = success("UnsubscribeResponseMessage")
        return Answer(m("UnsubscribeResponse", m("ResponseMessages", message)), {}, "")


def success(name: str, *children: etree._Element) -> etree._Element:
    return m(name, m("ResponseCode", text="NoError"), *children, ResponseClass="Success")
