"""HTTPS in front of the services: one thread a connection, one door for all of Google's hosts."""

import gzip
import json
import logging
import socket
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.lab.google import fields
from tests.lab.google.call import Call
from tests.lab.google.faults import Faults, Quotas
from tests.lab.google.federation import Federation
from tests.lab.google.grants import Grants
from tests.lab.google.problems import GRANTS, ApiError, GrantError
from tests.lab.google.push import Push
from tests.lab.google.services import Services, route
from tests.lab.google.tenant import Tenant

Document = dict[str, Any]
HOSTS = (
    *("www.googleapis.com", "oauth2.googleapis.com", "gmail.googleapis.com"),
    *("sts.googleapis.com", "iamcredentials.googleapis.com"),
)
BODY_LIMIT = 8 * 1024 * 1024
GZIP_FROM = 1024
HANGS_SECONDS = 60.0
logger = logging.getLogger(__name__)


@dataclass
class Lab:
    """Everything behind the door."""

    tenant: Tenant
    push: Push
    services: Services
    grants: Grants
    federation: Federation
    quotas: Quotas
    faults: Faults = field(default_factory=Faults)
    going: threading.Event = field(default_factory=threading.Event)
    """Not set while Google takes requests and says nothing."""
    log: deque[Document] = field(default_factory=lambda: deque(maxlen=20_000))


def build(tenant: Tenant) -> Lab:
    """A lab around a tenant."""
    push = Push(tenant)
    tenant.changed = push.changed
    services, grants, federation = Services(tenant, push), Grants(tenant), Federation(tenant)
    lab = Lab(tenant, push, services, grants, federation, Quotas(tenant.now))
    lab.going.set()
    return lab


class Door(ThreadingHTTPServer):
    """Takes connections; the handshake happens in the connection's own thread."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, lab: Lab, listen: str, certificate: str) -> None:
        super().__init__((listen, 0), Handler)
        self.lab = lab
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection, in TLS that has not begun yet."""
        raw, address = self.socket.accept()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to print."""
        logger.debug("connection ended: %s", client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    server: Door
    _dense = False

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """The lab keeps a log of its own."""

    def _serve(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT))
        self.server.lab.going.wait(HANGS_SECONDS)
        try:
            status, document = self._answer(body)
        except ApiError as error:
            status, document = error.code, error.document()
        except GrantError as error:
            status, document = error.code, error.document()
        except _Unlike as unlike:
            self._send(unlike.status, unlike.body, "text/html; charset=UTF-8")
            return
        except _Broken as broken:
            self._break(half=str(broken) == "short")
            return
        raw = b"" if status == 204 else _written(document, dense=self._dense)
        self._send(status, raw, "application/json; charset=UTF-8", etag=str(document.get("etag", "")))

    def _answer(self, body: bytes) -> tuple[int, Document]:
        lab, parts = self.server.lab, urlsplit(self.path)
        if parts.path == "/token":
            with lab.tenant.lock:
                self._note("token", "")
                self._fault("token", "")
                return 200, lab.grants.answer(body)
        if parts.path in lab.federation.paths:
            with lab.tenant.lock:
                self._note(lab.federation.paths[parts.path], "")
                self._fault(lab.federation.paths[parts.path], "")
                return 200, lab.federation.answer(parts.path, body, self.headers.get("Authorization", ""))
        operation, variables = route(self.command, parts.path)
        with lab.tenant.lock:
            token = lab.tenant.accept(self.headers.get("Authorization", ""))
            self._note(operation, token.subject, parts.query)
            self._fault(operation, token.subject)
            lab.quotas.charge(token.subject, operation)
            call = Call(
                operation,
                token.subject,
                variables,
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                json.loads(body) if body else {},
            )
            found = fields.partial(lab.services.answer(call, token.scopes), call.one("fields"))
            self._dense = call.one("prettyPrint") == "false"
            empty = operation in {"events.delete", "channels.stop", "acl.delete"}
            return (204, {}) if empty else (200, found)

    def _note(self, operation: str, subject: str, query: str = "") -> None:
        lab = self.server.lab
        agent = self.headers.get("User-Agent", "")
        lab.log.append({"operation": operation, "subject": subject, "query": query, "agent": agent})

    def _fault(self, operation: str, subject: str) -> None:
        kind = self.server.lab.faults.take(operation, subject)
        if kind in GRANTS:
            raise GRANTS[kind]
        if kind == "html":
            raise _Unlike(502, b"<html><title>Error 502 (Server Error)!!1</title></html>")
        if kind == "empty":
            raise _Unlike(500, b"")
        if kind == "cut":
            raise _Unlike(200, b'{"kind": "calendar#events", "items": [')
        if kind in {"short", "dropped"}:
            raise _Broken(kind)
        if kind == "tooManyRequests":
            raise ApiError("rateLimitExceeded", status=429)
        if kind:
            raise ApiError(kind)

    def _break(self, *, half: bool) -> None:
        """End the connection, with half an answer or with none."""
        if half:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"kind": "calendar#events", ')
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, raw: bytes, kind: str, *, etag: str = "") -> None:
        packed = len(raw) >= GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", "")
        sent = gzip.compress(raw, 1) if packed else raw
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(sent)


def _written(document: Document, *, dense: bool) -> bytes:
    """As Google writes it: for people, or without a space (``prettyPrint=false``)."""
    separators = (",", ":") if dense else None
    return json.dumps(document, indent=None if dense else 1, separators=separators).encode()


class _Broken(Exception):
    """No whole answer at all."""


class _Unlike(Exception):
    """An answer that is not what the API describes."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def start(lab: Lab, listen: str, certificate: str) -> Door:
    """Serve in a thread."""
    door = Door(lab, listen, certificate)
    threading.Thread(target=door.serve_forever, name="door", daemon=True).start()
    return door
