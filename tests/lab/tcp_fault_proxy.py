"""A TLS bridge on loopback in front of a server, which does to the bytes of answers what networks and load balancers do.

It ends TLS with a certificate it is given: the server's own, as a bridge that Extended Protection accepts, or another one. What
is wrong is decided anew for each piece of an answer, so that a connection kept alive meets it too.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PIECE = 65536
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on with no time: closing sends RST."""
PAGE = b"<html><head><title>Sorry</title></head><body>The pool has no members.</body></html>"


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to answers; ``after`` bytes of an answer go through first, ``times`` connections meet it.

    ``kind``: pass, end (closed), reset (RST), stall (silence until ``heal``), slow (a byte at a time with ``pause``
    seconds in between), page (HTML of ``status`` in place of the answer), twice (the answer sent twice).
    """

    kind: str = "pass"
    after: int = 0
    times: int = 1
    pause: float = 0.0
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class TcpFaultProxy:
    """Use as a context manager; ``harm`` sets what is wrong from now on, ``heal`` ends it."""

    target: int
    certificate: Path
    address: str = "127.0.0.1"
    connections: int = 0
    _harm: Harm = field(default_factory=Harm)
    _left: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _healed: threading.Event = field(default_factory=threading.Event)
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._listener.bind((self.address, 0))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_idle()
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def harm(self, kind: str, **facts: object) -> None:
        """From now on answers meet this."""
        with self._lock:
            self._harm = Harm(kind, **facts)  # type: ignore[arg-type]
            self._left = self._harm.times
            self._healed.clear()

    def heal(self) -> None:
        """All is well again, and what is stalled ends."""
        with self._lock:
            self._harm, self._left = Harm(), 0
            self._healed.set()

    def drop_idle(self) -> None:
        """Reset every open connection, as a firewall that has forgotten them."""
        with self._lock:
            dropped, self._open = self._open, set()
        for each in dropped:
            _reset(each)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        try:
            with (
                self._near_context().wrap_socket(raw, server_side=True) as near,
                _far_context().wrap_socket(socket.create_connection(("127.0.0.1", self.target))) as far,
            ):
                with self._lock:
                    self._open.add(near)
                self._carry(near, far)
                with self._lock:
                    self._open.discard(near)
        except OSError:
            raw.close()

    def _near_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # a readable socket has data, not tickets
        context.load_cert_chain(self.certificate)
        return context

    def _carry(self, near: ssl.SSLSocket, far: ssl.SSLSocket) -> None:
        """Both ways in one thread, as TLS of one connection wants it."""
        while True:
            pending = [each for each in (near, far) if each.pending()]
            for ready in pending or select.select([near, far], [], [])[0]:
                piece = ready.recv(PIECE)
                if not piece:
                    return
                if ready is near:
                    far.sendall(piece)
                    continue
                harm = self._take(piece)
                if not _DEEDS[harm.kind](self, near, piece, harm):
                    return

    def _take(self, piece: bytes) -> Harm:
        """What this piece meets; a challenge of the logon is let through, so that it is the answer that is harmed."""
        with self._lock:
            if not self._left or piece.startswith(b"HTTP/1.1 401"):
                return Harm()
            self._left -= 1
            return self._harm

    # --- deeds: each sends what is to be sent, and says whether the connection goes on

    def _pass(self, near: ssl.SSLSocket, piece: bytes, _: Harm) -> bool:
        near.sendall(piece)
        return True

    def _end(self, near: ssl.SSLSocket, piece: bytes, harm: Harm) -> bool:
        near.sendall(piece[: harm.after])
        return False

    def _rst(self, near: ssl.SSLSocket, piece: bytes, harm: Harm) -> bool:
        near.sendall(piece[: harm.after])
        _reset(near)
        return False

    def _stall(self, near: ssl.SSLSocket, piece: bytes, harm: Harm) -> bool:
        near.sendall(piece[: harm.after])
        self._healed.wait(60)
        return False

    def _slow(self, near: ssl.SSLSocket, piece: bytes, harm: Harm) -> bool:
        near.sendall(piece[: harm.after])
        for at in range(harm.after, len(piece)):
            near.sendall(piece[at : at + 1])
            if self._healed.wait(harm.pause):
                near.sendall(piece[at + 1 :])
                return True
        return True

    def _page(self, near: ssl.SSLSocket, _: bytes, harm: Harm) -> bool:
        heads = {"Content-Type": "text/html", "Content-Length": str(len(PAGE)), **dict(harm.headers)}
        lines = [
            f"HTTP/1.1 {harm.status} Page",
            *(f"{name}: {value}" for name, value in heads.items()),
            "",
            "",
        ]
        near.sendall("\r\n".join(lines).encode() + PAGE)
        return False

    def _twice(self, near: ssl.SSLSocket, piece: bytes, _: Harm) -> bool:
        near.sendall(piece + piece)
        return True


_DEEDS = {
    "pass": TcpFaultProxy._pass,
    "end": TcpFaultProxy._end,
    "reset": TcpFaultProxy._rst,
    "stall": TcpFaultProxy._stall,
    "slow": TcpFaultProxy._slow,
    "page": TcpFaultProxy._page,
    "twice": TcpFaultProxy._twice,
}


def _reset(connection: socket.socket) -> None:
    with suppress(OSError, ValueError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.shutdown(socket.SHUT_RDWR)


def _far_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the lab is on this machine
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context
