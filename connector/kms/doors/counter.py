"""HTTP for messages, whichever socket it comes by (``connector.relay.carriage``): the static key, and messages with their answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any

from connector.errors import Transient
from connector.kms.desk import Desk
from connector.relay import carriage, strict
from connector.relay.carriage import Round
from connector.seal.kmswire.static import write_static

STATIC = carriage.DIRECT + carriage.STATIC
MESSAGES = carriage.DIRECT + carriage.MESSAGES
MOST_BYTES = strict.MAX_BODY
PATIENCE_SECONDS = 30
"""A request that is not whole by then is given up."""
_CHUNK = 64 * 1024


@dataclass(slots=True)
class Counter:
    """Answers whatever comes through a door; at a reload another desk takes over between two messages."""

    desk: Desk

    def static(self) -> Mapping[str, Any]:
        """The static key as JWK, which nobody is to believe without an anchor."""
        return write_static(self.desk.static.public)

    def answers(self, messages: Sequence[str], via: str) -> list[str]:
        """One answer to each message, in their order; ``via`` names the door for the audit trail."""
        return self.desk.answers(messages, via)

    def rounds(self, rounds: Sequence[Round], via: str) -> list[Round]:
        """The answers to what came together from several clients, written to disk together."""
        answers = iter(self.answers([one for each in rounds for one in each.messages], via))
        return [Round(each.id, tuple(islice(answers, len(each.messages)))) for each in rounds]


def handler_of(counter: Counter, via: Callable[[Any], str]) -> type[CounterHandler]:
    """A request handler for ``socketserver``; ``via`` names the door from the connection."""
    return type("Handler", (CounterHandler,), {"counter": counter, "via": staticmethod(via)})


class CounterHandler(BaseHTTPRequestHandler):
    """One connection. ``counter`` and ``via`` are set by ``handler_of``."""

    counter: Counter
    via: Callable[[Any], str]

    protocol_version = "HTTP/1.1"
    server_version = "calendar-connector-kms"
    sys_version = ""
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """The static key."""
        if self.path == STATIC:
            self._answer(HTTPStatus.OK, self.counter.static())
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Messages."""
        if self.path != MESSAGES:
            self._refuse(HTTPStatus.NOT_FOUND)
            return
        size = self._size()
        if size is None:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        body = self._body(size)
        if body is None:
            self.close_connection = True
            return
        self._deliver(body)

    def _deliver(self, body: bytes) -> None:
        try:
            messages = carriage.read_messages(body)
        except Transient as refused:
            self._answer(HTTPStatus.BAD_REQUEST, {"status": 400, "reason": refused.detail})
            return
        answers = self.counter.answers(messages, self.via(self.connection))
        self._answer(HTTPStatus.OK, carriage.write_messages(answers))

    def _size(self) -> int | None:
        """The body's length in bytes; None when it is not said, or too much."""
        said = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (said.isascii() and said.isdigit() and len(said) < 10):
            return None
        return int(said) if int(said) <= MOST_BYTES else None

    def _body(self, size: int) -> bytes | None:
        """The whole body; None when it came too slowly or not at all."""
        raw, ends = bytearray(), time.monotonic() + PATIENCE_SECONDS
        while len(raw) < size:
            chunk = self.rfile.read1(min(_CHUNK, size - len(raw)))
            if not chunk or time.monotonic() > ends:
                return None
            raw += chunk
        return bytes(raw)

    def _refuse(self, status: HTTPStatus) -> None:
        """Without having read the body: the connection can't be used further."""
        self.close_connection = True
        self._answer(status, {"status": int(status)})

    def _answer(self, status: HTTPStatus, body: Mapping[str, Any]) -> None:
        raw = strict.dump(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing: the audit trail says what was asked."""
