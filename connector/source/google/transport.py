"""One HTTP client for all users of a source: bounded answers, no redirects, nothing from the environment."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from connector.errors import Scope, Transient
from connector.source.google.settings import GoogleSettings
from connector.tls import tls_code, trusting


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
        self._client: httpx.Client | None = None
        self._proxy: str | None = None
        self._closed = False

    def send(self, letter: Letter) -> Reply:
        """One request and its answer. Raises Transient."""
        host, address = letter.host, self._settings.resolve.get(letter.host, letter.host)
        headers = {"Host": host, "User-Agent": self._settings.user_agent, **letter.headers}
        try:
            with self._open().stream(
                letter.method,
                f"https://{address}{letter.path}{'?' if letter.query else ''}{urlencode(letter.query)}",
                content=letter.body or None,
                headers=headers,
                extensions={"sni_hostname": host},
            ) as response:
                return Reply(response.status_code, dict(response.headers), self._bounded(response))
        except httpx.TimeoutException as error:
            raise Transient("timeout", f"{host}: {error}", scope=Scope.SERVER) from error
        except httpx.ProxyError as error:
            raise Transient("proxy-refused", str(error), scope=Scope.SOURCE) from error
        except httpx.DecodingError as error:
            raise Transient("bad-answer", f"{host}: {error}") from error
        except (httpx.HTTPError, OSError) as error:
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
            client, self._client = self._client, None
        if client:
            client.close()

    def _open(self) -> httpx.Client:
        """The client; made anew when the proxy or its password has changed."""
        wanted = self._settings.proxy()
        with self._lock:
            if self._closed:
                raise Transient("unreachable", "closed")
            if self._client is not None and wanted != self._proxy:
                self._client.close()
                self._client = None
            if self._client is None:
                self._proxy = wanted
                self._client = self._new(wanted)
            return self._client

    def _new(self, proxy: str | None) -> httpx.Client:
        limits = self._settings.limits
        return httpx.Client(
            verify=self._tls,
            proxy=proxy,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(limits.silence, connect=limits.connect),
            limits=httpx.Limits(max_connections=limits.workers * 2, max_keepalive_connections=limits.workers),
            headers={"Accept-Encoding": "gzip"},
        )

    def _bounded(self, response: httpx.Response) -> bytes:
        """The whole body, of limited length and within a limited time however slowly it drips."""
        limits, read = self._settings.limits, bytearray()
        ends = time.monotonic() + limits.answer
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > limits.body:
                raise Transient("bad-answer", f"an answer of more than {limits.body} bytes")
            if time.monotonic() > ends:
                raise Transient("timeout", "the answer does not end", scope=Scope.SERVER)
        return bytes(read)
