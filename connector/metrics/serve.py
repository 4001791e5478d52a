"""Serves the figures: one request at a time, small and bounded, for a scraper on this machine."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from connector.errors import UserError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATH = "/metrics"
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 5.0
_BACKLOG = 8

_log = structlog.get_logger(__name__)


class MetricsServer:
    """Made where it listens; ``run`` serves until told to stop, and closes."""

    def __init__(
        self, listen: str, text: Callable[[], bytes], admit: Callable[[Path], object] = lambda _path: None
    ) -> None:
        self._text = text
        self._path = Path(listen.removeprefix("unix:")) if listen.startswith("unix:") else None
        try:
            self._listener = self._unix(self._path, admit) if self._path else _loopback(listen)
        except OSError as error:
            raise UserError(f"metrics can't be served at {listen}: {error.strerror or error}") from None

    @property
    def port(self) -> int:
        """The port it listens on; 0 for a Unix socket."""
        return 0 if self._path else int(self._listener.getsockname()[1])

    def run(self, stop: Event) -> None:
        """Answer scrapers until ``stop``."""
        try:
            while not stop.is_set():
                ready, _, _ = select.select([self._listener], [], [], LOOK_SECONDS)
                if ready:
                    self._attend()
        finally:
            self.close()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()
        if self._path:
            self._path.unlink(missing_ok=True)

    def _attend(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            _log.debug("a scraper went away", error=str(error))
            return
        connection.settimeout(PATIENCE_SECONDS)
        with connection, suppress(OSError):
            _handler(self._text)(connection, ("", 0), None)

    @staticmethod
    def _unix(path: Path, admit: Callable[[Path], object]) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            path.chmod(0o660)
            admit(path)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener


def _loopback(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)


def _handler(text: Callable[[], bytes]) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0: one answer, then the end."""

        server_version = "calendar-connector"
        sys_version = ""

        def do_GET(self) -> None:
            """The figures, at one path only."""
            if self.path.partition("?")[0] != PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = text()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
            """Scrapes are no news."""

    return Handler
