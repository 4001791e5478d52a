"""HTTP/1.1 over TLS with as little work as possible: one asyncio protocol a connection, answers are ready-made bytes."""

from __future__ import annotations

import asyncio
import re
import resource
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

HEAD_END = b"\r\n\r\n"
MOST = 64 * 1024 * 1024
_LENGTH = re.compile(rb"content-length:[ ]*(\d+)", re.IGNORECASE)


class Connection(asyncio.Protocol):
    """One connection; requests on it are answered one after the other, as its client asks."""

    def __init__(self, handler: Handler, left: Callable[[Connection], None]) -> None:
        self._handler = handler
        self._left = left
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream connection was expected")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Cut requests out of what arrived."""
        self._held += data
        while (request := self._cut()) is not None:
            self._handler(self, *request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        del exc
        self._transport = None
        self._left(self)

    def _cut(self) -> tuple[bytes, bytes] | None:
        head, found, rest = self._held.partition(HEAD_END)
        if not found:
            return None
        stated = _LENGTH.search(head)
        length = min(int(stated[1]), MOST) if stated else 0
        if len(rest) < length:
            return None
        self._held = rest[length:]
        return head, rest[:length]

    @property
    def open(self) -> bool:
        """Whether somebody is there."""
        return self._transport is not None

    def answer(self, body: bytes, kind: bytes = b"text/xml; charset=utf-8", headers: bytes = b"") -> None:
        """A whole answer; ``headers`` are lines that end in CR LF."""
        if self._transport is not None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
            self._transport.write(head % (kind, len(body), headers) + body)

    def refuse(self, status: bytes, headers: bytes = b"") -> None:
        """An answer without a body; ``headers`` are lines that end in CR LF."""
        if self._transport is not None:
            self._transport.write(b"HTTP/1.1 %b\r\n%bContent-Length: 0\r\n\r\n" % (status, headers))

    def begin(self) -> None:
        """An answer that goes on, in chunks."""
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
            )

    def chunk(self, piece: bytes) -> None:
        """A part of it; an empty one ends it."""
        if self._transport is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


Handler = Callable[[Connection, bytes, bytes], None]
"""Is given the connection, the head and the body of a request; answers now or later by ``Connection.answer``."""


def serve(handler: Handler, left: Callable[[Connection], None], certificate: Path) -> None:
    """Serve on a loopback port, print its number, and go on until standard input ends: with whoever started it."""
    asyncio.run(_serve(handler, left, certificate))


async def _serve(handler: Handler, left: Callable[[Connection], None], certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(handler, left), "127.0.0.1", 0, ssl=context, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def many_files() -> int:
    """Raise the number of open files to what the system allows; that number."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
