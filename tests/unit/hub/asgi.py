"""Calling an ASGI application without a network: requests and web sockets from a test's own thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

T = TypeVar("T")

PATIENCE_SECONDS = 20


@dataclass(frozen=True)
class Answer:
    """What came back; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """An application in an event loop of its own, from startup to shutdown."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._down: asyncio.Queue[Message] = self.run(_queue())
        self._up: asyncio.Queue[Message] = self.run(_queue())
        self._life = self.start(self._app({"type": "lifespan"}, self._down.get, self._up.put))
        self.run(self._down.put({"type": "lifespan.startup"}))
        assert self.run(self._up.get())["type"] == "lifespan.startup.complete"
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.run(self._down.put({"type": "lifespan.shutdown"}))
            self._life.result(PATIENCE_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE_SECONDS)
            self._loop.close()

    def start(self, work: Awaitable[T]) -> Future[T]:
        """Begin something in the loop."""
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop)

    def run(self, work: Awaitable[T]) -> T:
        """Do something in the loop and wait for it."""
        return self.start(work).result(PATIENCE_SECONDS)

    def begin(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Future[Answer]:
        """Ask, and look at the answer later; to cancel it is to hang up."""
        return self.start(_http(self._app, _scope("http", method, target, headers), body))

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One request."""
        return self.begin(method, target, headers, body).result(PATIENCE_SECONDS)

    @contextmanager
    def socket(self, target: str, headers: Mapping[str, str], subprotocols: list[str]) -> Iterator[Socket]:
        """A web socket; hung up at the end."""
        scope = _scope("websocket", "GET", target, headers) | {"subprotocols": subprotocols}
        scope["extensions"] = {"websocket.http.response": {}}
        down: asyncio.Queue[Message] = self.run(_queue())
        up: asyncio.Queue[Message] = self.run(_queue())
        life = self.start(self._app(scope, down.get, up.put))
        socket = Socket(self, down, up)
        socket.put({"type": "websocket.connect"})
        yield socket
        socket.put({"type": "websocket.disconnect", "code": 1001})
        life.result(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Socket:
    """The client's end."""

    client: Client
    down: asyncio.Queue[Message]
    up: asyncio.Queue[Message]

    def put(self, message: Message) -> None:
        """Tell the application."""
        self.client.run(self.down.put(message))

    def get(self) -> Message:
        """What the application says next."""
        return self.client.run(self.up.get())

    def say(self, value: Any) -> None:
        """Send a frame of JSON."""
        self.put({"type": "websocket.receive", "text": json.dumps(value)})

    def hear(self) -> Any:
        """The JSON of the next frame."""
        message = self.get()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    def silent(self) -> bool:
        """Whether the application has said nothing so far."""
        return self.up.empty()


async def _http(app: ASGIApp, scope: Scope, body: bytes) -> Answer:
    given: asyncio.Queue[Message] = asyncio.Queue()
    given.put_nowait({"type": "http.request", "body": body})
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    call = asyncio.ensure_future(app(scope, given.get, send))
    try:
        await asyncio.shield(call)
    except asyncio.CancelledError:
        given.put_nowait({"type": "http.disconnect"})
        await call
        raise
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]))


def _scope(kind: str, method: str, target: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https" if kind == "http" else "wss",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("hub.example.net", 443),
    }


async def _awaited(work: Awaitable[T]) -> T:
    return await work


async def _queue() -> asyncio.Queue[Message]:
    return asyncio.Queue()
