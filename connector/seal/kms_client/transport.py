"""How sealed messages get to the key service and back: HTTP at its own address, on its Unix socket, or at the hub."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakSet

import httpx

from connector.errors import Transient
from connector.relay import carriage, strict

AWAY = "key-service-away"
LONGEST_SECONDS = 60
"""An answer that is not complete by then is given up."""

_TIMEOUT = httpx.Timeout(connect=6, read=carriage.HOLD_SECONDS + 7, write=10, pool=10)
_JSON = "application/json"
_CONNECTED = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


class Transport(Protocol):
    """Nobody trusts it. Raises Transient ``key-service-away`` for whatever goes wrong."""

    def static(self) -> bytes:
        """The key service's static key as JWK; whose it is, the caller finds out."""

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Hand messages over and bring back what came for them, in any order and number."""

    def close(self) -> None:
        """Give up connections."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the messages go: ``base`` is a URL up to ``/static`` and ``/messages``; with ``socket`` its host is only a name.

    ``headers`` are asked for at each request (the hub wants a bearer token); ``proxy`` is a URL with its credentials.
    """

    base: str
    socket: Path | None = None
    tls: ssl.SSLContext | None = None
    headers: Callable[[], Mapping[str, str]] = field(default=dict, repr=False)
    proxy: Callable[[], str | None] = field(default=lambda: None, repr=False)

    def patient(self) -> Address:
        """The same, for one who would rather wait for the key service at the hub than be refused."""
        wait = carriage.write_patience(carriage.HOLD_SECONDS)
        return replace(self, headers=lambda: {**self.headers(), **wait})


class HttpTransport:
    """``Transport`` over HTTP. Settings of the environment are never looked at, redirects never followed, answers never unpacked."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: httpx.Client | None = None
        self._proxy: str | None = None
        self._open_door = False
        self._closed = False
        self._lines: WeakSet[socket.socket] = WeakSet()

    def static(self) -> bytes:
        """``GET {base}/static``."""
        return self._ask("GET", carriage.STATIC, None)

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """``POST {base}/messages``."""
        raw = self._ask("POST", carriage.MESSAGES, strict.dump(carriage.write_messages(tokens)))
        try:
            return carriage.read_messages(raw)
        except Transient as error:
            raise away(error.detail) from error

    def close(self) -> None:
        """Give up the connections; a request at work in another thread ends with a verdict."""
        self._closed = True
        for line in list(self._lines):
            with suppress(OSError):  # it may have ended by itself
                socket.socket.shutdown(line, socket.SHUT_RDWR)
        if self._client is not None:
            self._client.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        if self._closed:
            raise away("closed")
        headers = {"Content-Type": _JSON, "Accept-Encoding": "identity", **self._address.headers()}
        try:
            self._knock()
            with self._open().stream(
                method,
                self._address.base + path,
                content=body,
                headers=headers,
                timeout=_TIMEOUT,
                extensions={"trace": self._trace},
            ) as response:
                if response.status_code != 200:
                    raise away(f"status {response.status_code}")
                return _bounded(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            self._open_door = False
            raise away(str(error)) from error

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore; a finished connect or TLS handshake brings the stream, whose socket ``close`` shuts down."""
        stream = info.get("return_value")
        if event.endswith(_CONNECTED) and stream is not None:
            found = stream.get_extra_info("socket")
            if isinstance(found, socket.socket):
                self._lines.add(found)

    def _knock(self) -> None:
        """Whether somebody listens at the socket, first and after a failure: httpcore leaves one that does not answer unclosed."""
        path = self._address.socket
        if path is None or self._open_door:
            return
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_TIMEOUT.connect)
            probe.connect(str(path))
        self._open_door = True

    def _open(self) -> httpx.Client:
        """The client; made anew when the proxy or its password has changed."""
        proxy = self._address.proxy()
        if self._client is not None and proxy != self._proxy:
            self._client.close()
            self._client = None
        if self._client is None:
            self._proxy = proxy
            self._client = self._connected(proxy)
        return self._client

    def _connected(self, proxy: str | None) -> httpx.Client:
        path, tls = self._address.socket, self._address.tls
        way = httpx.HTTPTransport(uds=str(path)) if path else None
        verify = tls if tls is not None else ssl.create_default_context()
        return httpx.Client(
            transport=way, verify=verify, proxy=proxy, trust_env=False, follow_redirects=False
        )


def away(detail: str) -> Transient:
    """The verdict for a key service that can't be asked now."""
    return Transient(AWAY, detail[:300])


def _bounded(response: httpx.Response) -> bytes:
    raw = bytearray()
    ends = time.monotonic() + LONGEST_SECONDS
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > strict.MAX_BODY:
            raise away("the answer is too long")
        if time.monotonic() > ends:
            raise away("the answer does not end")
    return bytes(raw)
