"""The downlink by web socket (docs/relay.md section 7). The only home of websockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from connector.errors import CredentialRefused, Superseded, Transient, Verdict
from connector.model import Clock
from connector.relay import strict, wire
from connector.relay.answers import KNOWN_STATUSES, Unacceptable, problem_code, verdict_of
from connector.relay.base import Descent
from connector.relay.far_end import FarEnd
from connector.relay.one_at_a_time import OneAtATime
from connector.relay.poll import Ending
from connector.tls import tls_code

LOOK_SECONDS = 1.0
"""How often a silent connection looks whether it should stop."""
BREAKS = 3
"""So many connections in a row that ended before the first frame mean that something on the way can't do it."""

FIRST_FRAME_SECONDS = 30.0
"""A hub speaks at once; where nothing comes so long, something swallows frames."""

_KEEP_ALIVE_SECONDS = 20
_PRIVATE_CODES = 4000


class UpgradeImpossible(Exception):
    """Something between here and the hub does not let web sockets through."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class _BrokenOffError(Exception):
    """The connection ended, or the handshake failed, before the hub said anything."""


class _HandshakeRefused(Exception):
    """The upgrade was answered with an HTTP status. Not an InvalidStatus: the library would follow redirects."""

    def __init__(self, answer: InvalidStatus) -> None:
        super().__init__(str(answer))
        self.status = answer.response.status_code
        self.headers = {name.lower(): value for name, value in answer.response.headers.raw_items()}
        self.body = bytes(answer.response.body or b"")


class _Connection(ClientConnection):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        """The library begins to read in a thread of its own here, before the handshake is written."""
        safe = OneAtATime(sock) if isinstance(sock, ssl.SSLSocket) else sock
        super().__init__(cast("socket.socket", safe), *args, **kwargs)

    @property
    def descriptor(self) -> socket.socket:
        """The socket itself, to be shut down from another thread."""
        return self.socket.inner if isinstance(self.socket, OneAtATime) else self.socket

    def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().handshake(*args, **kwargs)
        except InvalidStatus as answer:
            raise _HandshakeRefused(answer) from answer


class WebSocketDownlink:
    """Connects and listens; remembers how often connections broke off before a frame came.

    ``keep`` is told each socket, for whoever wants to end a blocked read by shutting it down.
    """

    def __init__(self, hub: FarEnd, clock: Clock, keep: Callable[[socket.socket], None]) -> None:
        self._hub = hub
        self._clock = clock
        self._keep = keep
        self._breaks = 0

    def listen(self, run: str, cursor: str, stop: Ending, accept: Callable[[Descent], None]) -> None:
        """Receive until ``stop``. Raises UpgradeImpossible, and verdicts when the connection ends."""
        try:
            connection = _connect(self._hub, run, cursor, self._clock)
            with connection:
                self._keep(connection.descriptor)
                self._talk(connection, cursor, stop, accept)
        except _BrokenOffError as broken:
            self._breaks += 1
            if self._breaks >= BREAKS:
                self._breaks = 0
                raise UpgradeImpossible(str(broken)) from broken
            raise Transient("unreachable", str(broken)) from broken
        except ConnectionClosed as closed:
            raise _closed(closed) from closed

    def _talk(
        self, connection: ClientConnection, cursor: str, stop: Ending, accept: Callable[[Descent], None]
    ) -> None:
        frame = _first(connection, stop)
        self._breaks = 0
        while not stop.is_set():
            if frame is not None:
                cursor = _take(connection, wire.read_descent(frame, self._clock()), cursor, accept)
            frame = _receive(connection, LOOK_SECONDS)


def _take(
    connection: ClientConnection, descent: Descent, cursor: str, accept: Callable[[Descent], None]
) -> str:
    """Make a message durable and acknowledge it; the cursor after it."""
    if descent.commands or descent.nudged or descent.resync or descent.cursor != cursor:
        accept(descent)
    connection.send(strict.dump(wire.write_ack(descent.cursor)).decode())
    return descent.cursor


def _first(connection: ClientConnection, stop: Ending) -> bytes | None:
    """The first frame, None when it is time to stop. Raises _BrokenOffError when none comes."""
    try:
        for _ in range(int(FIRST_FRAME_SECONDS / LOOK_SECONDS)):
            frame = _receive(connection, LOOK_SECONDS)
            if frame is not None or stop.is_set():
                return frame
    except ConnectionClosed as closed:
        if closed.rcvd and closed.rcvd.code >= _PRIVATE_CODES:
            raise
        raise _BrokenOffError("the connection breaks off") from closed
    raise _BrokenOffError("no frame comes through")


def _connect(hub: FarEnd, run: str, cursor: str, clock: Clock) -> _Connection:
    url = hub.at(wire.COMMANDS_PATH, scheme="ws") + "?" + urlencode({"cursor": cursor})
    headers = hub.headers(run)
    proxy = hub.proxy()
    try:
        connection = connect(
            url,
            ssl=hub.tls if url.startswith("wss:") else None,
            subprotocols=[Subprotocol(wire.SUBPROTOCOL)],
            compression=None,
            user_agent_header=headers.pop("User-Agent"),
            additional_headers=headers,
            proxy=proxy.with_credentials() if proxy else None,
            open_timeout=10,
            ping_interval=_KEEP_ALIVE_SECONDS,
            ping_timeout=_KEEP_ALIVE_SECONDS,
            close_timeout=2,
            max_size=strict.MAX_BODY,
            max_queue=1,
            create_connection=_Connection,
        )
        return cast("_Connection", connection)
    except _HandshakeRefused as refused:
        raise _refusal(refused, clock) from refused
    except InvalidHandshake as error:
        raise _BrokenOffError(str(error)) from error
    except TimeoutError as error:
        raise Transient("timeout", str(error)) from error
    except (OSError, ssl.SSLError, WebSocketException, EOFError) as error:
        raise Transient(tls_code(error) or "unreachable", str(error)) from error


def _refusal(refused: _HandshakeRefused, clock: Clock) -> Verdict | UpgradeImpossible:
    """What a refused upgrade means. A hub says why in a problem document; a bare 403 is a proxy's."""
    ours = refused.status in KNOWN_STATUSES and problem_code(
        refused.headers.get("content-type", ""), refused.body
    )
    if not ours and refused.status < 500:
        return UpgradeImpossible(f"HTTP {refused.status}")
    verdict = verdict_of(refused.status, refused.headers, refused.body, clock())
    if isinstance(verdict, Unacceptable) or verdict.code == "bad-answer":
        return UpgradeImpossible(f"HTTP {refused.status}")
    return verdict


def _receive(connection: ClientConnection, seconds: float) -> bytes | None:
    """One frame's bytes, None when none came in that time."""
    try:
        frame = connection.recv(timeout=seconds)
    except TimeoutError:
        return None
    return frame.encode("utf-8", "replace") if isinstance(frame, str) else bytes(frame)


def _closed(closed: ConnectionClosed) -> Verdict:
    code = closed.rcvd.code if closed.rcvd else 0
    if code == wire.CLOSE_SUPERSEDED:
        return Superseded("superseded", "close code 4409")
    if code == wire.CLOSE_CREDENTIAL:
        return CredentialRefused("credential-refused", "close code 4401")
    if code == wire.CLOSE_GREET_AGAIN:
        return Transient("greet-again", "close code 4428")
    return Transient("unreachable", f"the web socket ended with {code}")
