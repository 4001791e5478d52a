"""HTTP/1.1 over one kept connection: the protocol is h11's (RFC 9112), its bounds and its errors are ours.

Strict where guessing would mix up two answers: what is not framed by the rules, or ends too early, is an error and never a shorter answer.
"""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import h11

HEAD = 128 * 1024
"""The longest head, in bytes; Negotiate tickets are long."""
PIECE = 64 * 1024
"""So many bytes of a body are handed out at once, at most."""
INTERIM = 10
"""So many answers of 1xx may come before the one that counts."""


class BrokenAnswer(Exception):
    """The bytes are no HTTP, or end before their own end."""


class Fields(Mapping[str, str]):
    """Header fields by name in any case; of several of a name the values stand behind commas, but for Set-Cookie."""

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        self.cookies: list[str] = []
        for name, value in lines:
            key = name.lower()
            if key == "set-cookie":
                self.cookies.append(value)
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a body."""

    status: int
    fields: Fields


class Conversation:
    """Questions and answers on one socket, each answer read to its end before the next question."""

    def __init__(self, dialled: socket.socket) -> None:
        self._socket = dialled
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD)
        self._heard = False

    def ask(self, method: str, target: str, fields: Mapping[str, str], body: bytes = b"") -> Head:
        """Send a request as one piece, which one TLS record may hold; the head of its answer.

        Raises:
            ValueError: a field holds what no field may hold, such as a line break.
            ConnectionResetError: the connection ended before the first byte.
            OSError, BrokenAnswer: it broke, or it is no head.
        """
        self._heard = False
        try:
            request = h11.Request(method=method, target=target, headers=list(fields.items()))
            parts = [self._http.send(one) for one in (request, h11.Data(body), h11.EndOfMessage())]
        except h11.LocalProtocolError as error:
            raise ValueError(f"no request: {error}") from error
        self._socket.sendall(b"".join(part for part in parts if part))
        for _ in range(INTERIM):
            event = self._next()
            if isinstance(event, h11.Response):
                return _head(event)
        raise BrokenAnswer("interim answers without end")

    def piece(self) -> bytes:
        """What has arrived of the body, at least one byte; b"" at its end.

        Raises:
            OSError, BrokenAnswer: the connection or the bytes broke off.
        """
        event = self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def again(self) -> bool:
        """Begin anew on the same connection; False where it does not stay open (9.3) or more came than was asked for."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self._http.trailing_data != (b"", False):
            return False
        self._http.start_next_cycle()
        return True

    def _next(self) -> h11.Event:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._http.receive_data(self._received())
        except h11.RemoteProtocolError as error:
            raise BrokenAnswer(str(error)) from error
        if isinstance(event, (type, h11.ConnectionClosed)):
            raise BrokenAnswer("bytes that belong to no answer")
        return event

    def _received(self) -> bytes:
        data = self._socket.recv(PIECE)
        if not data and not self._heard:
            raise ConnectionResetError("the connection ended before an answer")
        self._heard = True
        return data


def _head(event: h11.Response) -> Head:
    fields = Fields([(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers])
    if "Transfer-Encoding" in fields and "Content-Length" in fields:
        raise BrokenAnswer("framed twice")
    return Head(event.status_code, fields)


def unpacked(head: Head, piece: Callable[[], bytes]) -> Callable[[], bytes]:
    """The body as it was before its encoding. Raises BrokenAnswer for an encoding that nobody asked for."""
    encoding = head.fields.get("Content-Encoding", "identity").lower()
    if encoding in {"gzip", "x-gzip"}:
        return Inflated(piece).piece
    if encoding in {"identity", ""}:
        return piece
    raise BrokenAnswer(f"encoded as {encoding}, which was not asked for")


class Inflated:
    """A gzip body (RFC 1952), at most ``PIECE`` bytes at a time; the sum at its end is checked."""

    def __init__(self, packed: Callable[[], bytes]) -> None:
        self._packed = packed
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun = False

    def piece(self) -> bytes:
        """The next bytes; b"" at the end. Raises BrokenAnswer where they end too early."""
        while True:
            packed = self._decoder.unconsumed_tail or self._packed()
            if not packed:
                return self._rest()
            self._begun = True
            try:
                found = self._decoder.decompress(packed, PIECE)
            except zlib.error as error:
                raise BrokenAnswer(f"no gzip: {error}") from error
            if found:
                return found

    def _rest(self) -> bytes:
        if self._begun and not self._decoder.eof:
            raise BrokenAnswer("compressed bytes that end too early")
        return b""
