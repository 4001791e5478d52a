"""A line to Exchange: one TCP connection, as NTLM wants it, with a hand on its socket.

Cookies go out with every leg of a handshake: those the server set on this line, then the caller's own. Nothing of the
environment has a say: no proxy, no CA bundle, no .netrc.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from connector.source.exchange.dialling import Ways
from connector.source.exchange.http11 import Conversation, Head, unpacked

AFFINITY_COOKIE = "X-BackEndOverrideCookie"
Socket = socket.socket
DRAIN_LIMIT = 256 * 1024
COOKIES = 20
"""A load balancer sets one or two; so many of a line are kept."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it stands before cookies and logon."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    cookies: Mapping[str, str] = field(default_factory=dict)

    def with_header(self, name: str, value: str) -> Request:
        """The same with one header field more."""
        return replace(self, headers={**self.headers, name: value})


class Response:
    """An answer whose body is still on the wire; ``cookies`` are those it set."""

    def __init__(self, request: Request, line: Line, talk: Conversation, head: Head) -> None:
        """Raises BrokenAnswer for a body that can't be read."""
        self.request = request
        self.status = head.status
        self.headers = head.fields
        self.cookies = _cookies(head.fields.cookies)
        self._line = line
        self._talk = talk
        self._next = unpacked(head, talk.piece)
        self._ended = False

    def piece(self) -> bytes:
        """What has arrived of the body, at least one byte and at most ``http11.PIECE``; b"" at its end.

        Raises:
            OSError, BrokenAnswer: the connection or the bytes broke off.
        """
        piece = b"" if self._ended else self._next()
        if not piece and not self._ended:
            self._ended = True
            self._end()
        return piece

    def _end(self) -> None:
        if not self._talk.again():
            self._line.close()

    def drain(self) -> None:
        """Read a short rest to its end, so that the connection can be used again; a long one closes it."""
        read = 0
        while read <= DRAIN_LIMIT:
            piece = self.piece()
            if not piece:
                return
            read += len(piece)
        self.close()

    def close(self) -> None:
        """Give up the rest, and the connection with it."""
        self._line.close()


class Line:
    """One connection at a time to one place; the next request dials anew when there is none."""

    def __init__(self, ways: Ways, user_agent: str) -> None:
        self._ways = ways
        self._user_agent = user_agent
        self._socket: Socket | None = None
        self._talk: Conversation | None = None
        self._place = ""
        self._kept: dict[str, str] = {}
        self.session_id = id(self)  # these two are for the pool, which knows lines as sessions
        self.usage_count = 0

    @property
    def socket(self) -> Socket | None:
        """The socket that is open."""
        return self._socket

    def transmit(self, request: Request, timeout: tuple[float, float]) -> Response:
        """Send one leg; the body of the answer is left on the wire. ``timeout`` is for dialling and for silence.

        Raises:
            OSError, BrokenAnswer, ProxyRefused: there was no answer.
        """
        parts = urlsplit(request.url)
        talk = self._dialled(request.url, f"{parts.scheme}://{parts.netloc}", timeout)
        target = parts.path or "/"
        head = talk.ask(
            request.method,
            f"{target}?{parts.query}" if parts.query else target,
            self._fields(request, parts.netloc),
            request.body,
        )
        self._keep(head.fields.cookies)
        return Response(request, self, talk, head)

    def _dialled(self, url: str, place: str, timeout: tuple[float, float]) -> Conversation:
        connect, silence = timeout
        if place != self._place or self._surprised():
            self.close()
        if self._socket is None or self._talk is None:
            self._socket = self._ways.dial(url, connect)
            self._talk, self._place = Conversation(self._socket), place
        self._socket.settimeout(silence)
        return self._talk

    def _surprised(self) -> bool:
        """Whether something has come that nobody asked for, the end of the connection for one."""
        if self._socket is None:
            return False
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def _fields(self, request: Request, host: str) -> dict[str, str]:
        fields = {"Host": host, "User-Agent": self._user_agent, **request.headers}
        if request.body:
            fields["Content-Length"] = str(len(request.body))
        if cookies := {**self._kept, **request.cookies}:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return fields

    def _keep(self, cookies: list[str]) -> None:
        """A load balancer's cookies are the line's; the affinity cookie belongs to a group and is left to the caller."""
        for name, value in _cookies(cookies).items():
            if name != AFFINITY_COOKIE and (name in self._kept or len(self._kept) < COOKIES):
                self._kept[name] = value

    def close(self) -> None:
        """Close the connection; the next request dials anew."""
        dialled, self._socket, self._talk = self._socket, None, None
        if dialled is not None:
            dialled.close()

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


def _cookies(lines: list[str]) -> dict[str, str]:
    """Name and value of each Set-Cookie; what is no cookie is left out."""
    found: dict[str, str] = {}
    for line in lines:
        with suppress(CookieError):  # a stranger's cookie is no reason to lose an answer
            found |= {name: morsel.coded_value for name, morsel in SimpleCookie(line).items()}
    return found


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
