"""TLS connections to Exchange: one shared context, own routes instead of DNS, and a hand on every socket.

Seams of urllib3 and requests that are used: ``HTTPConnection._new_conn`` and ``connect``, ``pool_classes_by_scheme``,
``HTTPAdapter.init_poolmanager`` and ``cert_verify``. Tests pin them. A request goes to urllib3's pool directly: what
requests would do around it (hooks, redirects, environment, cookies where there are none) costs as much again.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache, partial
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any
from urllib.request import Request as UrllibRequest

import requests
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar, get_cookie_header
from requests.hooks import default_hooks
from requests.structures import CaseInsensitiveDict
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import parse_url

from connector.errors import ConfigError, Problem

AFFINITY_COOKIE = "X-BackEndOverrideCookie"
DRAIN_LIMIT = 256 * 1024

Routes = Mapping[str, tuple[str, int]]


def routes(resolve: Mapping[str, str]) -> Routes:
    """Read ``{"host": "address:port"}``; an IPv6 address stands in brackets.

    Raises:
        ConfigError: an entry is not of that form.
    """
    found = {}
    for host, target in resolve.items():
        address, _, port = target.rpartition(":")
        if not address or not port.isdigit():
            raise ConfigError((Problem(f"`resolve: {host}` is {target!r}: write it as address:port."),))
        found[host.lower()] = (address.strip("[]"), int(port))
    return found


class _Routed:
    """Mixed into a urllib3 connection: dials where the routes say, and shows its socket to the line."""

    line_routes: Routes
    line: Adapter

    def _new_conn(self: Any) -> socket.socket:
        host, port = self._dns_host, self.port
        self._dns_host, self.port = self.line_routes.get(host.lower().rstrip("."), (host, port))
        try:
            dialled: socket.socket = super()._new_conn()  # type: ignore[misc]
        finally:
            self._dns_host, self.port = host, port
        return dialled

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        self.line.socket = self.sock


class _SecureConnection(_Routed, HTTPSConnection):
    """HTTPS by route."""


class _PlainConnection(_Routed, HTTPConnection):
    """HTTP by route; Autodiscover's redirect question is the only use."""


class _SecurePool(HTTPSConnectionPool):
    """Makes routed connections."""

    ConnectionCls = _SecureConnection

    def __init__(self, *args: Any, line: Adapter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line

    def _new_conn(self) -> Any:
        return self._line.adopt(super()._new_conn())


class _PlainPool(HTTPConnectionPool):
    """Makes routed connections."""

    ConnectionCls = _PlainConnection

    def __init__(self, *args: Any, line: Adapter, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._line = line

    def _new_conn(self) -> Any:
        return self._line.adopt(super()._new_conn())


class Adapter(HTTPAdapter):
    """One connection at a time over the shared context; ``socket`` is the one dialled last."""

    def __init__(self, context: ssl.SSLContext, line_routes: Routes) -> None:
        self._context = context
        self._routes = line_routes
        self.socket: socket.socket | None = None
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0, pool_block=True)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **_: Any) -> None:  # noqa: FBT001, FBT002 - requests' own signature
        """Use the shared context and routed connections."""
        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, ssl_context=self._context
        )
        self.poolmanager.pool_classes_by_scheme = {
            "https": partial(_SecurePool, line=self),
            "http": partial(_PlainPool, line=self),
        }

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context verifies; requests would load its own bundle into it, for every connection anew."""

    def adopt(self, connection: Any) -> Any:
        """Give a new connection its routes and let it report its socket here."""
        connection.line_routes = self._routes
        connection.line = self
        return connection


class _NoAffinity(DefaultCookiePolicy):
    """Keeps a load balancer's cookies; the affinity cookie belongs to a group, not to a connection."""

    def set_ok(self, cookie: Cookie, request: UrllibRequest) -> bool:
        """Refuse the affinity cookie."""
        return cookie.name != AFFINITY_COOKIE and super().set_ok(cookie, request)


