"""Requests to Exchange: pooled by endpoint, authenticated, bounded and traceable.

Nothing here sleeps or retries, but for one read on a kept connection that turned out to be dead. Every failure is a
verdict of connector.errors whose detail ends in the ids by which the Exchange team finds the request in its logs.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self

from connector.errors import Scope, Throttled, Transient, Verdict
from connector.source.base import Notice
from connector.source.exchange import envelope
from connector.source.exchange.accounts import Accounts
from connector.source.exchange.authentication import Authenticator
from connector.source.exchange.concurrency import Budgets, Gateway
from connector.source.exchange.connections import AFFINITY_COOKIE, Line, Request, Response
from connector.source.exchange.dialling import Ways, routes
from connector.source.exchange.errors import (
    CONNECTION_FAILURES,
    exception_verdict,
    http_verdict,
    message_verdict,
)
from connector.source.exchange.gate import untold
from connector.source.exchange.pool import Endpoint, OwnProtocol
from connector.source.exchange.settings import ExchangeSettings, RefusedSecrets
from connector.source.exchange.throttle import Throttle
from connector.source.exchange.trace import REQUEST_ID, trace_of, traced
from connector.tls import trusting

XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Letter:
    """One HTTP request. ``repeatable`` reads are sent once more when a kept connection turns out to be dead."""

    url: str
    body: bytes = b""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    authenticated: bool = True
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer, read to its end. ``cookies`` are those it set, ``trace`` finds it in the server's logs."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str]
    trace: str


@dataclass(frozen=True, slots=True)
class Call:
    """One EWS operation: ``payload`` is the child of soap:Body, ``acting`` the mailbox to impersonate ("" for none).

    ``anchor`` says whose mailbox server shall answer (X-AnchorMailbox), ``acting`` unless given.
    """

    endpoint: str
    payload: envelope.Element
    acting: str = ""
    anchor: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    by_primary: bool = False

    def letter(self, *, encoding: str = "gzip") -> Letter:
        """The same as an HTTP request; ``encoding`` is what the answer may be compressed with."""
        anchor = self.anchor or self.acting
        headers = {"Content-Type": XML, "Accept-Encoding": encoding, **self.headers}
        if anchor:
            headers["X-AnchorMailbox"] = anchor
        return Letter(
            self.endpoint,
            envelope.wrap(self.payload, self.acting, by_primary=self.by_primary),
            headers=headers,
            cookies=self.cookies,
            repeatable=self.repeatable,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """An operation's response element, and the affinity cookie when the server set one."""

    response: envelope.Element
    cookies: Mapping[str, str]
    trace: str

    @property
    def affinity(self) -> str | None:
        """The value of X-BackEndOverrideCookie."""
        return self.cookies.get(AFFINITY_COOKIE)


