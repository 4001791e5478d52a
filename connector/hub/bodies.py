"""Reading a request's body: bounded in bytes, packed and unpacked, and in time."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta

from starlette.requests import Request

from connector.hub.problems import Refusal, malformed, too_large

_GZIP = 31
"""zlib's word for a gzip frame with the largest window."""
_DRAINED = 4
"""So many times the limit is still read and thrown away, so that the answer reaches a peer that is writing."""


class Desk:
    """Where bodies are read; only so many at a time."""

    def __init__(self, places: int, patience: timedelta) -> None:
        self._places = asyncio.Semaphore(places)
        self._patience = patience.total_seconds()

    async def read(self, request: Request, most: int) -> bytes:
        """The body, unpacked, of at most ``most`` bytes. Raises Refusal 400, 408 or 413."""
        packed = _encoding(request)
        async with self._places:
            try:
                async with asyncio.timeout(self._patience):
                    return await _read(request.stream(), most, packed=packed)
            except TimeoutError as error:
                raise Refusal(408, "timeout") from error


def _encoding(request: Request) -> bool:
    """Whether the body is packed. Raises Refusal 400 for a packing that is not taken."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise malformed("Content-Encoding is gzip or nothing")
    return encoding == "gzip"


async def _read(chunks: AsyncIterator[bytes], most: int, *, packed: bool) -> bytes:
    sink = _Gzip(most) if packed else _Plain(most)
    came = 0
    async for chunk in chunks:
        came += len(chunk)
        if came <= most + _SLACK:
            sink.take(chunk)
        elif came > most * _DRAINED:
            break
    if came > most + _SLACK or sink.overflown:
        raise too_large()
    return sink.whole()


_SLACK = 1024
"""What packing can add to bytes that do not shrink."""


class _Plain:
    def __init__(self, most: int) -> None:
        self._most = most
        self._body = bytearray()

    @property
    def overflown(self) -> bool:
        return len(self._body) > self._most

    def take(self, chunk: bytes) -> None:
        self._body += chunk

    def whole(self) -> bytes:
        return bytes(self._body)


class _Gzip(_Plain):
    """Unpacks at most one byte more than is allowed, however much is packed in."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._zip = zlib.decompressobj(_GZIP)

    def take(self, chunk: bytes) -> None:
        left = self._most + 1 - len(self._body)
        if left <= 0:
            return
        try:
            self._body += self._zip.decompress(chunk, left)
        except zlib.error as error:
            raise malformed("the body is no gzip") from error

    def whole(self) -> bytes:
        if not self._zip.eof or self._zip.unused_data:
            raise malformed("the body is not one whole gzip frame")
        return super().whole()
