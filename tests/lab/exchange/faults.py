"""Faults on order: what the next requests of an operation shall meet instead of, or after, their honest answer.

The list follows the catalogue of Exchange's own errors, of what stands in front of it (load balancer, proxy, OWA's pages), and of
what networks do to bytes.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from tests.lab.exchange import soap
from tests.lab.exchange.wire import HTML, XML, Answer, DropConnection

ANY_OPERATION = "*"
FOR_EVER = -1
STALL_LIMIT = 600.0
PAGE = b"<!DOCTYPE html><html><head><title>Outlook</title></head><body><h1>Sign in</h1></body></html>"


class Kind(StrEnum):
    """What can go wrong; the comment on each says what it does to a stream of documents."""

    RESPONSE = "response"  # an error in every ResponseMessage
    SOAP = "soap"  # a SOAP fault, HTTP 500 unless `status` says otherwise
    HTML = "html"  # a page with any HTTP status and headers
    EMPTY = "empty"  # 200 and no body
    TRUNCATED = "truncated"  # half a document with a length that fits it, as a proxy re-frames it
    WRONG_LENGTH = (
        "wrong_length"  # half a document with the whole one's length, then the end; a chunk cut off
    )
    STALLED = "stalled"  # half a document, then silence
    DROPPED = "dropped"  # the connection is reset without an answer
    GARBAGE = "garbage"  # bytes that are no XML
    ILLEGAL = "illegal"  # a character reference XML does not allow
    BOM = "bom"  # a byte order mark in front
    TWO_IN_ONE = "two_in_one"  # two documents in one chunk
    SPLIT = "split"  # a document over many chunks
    DELAY = "delay"  # the honest answer, later


BEFORE = {Kind.RESPONSE, Kind.SOAP, Kind.HTML, Kind.EMPTY, Kind.DROPPED}
"""Kinds that keep the operation from happening, unless the fault says `after`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One order. `after` lets the operation happen first, so that only its answer is lost; `documents` honest ones come first."""

    kind: Kind
    code: str = "ErrorInternalServerError"
    text: str = "An internal server error occurred. The operation failed."
    values: dict[str, str] = field(default_factory=dict)
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = STALL_LIMIT
    after: bool = False
    documents: int = 0

    @property
    def trouble(self) -> soap.Trouble:
        """The EWS error it stands for."""
        return soap.Trouble(self.code, self.text, self.values)

    @property
    def prevents(self) -> bool:
        """Whether the operation is not carried out."""
        return self.kind in BEFORE and not self.after


@dataclass(slots=True)
class _Order:
    fault: Fault
    acting: str | None
    left: int


class Faults:
    """The queues, one for each operation and one for all of them."""

    def __init__(self) -> None:
        """Without any order."""
        self._lock = threading.Lock()
        self._orders: dict[str, deque[_Order]] = {}
        self.release = threading.Event()

    def push(self, operation: str, fault: Fault, times: int = 1, acting: str | None = None) -> None:
        """Order a fault for the next `times` requests (-1: until cleared) of an operation, of one mailbox or of any."""
        with self._lock:
            order = _Order(fault, acting.lower() if acting else None, times)
            self._orders.setdefault(operation, deque()).append(order)

    def take(self, operation: str, acting: str | None) -> Fault | None:
        """The fault this request shall meet, None when it may pass."""
        with self._lock:
            for name in (operation, ANY_OPERATION):
                for order in self._orders.get(name, ()):
                    if order.acting in {None, acting}:
                        return self._use(name, order)
        return None

    def _use(self, name: str, order: _Order) -> Fault:
        if order.left != FOR_EVER:
            order.left -= 1
            if order.left <= 0:
                self._orders[name].remove(order)
        return order.fault

    def clear(self) -> None:
        """Forget all orders and let everything go that is stalled or delayed."""
        with self._lock:
            self._orders.clear()
            self.release.set()
            self.release = threading.Event()

    def pending(self) -> dict[str, int]:
        """Orders still open, by operation."""
        with self._lock:
            return {name: len(orders) for name, orders in self._orders.items() if orders}

    def delay(self, fault: Fault | None) -> None:
        """Hold the answer when the fault is a delay."""
        if fault is not None and fault.kind is Kind.DELAY:
            self.wait(fault)

    def wait(self, fault: Fault) -> None:
        """Hold the answer for the fault's time, or until `clear`."""
        self.release.wait(fault.seconds)


def replace(fault: Fault, operation: str, messages: int) -> Answer:
    """The answer that stands in for the honest one.

    Raises:
        DropConnection: the fault is a reset connection.
    """
    if fault.kind is Kind.DROPPED:
        raise DropConnection
    if fault.kind is Kind.EMPTY:
        return Answer(200, b"", [("Content-Type", XML)])
    if fault.kind is Kind.HTML:
        headers = [("Content-Type", HTML), *fault.headers.items()]
        return Answer(fault.status, fault.body.encode() or PAGE, headers)
    if fault.kind is Kind.SOAP:
        return Answer(fault.status, soap.fault(fault.trouble), [("Content-Type", XML)])
    return Answer(200, soap.write(soap.failure(operation, fault.trouble, messages)), [("Content-Type", XML)])


def spoil(fault: Fault, answer: Answer, faults: Faults) -> Answer:
    """The honest answer with the fault's damage done to it."""
    if fault.kind is Kind.DELAY:
        return answer  # `delay` has held it already
    if isinstance(answer.body, bytes):
        return _spoil_whole(fault, answer, answer.body, faults)
    answer.body = _spoil_stream(fault, answer.body, faults)
    answer.cut = fault.kind is Kind.WRONG_LENGTH
    return answer


def _spoil_whole(fault: Fault, answer: Answer, body: bytes, faults: Faults) -> Answer:
    if fault.kind is Kind.WRONG_LENGTH:
        answer.announced, answer.body, answer.cut = len(body), _half(body), True
    elif fault.kind is Kind.TRUNCATED:
        answer.body = _half(body)
    elif fault.kind in {Kind.STALLED, Kind.SPLIT}:
        answer.body = _spoil_stream(fault, iter([body]), faults)
    else:
        answer.body = _DAMAGE[fault.kind](body)
    return answer


def _spoil_stream(fault: Fault, documents: Iterator[bytes], faults: Faults) -> Iterator[bytes]:
    yield from islice(documents, fault.documents)
    if fault.kind is Kind.SPLIT:
        for document in documents:
            yield from _pieces(document)
    elif fault.kind is Kind.TWO_IN_ONE:
        for document in documents:
            yield document + next(documents, b"")
    elif fault.kind in {Kind.TRUNCATED, Kind.WRONG_LENGTH, Kind.STALLED}:
        yield _half(next(documents, b""))
        if fault.kind is Kind.STALLED:
            faults.wait(fault)
    else:
        yield from map(_DAMAGE[fault.kind], islice(documents, 1))
        yield from documents


def _half(document: bytes) -> bytes:
    return document[: max(1, len(document) // 2)]


def _pieces(document: bytes) -> Iterator[bytes]:
    step = max(1, len(document) // 7)
    yield from (document[start : start + step] for start in range(0, len(document), step))


_DAMAGE: dict[Kind, Callable[[bytes], bytes]] = {
    Kind.GARBAGE: lambda _: b"\x00\xff<<<not & xml>>" * 8,
    Kind.ILLEGAL: lambda document: document.replace(b"Body>", b"Body>&#x1;", 1),
    Kind.BOM: lambda document: b"\xef\xbb\xbf" + document,
    Kind.TWO_IN_ONE: lambda document: document + document,
}
