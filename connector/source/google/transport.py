"""One HTTP client for all users of a source: bounded answers, no redirects, nothing from the environment."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from connector.errors import ConfigError, Problem, Scope, Transient
from connector.source.google.settings import GoogleSettings

_EXPIRED = 10
"""X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL."""


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
        self._tls = _tls(settings)
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


def _tls(settings: GoogleSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
    except (OSError, ssl.SSLError) as error:
        sentence = f"sources.{settings.name}.ca: {settings.ca} can't be used: {error}"
        raise ConfigError((Problem(sentence),)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def tls_code(error: BaseException) -> str | None:
    """The reason code when a certificate is what keeps a connection from being made."""
    seen: BaseException | None = error
    for _ in range(10):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return "tls-expired" if seen.verify_code == _EXPIRED else "tls-untrusted"
        if seen is None:
            return None
        seen = seen.__cause__ or seen.__context__
    return None
