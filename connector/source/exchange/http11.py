"""HTTP/1.1 as Exchange speaks it, read off a kept connection (RFC 9112): a head within bounds, a body by its own framing.

Strict where guessing would mix up two answers: what is not framed by the rules, or ends too early, is an error and never a shorter answer.
Written out because libraries spend several times as long on objects around an answer as the answer itself needs.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from typing import Protocol

LINE = 64 * 1024
"""The longest line of a head, in bytes; Negotiate tickets are long."""
LINES = 200
INTERIM = 10
"""So many answers of 1xx may come before the one that counts."""
CHUNK_LINE = 1024

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?\r?\n")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")


class Lines(Protocol):
    """What a head is read from: a socket's file, buffered or not."""

    def readline(self, size: int, /) -> bytes:
        """The bytes up to a line's end, at most ``size``."""


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
    """What stands before a body. ``minor`` is the version behind "HTTP/1."."""

    status: int
    minor: int
    fields: Fields

    @property
    def keeps_open(self) -> bool:
        """Whether the connection may be used again once the body has been read (9.3)."""
        wish = self.fields.get("Connection", "").lower()
        return "close" not in wish and (self.minor == 1 or "keep-alive" in wish)


def request_bytes(method: str, target: str, fields: Mapping[str, str], body: bytes) -> bytes:
    """A whole request, as one piece that one TLS record may hold.

    Raises:
        ValueError: a field holds a line break.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a line break in the head of a request")
    return head.encode("latin-1") + b"\r\n\r\n" + body


def read_head(stream: Lines) -> Head:
    """The next head that is not of an interim answer.

    Raises:
        ConnectionResetError: the connection ended before the first byte.
        BrokenAnswer: it is no head.
    """
    for _ in range(INTERIM):
        head = _one_head(stream)
        if head.status >= 200:
            return head
    raise BrokenAnswer("interim answers without end")


def _one_head(stream: Lines) -> Head:
    first = stream.readline(LINE)
    if not first:
        raise ConnectionResetError("the connection ended before an answer")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise BrokenAnswer(f"no status line: {first[:40]!r}")
    lines: list[tuple[str, str]] = []
    for _ in range(LINES):
        line = stream.readline(LINE)
        if line in {b"\r\n", b"\n"}:
            return Head(int(status[2]), int(status[1]), Fields(lines))
        lines.append(_field(line))
    raise BrokenAnswer("a head without end")


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not (colon and line.endswith(b"\n") and _NAME.fullmatch(name)):
        raise BrokenAnswer(f"no header field: {line[:40]!r}")
    return name.decode("ascii"), value.strip().decode("latin-1")


class Body:
    """What follows a head, piece by piece as it arrives; ``whole`` once it has been read to its own end (6.3)."""

    def __init__(self, stream: BufferedReader, head: Head) -> None:
        """Raises BrokenAnswer when it can't be told where the body ends."""
        self._stream = stream
        self._chunked = _is_chunked(head)
        self._left = 0 if self._chunked else _length(head)
        self.whole = self._left == 0 and not self._chunked

    def piece(self, most: int) -> bytes:
        """What has arrived, at least one byte; b"" at the end. Raises BrokenAnswer where the bytes end too early."""
        if self._chunked and self._left == 0 and not self.whole:
            self._next_chunk()
        if self.whole:
            return b""
        got = self._stream.read1(most if self._left is None else min(most, self._left))
        if self._left is None:
            self.whole = not got
        elif not got:
            raise BrokenAnswer(f"cut off, {self._left} bytes before its end")
        else:
            self._took(len(got))
        return got

    def _took(self, count: int) -> None:
        self._left = (self._left or 0) - count
        if self._left == 0 and self._chunked:
            self._line_end()
        elif self._left == 0:
            self.whole = True

    def _next_chunk(self) -> None:
        size = _SIZE.fullmatch(self._stream.readline(CHUNK_LINE))
        if size is None:
            raise BrokenAnswer("cut off or garbled between two chunks")
        self._left = int(size[1], 16)
        if self._left == 0:
            self._trailer()
            self.whole = True

    def _trailer(self) -> None:
        for _ in range(LINES):
            line = self._stream.readline(LINE)
            if line in {b"\r\n", b"\n"}:
                return
            _field(line)
        raise BrokenAnswer("a trailer without end")

    def _line_end(self) -> None:
        if self._stream.readline(2) not in {b"\r\n", b"\n"}:
            raise BrokenAnswer("a chunk longer than it says")


class Inflated:
    """A gzip body as what it was before (RFC 1952); the sum at its end is checked."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun = False

    @property
    def whole(self) -> bool:
        """Whether it has been read to its end."""
        return self._body.whole

    def piece(self, most: int) -> bytes:
        """As ``Body.piece``; at most ``most`` bytes."""
        while True:
            packed = self._decoder.unconsumed_tail or self._body.piece(most)
            if not packed:
                return self._rest()
            self._begun = True
            try:
                found = self._decoder.decompress(packed, most)
            except zlib.error as error:
                raise BrokenAnswer(f"no gzip: {error}") from error
            if found:
                return found

    def _rest(self) -> bytes:
        if self._begun and not self._decoder.eof:
            raise BrokenAnswer("compressed bytes that end too early")
        return b""


def body_of(stream: BufferedReader, head: Head) -> Body | Inflated:
    """The body as its encoding says. Raises BrokenAnswer for a framing or an encoding that nobody asked for."""
    body, encoding = Body(stream, head), head.fields.get("Content-Encoding", "identity").lower()
    if encoding in {"gzip", "x-gzip"}:
        return Inflated(body)
    if encoding in {"identity", ""}:
        return body
    raise BrokenAnswer(f"encoded as {encoding}, which was not asked for")


def _is_chunked(head: Head) -> bool:
    coding = head.fields.get("Transfer-Encoding", "").lower()
    if not coding:
        return False
    if coding != "chunked" or "Content-Length" in head.fields:
        raise BrokenAnswer(f"framed twice, or by {coding}")
    return True


def _length(head: Head) -> int | None:
    """Bytes to come; None when the end of the connection is the end of the body."""
    if head.status in {204, 304}:
        return 0
    stated = {one.strip() for one in head.fields.get("Content-Length", "").split(",")} - {""}
    if len(stated) > 1 or any(not one.isdecimal() or len(one) > 15 for one in stated):
        raise BrokenAnswer("a senseless Content-Length")
    return int(stated.pop()) if stated else None
