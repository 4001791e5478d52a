"""The proxy of somebody's DMZ on loopback: tunnels with CONNECT, demands Basic, and may look inside TLS and refuse web sockets."""

from __future__ import annotations

import base64
import socket
import socketserver
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.relay.one_at_a_time import OneAtATime
from tests.lab.exchange.certificates import Authority

HEAD_LIMIT = 64 * 1024
SECONDS = 60.0
UNAUTHORISED = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
    b'Proxy-Authenticate: Basic realm="dmz"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
)
End = socket.socket | OneAtATime
NO_UPGRADE = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class LabProxy(socketserver.ThreadingTCPServer):
    """Use as a context manager. ``targets`` are what was asked for with the right credential, in order.

    With ``inspect`` (a folder for its certificates) it ends TLS itself, under an authority whose file is ``ca``, and refuses every upgrade;
    ``trust`` is then the authority of the far end.
    """

    daemon_threads = True

    def __init__(
        self, user: str, password: str, *, inspect: Path | None = None, trust: Path | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.targets: list[str] = []
        self.refused: list[str] = []
        self.upgrades = 0
        self.ca = Path()
        self.near: ssl.SSLContext | None = None
        self.far: ssl.SSLContext | None = None
        if inspect is not None:
            self._inspect(inspect, trust)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="proxy", daemon=True)

    def _inspect(self, folder: Path, trust: Path | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority(folder, datetime.now(UTC))
        self.ca = authority.path
        self.near = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.near.load_cert_chain(authority.issue([], datetime.now(UTC)).path)
        self.far = ssl.create_default_context(cafile=str(trust) if trust else None)

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join(10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that breaks off is no news."""


class _Tunnel(socketserver.BaseRequestHandler):
    server: LabProxy
    request: socket.socket

    def handle(self) -> None:
        self.request.settimeout(SECONDS)
        line, *headers = _head(self.request).decode("latin-1").split("\r\n")
        target = line.split()[1]
        credentials = [
            one.partition(":")[2].strip() for one in headers if one.lower().startswith("proxy-auth")
        ]
        if credentials != [self.server.wanted]:
            self.server.refused.append(target)
            self.request.sendall(UNAUTHORISED)
            return
        self.server.targets.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=SECONDS) as far:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if self.server.near and self.server.far:
                self._looked_into(host, far, self.server.near, self.server.far)
            else:
                _both_ways(self.request, far)

    def _looked_into(
        self, host: str, far: socket.socket, near_context: ssl.SSLContext, far_context: ssl.SSLContext
    ) -> None:
        with (
            near_context.wrap_socket(self.request, server_side=True) as near,
            far_context.wrap_socket(far, server_hostname=host) as beyond,
        ):
            head = _head(near)
            if b"upgrade: websocket" in head.lower():
                self.server.upgrades += 1
                near.sendall(NO_UPGRADE)
                return
            beyond.sendall(head)
            _both_ways(OneAtATime(near), OneAtATime(beyond))


def _head(connection: socket.socket) -> bytes:
    """A request up to its empty line, and what came along with it."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < HEAD_LIMIT:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the client went away")
        head += piece
    return head


def _both_ways(near: End, far: End) -> None:
    back = threading.Thread(target=_pump, args=(far, near), name="proxy-back", daemon=True)
    back.start()
    _pump(near, far)
    back.join(SECONDS)


def _pump(source: End, sink: End) -> None:
    """Until either end goes away; then the other is told."""
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass  # it ended the hard way, which the other end learns below as well
    for one in (source, sink):
        _shut(one)


def _shut(one: End) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has gone already
