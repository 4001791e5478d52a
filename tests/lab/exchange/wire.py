"""HTTP/1.1 on one connection: requests in, answers out, with every bound stated.

A server of its own rather than `http.server`, because the lab must be able to send what no correct server sends: half a body, a
length that is not true, two documents in one chunk.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO

LINE_LIMIT = 65_536
HEADER_LIMIT = 100
BODY_LIMIT = 64 * 1024 * 1024
GZIP_FROM = 1024

XML = "text/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"


class BadRequestError(Exception):
    """What arrived is no HTTP request, or one beyond the bounds of this file."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are lower case, `path` is without its query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """The header's value, empty when it was not sent."""
        return self.headers.get(name.lower(), "")

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to use the connection again."""
        return self.header("connection").lower() != "close"

    @property
    def accepts_gzip(self) -> bool:
        """Whether the answer may be compressed."""
        return "gzip" in self.header("accept-encoding").lower()


@dataclass(slots=True)
class Answer:
    """One answer. A body of bytes goes out with its length; an iterator goes out as one chunk for each piece.

    `announced` is the Content-Length to claim when it shall differ from the truth; `cut` closes the connection after the body.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    announced: int | None = None
    cut: bool = False


class DropConnection(Exception):
    """Close the connection at once, without any answer."""


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of the connection, None at its end.

    Raises:
        BadRequestError: the bytes are no request, or too many.
    """
    line = _line(stream)
    if not line:
        return None
    parts = line.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(f"not a request line: {line[:80]!r}")
    headers = _headers(stream)
    path, _, query = parts[1].partition("?")
    return Request(parts[0], path, query, headers, _body(stream, headers))


def _line(stream: BinaryIO) -> str:
    raw = stream.readline(LINE_LIMIT)
    if raw and not raw.endswith(b"\n"):
        raise BadRequestError("a line is too long or was cut off")
    return raw.rstrip(b"\r\n").decode("latin-1")


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(HEADER_LIMIT):
        line = _line(stream)
        if not line:
            return headers
        name, _, value = line.partition(":")
        name = name.strip().lower()
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value.strip()}" if name in headers else value.strip()
    raise BadRequestError("too many headers")


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunks(stream)
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequestError("Content-Length is no number") from error
    if not 0 <= length <= BODY_LIMIT:
        raise BadRequestError("the body is too large")
    return _exactly(stream, length)


def _chunks(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _chunk_size(_line(stream)):
        if len(body) + size > BODY_LIMIT:
            raise BadRequestError("the body is too large")
        body += _exactly(stream, size)
        _line(stream)
    _headers(stream)
    return bytes(body)


def _chunk_size(line: str) -> int:
    try:
        return int(line.split(";", maxsplit=1)[0], 16)
    except ValueError as error:
        raise BadRequestError("a chunk's size is no number") from error


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length) if length else b""
    if len(data) != length:
        raise BadRequestError("the body was cut off")
    return data


def write_answer(stream: BinaryIO, request: Request, answer: Answer) -> bool:
    """Send the answer; True when the connection can serve another request."""
    if isinstance(answer.body, bytes):
        return _write_whole(stream, request, answer, answer.body)
    return _write_chunks(stream, answer, answer.body)


def _write_whole(stream: BinaryIO, request: Request, answer: Answer, body: bytes) -> bool:
    headers = list(answer.headers)
    if request.accepts_gzip and len(body) >= GZIP_FROM and answer.announced is None:
        body = gzip.compress(body, compresslevel=1)
        headers.append(("Content-Encoding", "gzip"))
    length = len(body) if answer.announced is None else answer.announced
    keep = request.keeps_alive and not answer.cut and length == len(body)
    headers += [("Content-Length", str(length)), ("Connection", "keep-alive" if keep else "close")]
    stream.write(_head(answer.status, headers) + body)
    stream.flush()
    return keep


def _write_chunks(stream: BinaryIO, answer: Answer, pieces: Iterator[bytes]) -> bool:
    stream.write(_head(answer.status, [*answer.headers, ("Transfer-Encoding", "chunked")]))
    stream.flush()
    for piece in pieces:
        stream.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        stream.flush()
    if not answer.cut:
        stream.write(b"0\r\n\r\n")
        stream.flush()
    return not answer.cut


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")
