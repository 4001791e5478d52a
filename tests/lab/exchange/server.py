"""The server on its sockets: TLS, one thread for each connection, authentication, and the way to each endpoint."""

import itertools
import logging
import socket
import ssl
import struct
import threading
from dataclasses import dataclass

from tests.lab.exchange import soap
from tests.lab.exchange.authentication import Authenticator, Known, Unknown
from tests.lab.exchange.autodiscover import Autodiscover
from tests.lab.exchange.certificates import ServerCertificate
from tests.lab.exchange.ews import WebServices
from tests.lab.exchange.requestlog import Entry
from tests.lab.exchange.site import Site
from tests.lab.exchange.waiting import Watch
from tests.lab.exchange.wire import (
    HTML,
    XML,
    Answer,
    BadRequestError,
    DropConnection,
    Request,
    read_request,
    write_answer,
)

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 15.0
IDLE_SECONDS = 900.0
BACKLOG = 512
RESET = struct.pack("ii", 1, 0)
DENIED = b"<!DOCTYPE html><html><head><title>401 - Unauthorized</title></head><body>Access is denied.</body></html>"
MISSING = (
    b"<!DOCTYPE html><html><head><title>404</title></head><body>The resource cannot be found.</body></html>"
)


@dataclass(frozen=True, slots=True)
class Tls:
    """What a connection is secured with."""

    context: ssl.SSLContext
    certificate: ServerCertificate


def secure(certificate: ServerCertificate) -> Tls:
    """A server context for TLS 1.2 and newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.path)
    return Tls(context, certificate)


class Server:
    """The HTTPS side of a site. `port` is taken at once and stays the same over `pause` and `start`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        """Take a free port; nothing listens before `start`."""
        self._tls: Tls | None = None
        self._address = (host, 0)
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._connections: dict[int, Connection] = {}
        self._numbers = itertools.count(1)
        self._endpoints: Endpoints | None = None
        self._bind()

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._address[1]

    def use(self, certificate: ServerCertificate) -> None:
        """Show this certificate on every connection from now on."""
        self._tls = secure(certificate)

    def serve(self, site: Site) -> None:
        """Answer for this site."""
        self._endpoints = Endpoints(site)

    def start(self) -> None:
        """Listen, and accept in a thread of its own."""
        listener = self._bind()
        listener.listen(BACKLOG)
        threading.Thread(target=self._accept, args=(listener,), name="accept", daemon=True).start()

    def pause(self) -> None:
        """Refuse new connections and close the living ones, as a server that is down."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            _shut(listener)
            listener.close()
        self.close_connections()

    def close_connections(self) -> None:
        """Close what is open; clients may come back at once."""
        with self._lock:
            living = list(self._connections.values())
        for connection in living:
            connection.close()

    def _bind(self) -> socket.socket:
        with self._lock:
            if self._listener is None:
                listener = socket.socket()
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(self._address)
                self._address = listener.getsockname()
                self._listener = listener
            return self._listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            if self._tls is None or self._endpoints is None:
                raw.close()
                continue
            connection = Connection(next(self._numbers), raw, self._tls, self._endpoints)
            with self._lock:
                self._connections[connection.number] = connection
            name = f"connection-{connection.number}"
            threading.Thread(target=self._serve, args=(connection,), name=name, daemon=True).start()

    def _serve(self, connection: "Connection") -> None:
        try:
            connection.run()
        finally:
            with self._lock:
                self._connections.pop(connection.number, None)


class Endpoints:
    """A site's paths."""

    def __init__(self, site: Site) -> None:
        """The web services and Autodiscover of one site."""
        self.site = site
        self._services = WebServices(site)
        self._autodiscover = Autodiscover(site)

    def answer(self, user: str, request: Request, entry: Entry, watch: Watch) -> Answer:
        """Answer a request of a known user.

        Raises:
            DropConnection: a fault on order says so.
        """
        path = request.path.lower()
        if path == "/ews/exchange.asmx":
            return self._services.answer(user, request, entry, watch)
        if path == "/autodiscover/autodiscover.svc":
            return self._autodiscover.soap(request, entry)
        if path == "/autodiscover/autodiscover.xml":
            return self._autodiscover.pox(request, entry)
        return Answer(404, MISSING, [("Content-Type", HTML)])


