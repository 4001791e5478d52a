"""A receiver of our own for notifications, behind a reverse proxy that has the public address and the certificate.

Of a message only the channel's id, its token and its number are read. X-Goog-Resource-URI names the user: it is neither logged nor
kept. Whatever is not a living channel with its token is answered with 404 (Calendar guides, "Push notifications").
"""

from __future__ import annotations

import hashlib
import hmac
import re
import select
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import structlog

from connector.errors import Transient
from connector.model import Clock, Nudge

THREADS = 4
MOST_WAITING = 128
"""Connections that are held at once; Google tries again what was not taken."""
PATIENCE_SECONDS = 5.0
LOOK_SECONDS = 0.5
RETRY_SECONDS = 15.0
BACKLOG = 128
LONGEST_TOKEN = 256
_CHANNEL = re.compile(r"[A-Za-z0-9_-]{16,64}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_NOBODY = "0" * 64

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Channel:
    mailbox_id: str
    digest: str
    ends: datetime


class OwnReceiver:
    """Satisfies ``push.Receiver``. ``listen`` is unix:/path or address:port, ``address`` what Google is told. Thread-safe."""

    def __init__(self, listen: str, address: str, clock: Clock) -> None:
        self.address = address
        self._listen = listen
        self._clock = clock
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}
        self._serving = Event()

    # --- push.Receiver

    @property
    def ready(self) -> bool:
        """Whether it listens."""
        return self._serving.is_set()

    def register(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """Expect a channel. Raises Transient while nothing could be received."""
        if not self.ready:
            raise Transient("google-receiver-closed", self._listen)
        self.resume(channel_id, mailbox_id, token_digest, expires)

    def resume(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """Expect a channel that was made before this process began; those that have ended are forgotten."""
        now = self._clock()
        with self._lock:
            self._channels = {one: held for one, held in self._channels.items() if held.ends > now}
            self._channels[channel_id] = _Channel(mailbox_id, token_digest, expires)

    def forget(self, channel_id: str) -> None:
        """Expect it no longer."""
        with self._lock:
            self._channels.pop(channel_id, None)

    # --- what comes

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        """Receive until ``stop``; while the address can't be had, everybody is polled."""
        refused = ""
        while not stop.is_set():
            try:
                listener = _listening(self._listen)
            except OSError as error:
                if str(error) != refused:
                    refused = str(error)
                    log.warning("notifications can't be received", listen=self._listen, why=refused)
                stop.wait(RETRY_SECONDS)
                continue
            with closing(listener):
                self._serving.set()
                try:
                    self._serve(listener, stop, nudge)
                finally:
                    self._serving.clear()

    def judge(self, channel_id: str, token: str, number: str) -> tuple[HTTPStatus, str]:
        """The answer to a message, and the mailbox it is about, "" for none; as much work for a channel that is unknown."""
        if not _CHANNEL.fullmatch(channel_id) or not 0 < len(token) <= LONGEST_TOKEN:
            return HTTPStatus.NOT_FOUND, ""
        if not _NUMBER.fullmatch(number):
            return HTTPStatus.BAD_REQUEST, ""
        with self._lock:
            channel = self._channels.get(channel_id)
        given = hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()
        right = hmac.compare_digest(given, channel.digest if channel else _NOBODY)
        if channel is None or not right or channel.ends <= self._clock():
            return HTTPStatus.NOT_FOUND, ""
        return HTTPStatus.NO_CONTENT, channel.mailbox_id

    def _serve(self, listener: socket.socket, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        places = threading.BoundedSemaphore(MOST_WAITING)
        handler = _handler(self, nudge)

        def attend(connection: socket.socket) -> None:
            try:
                with connection, suppress(OSError):
                    handler(connection, ("", 0), None)
            finally:
                places.release()

        with ThreadPoolExecutor(THREADS, thread_name_prefix="receive") as pool:
            while not stop.is_set():
                connection = _next(listener)
                if connection is not None and places.acquire(blocking=False):
                    pool.submit(attend, connection)
                elif connection is not None:
                    connection.close()


def _next(listener: socket.socket) -> socket.socket | None:
    """The next connection, None when none came for a while."""
    ready, _, _ = select.select([listener], [], [], LOOK_SECONDS)
    if not ready:
        return None
    try:
        connection, _ = listener.accept()
    except OSError as error:
        log.debug("a connection went away", error=str(error))
        return None
    connection.settimeout(PATIENCE_SECONDS)
    return connection


def _listening(listen: str) -> socket.socket:
    """Listen. Whoever may reach the socket's folder may post: a message without its channel's token does nothing."""
    if not listen.startswith("unix:"):
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    path = Path(listen.removeprefix("unix:"))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _handler(receiver: OwnReceiver, nudge: Callable[[Nudge], None]) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """HTTP/1.0: one message, one answer, then the end. The message has no body."""

        server_version = "calendar-connector"
        sys_version = ""

        def do_POST(self) -> None:
            """A message of any path: the reverse proxy may have changed it."""
            channel_id, token, number = (
                self.headers.get(f"X-Goog-{name}", "")
                for name in ("Channel-ID", "Channel-Token", "Message-Number")
            )
            status, mailbox_id = receiver.judge(channel_id, token, number)
            if mailbox_id and self.headers.get("X-Goog-Resource-State") != "sync":
                nudge(Nudge(mailbox_id, "push"))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
            """Its line would have the path, and a proxy's path may name anybody."""

    return Handler
