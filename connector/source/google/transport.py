"""One pool of connections for all users of a source: bounded answers, no redirects, nothing from the environment.

httpcore, on which httpx stands, is used by itself: a third of the CPU that a page of events costs goes into what httpx adds
(cookies, redirects, character sets), and nothing of that is wanted here.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode, urlsplit

import httpcore

from connector.errors import Scope, Transient
from connector.source.google.settings import GoogleSettings
from connector.tls import tls_code, trusting

KEPT_SECONDS = 30.0
"""A connection nobody used for so long is closed."""
_GZIP = zlib.MAX_WBITS | 16
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Letter:
    """A request. ``query`` may repeat a name. ``headers`` may hold a token and are not shown."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. Header names are lower-case; the body is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Wire:
    """Carries letters. Thread-safe."""

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._tls = trusting(settings.ca, setting=f"sources.{settings.name}.ca")
        self._lock = threading.Lock()
        self._pool: httpcore.ConnectionPool | None = None
        self._proxy: str | None = None
        self._closed = False
        silence = settings.limits.silence
        patience = {"connect": settings.limits.connect, "read": silence, "write": silence, "pool": silence}
        self._patience = patience

    def send(self, letter: Letter) -> Reply:
        """One request and its answer. Raises Transient."""
        host = letter.host
        try:
            return self._sent(letter)
        except httpcore.TimeoutException as error:
            raise Transient("timeout", f"{host}: {error}", scope=Scope.SERVER) from error
        except httpcore.ProxyError as error:
            raise Transient("proxy-refused", str(error), scope=Scope.SOURCE) from error
        except zlib.error as error:
            raise Transient("bad-answer", f"{host}: {error}") from error
        except (*_BROKEN, OSError) as error:
            raise Transient(
                tls_code(error) or "unreachable", f"{host}: {error}", scope=Scope.SERVER
            ) from error
        except RuntimeError as error:
            if not self._closed:
                raise
            raise Transient("unreachable", "closed") from error

    def close(self) -> None:
        """Give up every connection."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def _sent(self, letter: Letter) -> Reply:
        host = letter.host
        headers = {"Host": host, "User-Agent": self._settings.user_agent, "Accept-Encoding": "gzip"}
        extensions = {"sni_hostname": host, "timeout": self._patience}
        with self._open().stream(
            letter.method,
            self._address(letter),
            headers=list({**headers, **letter.headers}.items()),
            content=letter.body or None,
            extensions=extensions,
        ) as response:
            named = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            return Reply(response.status, named, self._bounded(response, named.get("content-encoding", "")))

    def _address(self, letter: Letter) -> httpcore.URL:
        """The place in DNS's stead where one is configured, and whatever follows it as it is."""
        place, _, port = self._settings.resolve.get(letter.host, f"{letter.host}:443").rpartition(":")
        query = f"?{urlencode(letter.query)}" if letter.query else ""
        return httpcore.URL(
            scheme=b"https",
            host=place.strip("[]").encode(),
            port=int(port),
            target=f"{letter.path}{query}".encode(),
        )

    def _open(self) -> httpcore.ConnectionPool:
        """The pool; made anew when the proxy or its password has changed."""
        wanted = self._settings.proxy()
        with self._lock:
            if self._closed:
                raise Transient("unreachable", "closed")
            if self._pool is not None and wanted != self._proxy:
                self._pool.close()
                self._pool = None
            if self._pool is None:
                self._proxy = wanted
                self._pool = self._new(wanted)
            return self._pool

    def _new(self, proxy: str | None) -> httpcore.ConnectionPool:
        workers = self._settings.limits.workers
        return httpcore.ConnectionPool(
            ssl_context=self._tls,
            proxy=_proxy(proxy) if proxy else None,
            max_connections=workers * 2,
            max_keepalive_connections=workers,
            keepalive_expiry=KEPT_SECONDS,
        )

    def _bounded(self, response: httpcore.Response, packing: str) -> bytes:
        """The whole body, of limited length and within a limited time however slowly it drips."""
        limits, read = self._settings.limits, bytearray()
        ends = time.monotonic() + limits.answer
        unpack = _unpacker(packing)
        for chunk in response.iter_stream():
            read += unpack(chunk, limits.body - len(read) + 1)
            if len(read) > limits.body:
                raise Transient("bad-answer", f"an answer of more than {limits.body} bytes")
            if time.monotonic() > ends:
                raise Transient("timeout", "the answer does not end", scope=Scope.SERVER)
        return bytes(read)


def _unpacker(packing: str) -> Callable[[bytes, int], bytes]:
    """What makes of a part of the answer at most so many bytes of the body. Raises Transient for a packing not asked for."""
    if packing in {"", "identity"}:
        return lambda chunk, _most: chunk
    if packing not in {"gzip", "x-gzip"}:
        raise Transient("bad-answer", f"content-encoding {packing[:40]}")
    return zlib.decompressobj(_GZIP).decompress


def _proxy(url: str) -> httpcore.Proxy:
    """A proxy by its URL, with the credentials in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(f"{parts.scheme}://{host}{port}/", auth=auth)