class Connection:
    """One TCP connection: its TLS, who has logged on over it, and its requests one after the other."""

    def __init__(self, number: int, raw: socket.socket, tls: Tls, endpoints: Endpoints) -> None:
        """The handshake happens in `run`, so that a slow client holds up nobody."""
        self.number = number
        self._raw = raw
        self._tls = tls
        self._site = endpoints.site
        self._answer = endpoints.answer
        self._authenticator = Authenticator(endpoints.site.policy, tls.certificate.end_point)
        self._sock: ssl.SSLSocket | None = None

    def close(self) -> None:
        """End it from another thread; whoever reads or waits on it wakes up."""
        _shut(self._sock or self._raw)

    def run(self) -> None:
        """Serve until either side has had enough."""
        try:
            self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._raw.settimeout(HANDSHAKE_SECONDS)
            with self._tls.context.wrap_socket(self._raw, server_side=True) as sock:
                self._sock = sock
                sock.settimeout(IDLE_SECONDS)
                self._converse(sock)
        except DropConnection:
            logger.info("connection %d: reset on order", self.number)
        except (OSError, BadRequestError, ValueError) as error:
            logger.info("connection %d: %s", self.number, error)
        finally:
            self._raw.close()

    def _converse(self, sock: ssl.SSLSocket) -> None:
        watch = Watch(sock)
        with sock.makefile("rb") as reader, sock.makefile("wb") as writer:
            while request := read_request(reader):
                answer, entry = self._one(request, watch)
                if entry is not None and isinstance(answer.body, bytes):
                    entry.status = answer.status  # before its client can have it, and look it up here
                try:
                    keep = write_answer(writer, request, answer)
                finally:
                    _finish(answer)
                    if entry is not None:
                        entry.status = answer.status
                if not keep:
                    return

    def _one(self, request: Request, watch: Watch) -> tuple[Answer, Entry | None]:
        verdict = self._authenticator.judge(request.header("authorization"))
        if isinstance(verdict, Unknown):
            return self._unauthorized(verdict, request)
        entry = self._site.log.open(
            request.path, caller=verdict.user, connection=self.number, host=request.header("host")
        )
        try:
            answer = self._answer(verdict.user, request, entry, watch)
        except DropConnection:
            entry.status = 0
            self._reset()
            raise
        except Exception as error:  # Exchange's own bugs are answers too
            logger.exception("connection %d: %s", self.number, entry.operation)
            entry.reason = f"bug of the lab: {error!r}"
            trouble = soap.Trouble("ErrorInternalServerError", "An internal server error occurred.")
            answer = Answer(500, soap.fault(trouble), [("Content-Type", XML)])
        return _authenticated(answer, verdict), entry

    def _unauthorized(self, verdict: Unknown, request: Request) -> tuple[Answer, Entry | None]:
        headers = [("Content-Type", HTML), ("Server", "Microsoft-IIS/10.0")]
        headers += [("WWW-Authenticate", challenge) for challenge in verdict.challenges]
        if self._site.settings.balancer_cookie:
            headers.append(("Set-Cookie", f"LB-Pool=node{self.number % 3}; path=/; HttpOnly"))
        entry = None
        if verdict.reason not in {"challenge", "no credentials"}:
            entry = self._site.log.open("Logon", connection=self.number, host=request.header("host"))
            entry.reason = verdict.reason
        return Answer(401, DENIED, headers), entry

    def _reset(self) -> None:
        """Make the coming close a reset (RST) instead of an orderly end."""
        sock = self._sock or self._raw
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _authenticated(answer: Answer, verdict: Known) -> Answer:
    if verdict.token:
        answer.headers.append(("WWW-Authenticate", verdict.token))
    return answer


def _finish(answer: Answer) -> None:
    """Close the source of a streamed answer, so that it lets go of what it holds."""
    close = getattr(answer.body, "close", None)
    if close is not None:
        close()


def _shut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("already closed: %s", error)
