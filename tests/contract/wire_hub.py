"""A MemoryHub behind real HTTP and web sockets on loopback, and anything else that may stand between.

``canned`` answers are given first, whatever is asked; ``upgrade`` says what becomes of a web socket.
"""

from __future__ import annotations

import gzip
import http.server
import json
import socket
import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar, cast

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection
from websockets.typing import Subprotocol

from connector.errors import Superseded, Verdict
from connector.relay import strict, wire
from connector.relay.base import Descent
from connector.relay.memory import MemoryHub

TOKEN = "token-of-the-connector"
HOLD_SECONDS = 0.3


@dataclass
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(status: int, code: str, **headers: str) -> Answer:
    """A problem document (RFC 9457)."""
    body = strict.dump({"code": code, "status": status, "title": code})
    return Answer(status, body, {"Content-Type": wire.PROBLEM_TYPE, **headers})


def answer(value: Any) -> Answer:
    """A good answer."""
    return Answer(200, strict.dump(value), {"Content-Type": "application/json"})


def refusal(verdict: Verdict) -> Answer:
    """How the hub says what MemoryHub raised."""
    if isinstance(verdict, Superseded):
        return problem(409, "superseded")
    if verdict.code == "greet-again":
        return problem(412 if verdict.detail == "behind" else 428, "behind")
    if verdict.code == "bad-answer":
        return problem(400, "malformed")
    return problem(503, "busy")


class WireHub(socketserver.ThreadingTCPServer):
    """Listens on a free port until closed. ``upgrade`` is ``yes``, ``refuse``, ``break`` or ``silent``."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, hub: MemoryHub, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub
        self.tls = tls
        self.canned: deque[Answer] = deque()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.upgrade = "yes"
        self.only_web_sockets = False
        """Inside TLS the first bytes can't be looked at without being taken."""
        self.ending = threading.Event()
        self.socket_closed = self.ending
        """What the web socket library asks its own server for."""
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """A TLS handshake happens in the thread of the connection."""
        raw, peer = super().get_request()
        if self.tls:
            raw = self.tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        return raw, peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks off is no news."""

    def close(self) -> None:
        """Stop listening; open connections end with their peers."""
        self.ending.set()
        self.shutdown()
        self.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _, _ in self.requests]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: WireHub
    routes: ClassVar[dict[str, str]] = {
        wire.HELLO_PATH: "_hello",
        wire.EVENTS_PATH: "_events",
        wire.POLL_PATH: "_poll",
    }

    def handle(self) -> None:
        """A web socket is told apart by its first bytes; the library reads its request itself."""
        if self.server.only_web_sockets or self._peeks_get():
            self._web_socket()
        else:
            super().handle()

    def _peeks_get(self) -> bool:
        return not self.server.tls and self.request.recv(4, socket.MSG_PEEK) == b"GET "

    def do_POST(self) -> None:
        """One request of the protocol."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        if self.server.canned:
            self._say(self.server.canned.popleft())
        elif headers.get("authorization") != f"Bearer {TOKEN}":
            self._say(problem(401, "credential-refused"))
        else:
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self._say(self._answered(headers, body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the base
        """Say nothing."""

    def _answered(self, headers: dict[str, str], body: bytes) -> Answer:
        try:
            return getattr(self, self.routes[self.path])(headers, body)  # type: ignore[no-any-return]
        except Verdict as verdict:
            return refusal(verdict)

    def _say(self, said: Answer) -> None:
        self.send_response(said.status)
        for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said.body)

    def _hello(self, headers: dict[str, str], body: bytes) -> Answer:
        return answer(wire.write_welcome(self.server.hub.greet(wire.read_greeting(body))))

    def _events(self, headers: dict[str, str], body: bytes) -> Answer:
        order = wire.read_order(headers.get("relay-acknowledged", "0.0"))
        source = wire.source_of("cal-01.example.com")
        receipt = self.server.hub.send(headers.get("relay-run", ""), order, body, source)
        return answer(wire.write_receipt(receipt))

    def _poll(self, headers: dict[str, str], body: bytes) -> Answer:
        asked = wire.read_poll(body)
        looks = iter(range(int(HOLD_SECONDS / 0.05)))
        descent = self.server.hub.await_descent(
            headers.get("relay-run", ""), asked.cursor, lambda: next(looks, None) is None
        )
        return answer(wire.write_descent(descent or Descent((), (), (), asked.cursor)))

    # --- web socket

    def _web_socket(self) -> None:
        if self.server.upgrade == "break":
            self.request.recv(65536)
            return
        protocol = ServerProtocol(subprotocols=[Subprotocol(wire.SUBPROTOCOL)], max_size=strict.MAX_BODY)
        connection = ServerConnection(self.request, protocol, cast("Any", self.server), close_timeout=1)
        connection.handshake(process_request=self._process_request)
        if connection.protocol.handshake_exc is None:
            with connection:
                self._talk(connection)

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        self.server.requests.append((request.path, headers, b""))
        if self.server.upgrade == "refuse":
            return connection.respond(HTTPStatus.NOT_FOUND, "what is that?")
        if self.server.canned:
            said = self.server.canned.popleft()
        elif headers.get("authorization") != f"Bearer {TOKEN}":
            said = problem(401, "credential-refused")
        else:
            try:
                self.server.hub.check(headers.get("relay-run", ""))
            except Verdict as verdict:
                said = refusal(verdict)
            else:
                return None
        response = connection.respond(HTTPStatus(said.status), said.body.decode())
        del response.headers["Content-Type"]
        response.headers.update(said.headers)
        return response

    def _talk(self, connection: ServerConnection) -> None:
        assert connection.request
        cursor = connection.request.path.partition("cursor=")[2]
        run = connection.request.headers[wire.RUN_HEADER]
        if self.server.upgrade == "silent":
            connection.recv()
        try:
            self._exchange(connection, Descent((), (), (), cursor))
            while descent := self.server.hub.await_descent(run, cursor, lambda: self._over(connection)):
                cursor = self._exchange(connection, descent)
        except Superseded:
            connection.close(wire.CLOSE_SUPERSEDED)
        except Verdict:
            connection.close(wire.CLOSE_GREET_AGAIN)
        except ConnectionClosed:
            return

    def _exchange(self, connection: ServerConnection, descent: Descent) -> str:
        connection.send(json.dumps(wire.write_descent(descent)))
        return wire.read_ack(str(connection.recv()).encode())

    def _over(self, connection: ServerConnection) -> bool:
        return self.server.ending.is_set() or connection.protocol.state.name != "OPEN"
