"""The hub over HTTPS: greeting and events, and the downlink by web socket or long poll. The only home of httpx."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from weakref import WeakSet

import httpx

from connector.errors import Transient
from connector.model import Clock, Queued
from connector.relay import poll, strict, websocket, wire
from connector.relay.answers import Unacceptable, verdict_of
from connector.relay.base import Descent, Greeting, Receipt, Rejection, Welcome
from connector.relay.far_end import FarEnd
from connector.tls import tls_code

JSON_TYPE = "application/json"
POLL_AGAIN_AFTER = timedelta(hours=1)
"""So long the long poll is kept to before the web socket is tried again."""

LONGEST_SECONDS = 120
"""An answer that is not complete by then is given up."""

_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=10)
_POLL_TIMEOUT = httpx.Timeout(connect=10, read=poll.HOLD_SECONDS + 20, write=10, pool=10)


class HttpCloud:
    """``connector.relay.base.Cloud`` over HTTPS.

    ``downlink`` is ``websocket``, ``poll``, or ``auto``: the web socket until it proves to be impossible here. Settings of the environment (proxies, CA files)
    are never looked at, redirects never followed, answers never unpacked.
    """

    def __init__(self, hub: FarEnd, clock: Clock, *, downlink: str = "auto") -> None:
        self._hub = hub
        self._clock = clock
        self._downlink = downlink
        self._run = ""
        self._acknowledged: wire.Order = (0, 0)
        self._limits = (wire.DEFAULT_BATCH, wire.DEFAULT_BYTES)
        self._lines = _Lines(hub)
        self._closed = Event()
        self._web_socket = websocket.WebSocketDownlink(hub, clock, self._lines.keep)
        self._poll_until: datetime | None = None

    def greet(self, greeting: Greeting) -> Welcome:
        """``POST /relay/v1/hello``."""
        raw = self._ask(wire.HELLO_PATH, strict.dump(wire.write_greeting(greeting)), JSON_TYPE)
        welcome = wire.read_welcome(raw)
        self._run = greeting.run
        self._acknowledged = (0, 0)
        self._limits = (welcome.max_batch, welcome.max_bytes)
        return welcome

    def send(self, batch: Sequence[Queued]) -> Receipt:
        """``POST /relay/v1/events`` with as many as the limits allow; the others count as not delivered.

        When the hub refuses a batch as a whole, half of it is tried, until the one event that it can't take stands alone.
        """
        most = self._limits[0]
        while True:
            body, sent = wire.write_batch(batch, wire.source_of(self._hub.instance), most, self._limits[1])
            try:
                return self._deliver(body, sent)
            except Unacceptable as refusal:
                if not sent:
                    raise Transient("bad-answer", f"a sign of life is {refusal.code}") from refusal
                if len(sent) == 1:
                    return Receipt((), {sent[0].envelope.id: Rejection(refusal.code, retry=False)})
                most = len(sent) // 2

    def listen(self, cursor: str, stop: Event, accept: Callable[[Descent], None]) -> None:
        """Receive until ``stop`` or until the connection ends; which way is chosen anew each time."""
        ends = _Either(stop, self._closed)
        if self._may_upgrade():
            try:
                self._web_socket.listen(self._run, cursor, ends, accept)
            except websocket.UpgradeImpossible as impossible:
                if self._downlink != "auto":
                    raise Transient("websocket-refused", impossible.detail) from impossible
                self._poll_until = self._clock() + POLL_AGAIN_AFTER
        if not self._may_upgrade():
            poll.listen(self._poll_once, cursor, ends, accept, until=self._may_upgrade)

    def close(self) -> None:
        """Give up every connection, also those that another thread is reading from."""
        self._closed.set()
        self._lines.cut()

    # --- uplink

    def _deliver(self, body: bytes, sent: Sequence[Queued]) -> Receipt:
        headers = {"Content-Encoding": "gzip"}
        if self._acknowledged > (0, 0):
            headers[wire.ACKNOWLEDGED_HEADER] = wire.write_order(self._acknowledged)
        raw = self._ask(wire.EVENTS_PATH, gzip.compress(body, 6, mtime=0), wire.BATCH_TYPE, headers)
        receipt = wire.read_receipt(raw, [one.envelope.id for one in sent])
        taken = set(receipt.acknowledged)
        orders = [(one.epoch, one.sequence) for one in sent if one.envelope.id in taken]
        self._acknowledged = max([self._acknowledged, *orders])
        self._limits = (receipt.max_batch or self._limits[0], receipt.max_bytes or self._limits[1])
        return receipt

    # --- downlink

    def _may_upgrade(self) -> bool:
        if self._downlink == "poll":
            return False
        return self._poll_until is None or self._clock() >= self._poll_until

    def _poll_once(self, cursor: str) -> Descent:
        body = strict.dump(wire.write_poll(cursor))
        try:
            raw = self._ask(wire.POLL_PATH, body, JSON_TYPE, timeout=_POLL_TIMEOUT)
        except Unacceptable as refusal:
            raise Transient("bad-answer", f"a poll is {refusal.code}") from refusal
        return wire.read_descent(raw, self._clock())

    # --- one request

    def _ask(
        self,
        path: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> bytes:
        """The body of a 200; everything else is a verdict or Unacceptable."""
        if self._closed.is_set():
            raise Transient("unreachable", "closed")
        own = {**self._hub.headers(self._run), "Content-Type": content_type, **(headers or {})}
        try:
            status, answered, raw = self._lines.post(self._hub.at(path), body, own, timeout)
        except httpx.TimeoutException as error:
            raise Transient("timeout", str(error)) from error
        except httpx.ProxyError as error:
            raise Transient("proxy-refused", str(error)) from error
        except (httpx.HTTPError, OSError) as error:
            raise Transient(tls_code(error) or "unreachable", str(error)) from error
        except RuntimeError as error:
            if not self._closed.is_set():
                raise
            raise Transient("unreachable", "closed") from error
        if status != 200:
            raise verdict_of(status, answered, raw, self._clock())
        return raw


class _Lines:
    """The HTTP client, and references to its sockets, so that a blocked read can be ended from another thread."""

    def __init__(self, hub: FarEnd) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._client: httpx.Client | None = None
        self._proxy: str | None = None
        self._cut = False

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: httpx.Timeout
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers (lower-case names) and body of at most ``strict.MAX_BODY`` bytes."""
        client = self._open()
        try:
            with client.stream(
                "POST",
                url,
                content=body,
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=timeout,
                extensions={"trace": self._trace},
            ) as response:
                return response.status_code, dict(response.headers), _bounded(response)
        finally:
            if self._cut:
                client.close()  # it may have connected anew between the cut and now

    def cut(self) -> None:
        """Shut every socket down; whoever reads from one gets the end of the stream."""
        with self._lock:
            self._cut = True
            sockets, client = list(self._sockets), self._client
        for one in sockets:
            _shut(one)
        if client:
            client.close()

    def _open(self) -> httpx.Client:
        """The client; made anew when the proxy or its password has changed."""
        proxy = self._hub.proxy()
        wanted = proxy.with_credentials() if proxy else None
        with self._lock:
            if self._client is not None and wanted != self._proxy:
                self._client.close()
                self._client = None
            if self._client is None:
                self._proxy = wanted
                self._client = httpx.Client(
                    verify=self._hub.tls, proxy=wanted, trust_env=False, follow_redirects=False
                )
            return self._client

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore; a finished connect or TLS handshake brings the stream."""
        stream = info.get("return_value")
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")) and stream is not None:
            found = stream.get_extra_info("socket")
            if isinstance(found, socket.socket):
                self.keep(found)

    def keep(self, one: socket.socket) -> None:
        """Remember a socket as long as it lives."""
        with self._lock:
            self._sockets.add(one)
            if self._cut:
                _shut(one)


def _bounded(response: httpx.Response) -> bytes:
    """The body as it came, of limited length and within a limited time however slowly it drips."""
    raw = bytearray()
    ends = time.monotonic() + LONGEST_SECONDS
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > strict.MAX_BODY:
            raise strict.bad("the answer is too long")
        if time.monotonic() > ends:
            raise Transient("timeout", "the answer does not end")
    return bytes(raw)


def _shut(one: socket.socket) -> None:
    try:
        socket.socket.shutdown(one, socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


class _Either(Event):
    """Set when one of two events is; only ``is_set`` is asked."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        self._events = events

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._events)