class Stream:
    """An answer that goes on: one reader, and ``sever`` from any thread to end its read."""

    def __init__(self, line: Line, response: Response, trace: str) -> None:
        self._line = line
        self._response = response
        self.cookies = response.cookies
        self.trace = trace

    def read(self) -> bytes:
        """What has arrived, at least one byte; b"" at the end.

        Raises:
            Transient: the connection broke, or nothing came for the time of silence.
        """
        try:
            return self._response.piece()
        except CONNECTION_FAILURES as error:
            raise traced(exception_verdict(error), self.trace) from error

    def sever(self) -> None:
        """End the read another thread is blocked in, within milliseconds."""
        self._line.sever()

    def close(self) -> None:
        """Give the connection up; for the reader's own thread."""
        self._line.sever()
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Exchange:
    """The way to one Exchange organisation: every request of a source and of its watcher goes through here."""

    def __init__(
        self,
        settings: ExchangeSettings,
        refusals: RefusedSecrets,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[Notice], None] = untold,
    ) -> None:
        """Read the CA bundle and the routes; ``tell`` hears what people should know although the work goes on.

        Raises:
            ConfigError: the bundle or a route can't be used.
        """
        self.settings = settings
        context = trusting(settings.ca, setting=f"sources.{settings.name}.ca")
        self._ways = Ways(context, routes(settings.resolve), settings.proxy)
        self._authenticator = Authenticator(settings.auth, Accounts(settings, refusals, tell, monotonic))
        self._throttle = Throttle(settings.limits.requests, monotonic)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._pools: dict[str, OwnProtocol] = {}
        self._gateways: dict[str, Gateway] = {}
        self._budgets = Budgets(monotonic)

    def call(self, call: Call) -> Answer:
        """Carry out an operation; a SOAP fault is raised, response messages are the caller's to judge.

        Raises:
            Verdict: whatever went wrong on the way, never a library's exception.
        """
        self._budgets.check(call.acting)
        gateway = self.gateway(call.endpoint)
        with gateway.place(), self._complaints(gateway, call.acting):
            reply = self.send(call.letter())
            response = _response(reply)
        complaint = _complaint(response)
        if complaint is None:
            gateway.good()
        else:
            self._heed(complaint, gateway, call.acting)
        return Answer(response, reply.cookies, reply.trace)

    def open(self, call: Call) -> Stream:
        """Start an operation whose answer goes on (GetStreamingEvents), on a connection of its own.

        Raises:
            Verdict: the server did not answer 200.
        """
        self._budgets.check(call.acting)
        with self._complaints(self.gateway(call.endpoint), call.acting):
            return self._open(call)

    def gateway(self, url: str) -> Gateway:
        """The places of the endpoint of a URL."""
        with self._lock:
            limits, origin = self.settings.limits, _origin(url)
            if origin not in self._gateways:
                self._gateways[origin] = Gateway(limits.workers, limits.session_wait, self._monotonic)
            return self._gateways[origin]

    def ease(self) -> float:
        """How much of what is allowed the busiest endpoint bears, in (0, 1]."""
        with self._lock:
            gateways = list(self._gateways.values())
        return min((gateway.width.ease for gateway in gateways), default=1.0)

    @contextmanager
    def _complaints(self, gateway: Gateway, acting: str) -> Iterator[None]:
        """Heed what a verdict says of the server's load, and let it pass."""
        try:
            yield
        except Verdict as verdict:
            if verdict.code == "busy":
                self._heed(verdict, gateway, acting)
            raise

    def _heed(self, complaint: Verdict, gateway: Gateway, acting: str) -> None:
        gateway.busy(acting)
        if isinstance(complaint, Throttled) and complaint.scope is Scope.MAILBOX:
            self._budgets.spent(acting, complaint.retry_after)

    def _open(self, call: Call) -> Stream:
        self._throttle.wait()
        letter, line = call.letter(encoding="identity"), self._open_line()
        try:
            response = self._transmit(line, letter)
            trace = trace_of(response.request.headers, response.headers)
            if response.status != HTTPStatus.OK:
                reply = self._read(response)
                _response(reply)
                raise traced(http_verdict(reply.status, reply.headers, reply.body), reply.trace)
        except Verdict:
            line.close()
            raise
        return Stream(line, response, trace)

    def send(self, letter: Letter) -> Reply:
        """One HTTP request and its whole answer, of whatever status but 401.

        Raises:
            Verdict: the logon, the connection or the body failed.
        """
        self._throttle.wait()
        with self._line(letter.url) as line:
            used = line.socket is not None
            try:
                return self._exchange(line, letter)
            except Transient as verdict:
                if not (used and letter.repeatable and verdict.code == "unreachable"):
                    raise
            line.close()
            return self._exchange(line, letter)

    def close(self) -> None:
        """Close every kept connection."""
        self._throttle.close()
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.discard()

    def _exchange(self, line: Line, letter: Letter) -> Reply:
        return self._read(self._transmit(line, letter))

    def _transmit(self, line: Line, letter: Letter) -> Response:
        limits = self.settings.limits
        headers = {
            REQUEST_ID: str(uuid.uuid4()),
            "return-client-request-id": "true",
            **letter.headers,
        }
        timeout = (limits.connect, limits.silence)
        try:
            request = Request(letter.method, letter.url, headers, letter.body, letter.cookies)
            if letter.authenticated:
                return self._authenticator.send(line, request, timeout)
            return line.transmit(request, timeout)
        except CONNECTION_FAILURES as error:
            raise traced(exception_verdict(error), f"{REQUEST_ID} {headers[REQUEST_ID]}") from error

    def _read(self, response: Response) -> Reply:
        trace = trace_of(response.request.headers, response.headers)
        try:
            body = self._body(response, trace)
        except CONNECTION_FAILURES as error:
            raise traced(exception_verdict(error), trace) from error
        return Reply(response.status, response.headers, body, response.cookies, trace)

    def _body(self, response: Response, trace: str) -> bytes:
        limits, end, body = self.settings.limits, self._monotonic() + self.settings.limits.answer, bytearray()
        while piece := response.piece():
            body += piece
            if len(body) > limits.body:
                raise Transient("bad-answer", f"more than {limits.body} bytes; {trace}")
            if self._monotonic() > end:
                raise Transient("timeout", f"the answer took more than {limits.answer:g} s; {trace}")
        return bytes(body)

    def _open_line(self) -> Line:
        return Line(self._ways, self.settings.user_agent)

    @contextmanager
    def _line(self, url: str) -> Iterator[Line]:
        pool = self._pool(url)
        line = pool.get_session()
        try:
            yield line
        except BaseException:
            line.close()
            raise
        finally:
            pool.release_session(line)

    def _pool(self, url: str) -> OwnProtocol:
        origin, limits = _origin(url), self.settings.limits
        with self._lock:
            if origin not in self._pools:
                endpoint = Endpoint(origin, limits.workers, limits.session_wait, self._open_line)
                self._pools[origin] = OwnProtocol(config=endpoint)
            return self._pools[origin]


def _origin(url: str) -> str:
    """Scheme, host and port."""
    return "/".join(url.split("/", 3)[:3]).lower()


def _complaint(response: envelope.Element) -> Verdict | None:
    """What a response message says of the server's load; where it stands among others, the first."""
    for message in response.iterfind("{*}ResponseMessages/*"):
        if message.get("ResponseClass") == "Error":
            verdict = message_verdict(message)
            if verdict is not None and verdict.code == "busy":
                return verdict
    return None


def _response(reply: Reply) -> envelope.Element:
    """The operation's response element.

    Raises:
        Verdict: the answer is a fault, or no SOAP at all.
    """
    if reply.status not in {200, 500} or not envelope.looks_like_xml(reply.body):
        raise traced(http_verdict(reply.status, reply.headers, reply.body), reply.trace)
    try:
        content = envelope.read(reply.body)
    except Transient as unbelievable:
        raise traced(unbelievable, reply.trace) from unbelievable
    if envelope.local(content) == "Fault":
        verdict = message_verdict(content)
        raise traced(verdict or http_verdict(reply.status, reply.headers, reply.body), reply.trace)
    return content