class Line(requests.Session):
    """A session that is one TCP connection, as NTLM wants it.

    Cookies go out with every leg of a handshake: those the server set on this line, then the caller's own.
    """

    def __init__(self, context: ssl.SSLContext, line_routes: Routes, user_agent: str) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(_NoAffinity())
        self.headers.clear()
        self._user_agent = user_agent
        self._adapter = Adapter(context, line_routes)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)
        self._pools: dict[str, Any] = {}
        self.session_id = id(self)
        self.usage_count = 0

    @property
    def socket(self) -> socket.socket | None:
        """The socket dialled last."""
        return self._adapter.socket

    def prepare(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> requests.PreparedRequest:
        """A request as it stands before cookies and logon."""
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body or None
        request.headers = CaseInsensitiveDict({"User-Agent": self._user_agent, **headers})
        request.hooks = default_hooks()
        if body:
            request.headers["Content-Length"] = str(len(body))
        return request

    def transmit(
        self, request: requests.PreparedRequest, cookies: Mapping[str, str], timeout: tuple[float, float]
    ) -> requests.Response:
        """Send one leg; the body of the answer is left on the wire. Raises exceptions of urllib3."""
        self._put_cookies(request, cookies)
        url = request.url or ""
        connect, read = timeout
        raw = self._pool(url).urlopen(
            request.method or "",
            _target(url),
            body=request.body,
            headers=request.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(connect=connect, read=read),
            preload_content=False,
            decode_content=False,
        )
        return self._answer(request, raw)

    def close(self) -> None:
        """Close the connection; the next request dials anew."""
        super().close()
        self._pools.clear()

    def _pool(self, url: str) -> Any:
        if url not in self._pools:
            self._pools[url] = self._adapter.poolmanager.connection_from_url(url)
        return self._pools[url]

    def _put_cookies(self, request: requests.PreparedRequest, cookies: Mapping[str, str]) -> None:
        request.headers.pop("Cookie", None)
        own = [f"{name}={value}" for name, value in cookies.items()]
        kept = get_cookie_header(self.cookies, request) if len(self.cookies) else None  # type: ignore[no-untyped-call]
        if parts := [part for part in (kept, *own) if part]:
            request.headers["Cookie"] = "; ".join(parts)

    def _answer(self, request: requests.PreparedRequest, raw: BaseHTTPResponse) -> requests.Response:
        response = requests.Response()
        response.status_code, response.reason = raw.status, raw.reason or ""
        response.headers = CaseInsensitiveDict(raw.headers)
        response.raw, response.url, response.request = raw, request.url or "", request
        if "Set-Cookie" in raw.headers:
            for jar in (response.cookies, self.cookies):
                extract_cookies_to_jar(jar, request, raw)  # type: ignore[no-untyped-call]
        return response

    def end_point(self) -> bytes | None:
        """The ``tls-server-end-point`` binding of this connection (RFC 5929), None when there is none."""
        dialled = self.socket
        certificate = dialled.getpeercert(binary_form=True) if isinstance(dialled, ssl.SSLSocket) else None
        return _end_point(certificate) if certificate else None

    def sever(self) -> None:
        """End a read that another thread is blocked in; closing the answer would wait for that reader."""
        if (dialled := self.socket) is not None:
            with suppress(OSError):  # it is gone already, which is what was wanted
                dialled.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=256)
def _target(url: str) -> str:
    """Path and query as they stand in the request line."""
    return parse_url(url).request_uri


def drain(response: requests.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again; a long one closes it."""
    read = 0
    for chunk in response.iter_content(8192):
        read += len(chunk)
        if read > DRAIN_LIMIT:
            break
    else:
        return
    response.close()


@lru_cache(maxsize=64)
def _end_point(certificate: bytes) -> bytes | None:
    """Hash by the certificate's own signature algorithm, SHA-256 in place of MD5 and SHA-1 (RFC 5929, 4.1)."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    digest = hashes.Hash(hashes.SHA256() if algorithm.name in {"md5", "sha1"} else algorithm)
    digest.update(certificate)
    return b"tls-server-end-point:" + digest.finalize()
