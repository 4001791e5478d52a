"""Things that stand in the way or tell lies: a TLS bridge, a hub with a wrong clock."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.exchange.certificates import Authority


def _server_side(folder: str) -> tuple[ssl.SSLContext, Path]:
    """A server context with a certificate for localhost, and the CA to trust."""
    authority = Authority(Path(folder), datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue([], datetime.now(UTC)).path)
    return context, authority.path


class TlsBridge:
    """Ends TLS with a certificate of its own and begins it anew towards ``to``, a port of this machine."""

    def __init__(self, to: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab-bridge-")
        self._context, self.ca = _server_side(self._folder.name)
        self._onward = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._onward.check_hostname = False
        self._onward.verify_mode = ssl.CERT_NONE
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="bridge", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(raw,), name="bridged", daemon=True).start()

    def _join(self, raw: socket.socket) -> None:
        with suppress(OSError):  # either side may leave at any time
            near = self._context.wrap_socket(raw, server_side=True)
            far = self._onward.wrap_socket(socket.create_connection(("127.0.0.1", self._to)))
            back = threading.Thread(target=_carry, args=(far, near), name="bridged-back", daemon=True)
            back.start()
            _carry(near, far)
            back.join()
            near.close()
            far.close()


def _carry(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            to.sendall(piece)
    for one in (source, to):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class WrongClock:
    """A hub that takes every credential and whose clock is so many seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab-clock-")
        context, self.ca = _server_side(self._folder.name)

        class Handler(BaseHTTPRequestHandler):
            """Answers as to a run that it does not know."""

            def do_HEAD(self) -> None:
                self._answer(404)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self._answer(428)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def date_time_string(self, timestamp: float | None = None) -> str:
                return formatdate((timestamp or time.time()) + seconds, usegmt=True)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        threading.Thread(target=self._server.serve_forever, name="wrong-clock", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()
