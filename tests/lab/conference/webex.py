"""A small Webex on loopback: personal rooms, meetings, tokens that are exchanged. What it does not know it refuses.

It judges nothing by itself: requests and its own answers are held against ``shapes``.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.lab.conference.shapes import Shapes, at_hand

CLIENT = ("client-1", "client-secret-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``data`` None is an empty body."""

    status: int
    data: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()


HONEST = Reply(0)
"""The true answer."""


@dataclass(slots=True)
class FakeWebex:
    """Use as a context manager. ``licensed`` may hold meetings, ``rooms`` have a personal room, both by address."""

    now: datetime
    licensed: set[str] = field(default_factory=set)
    rooms: dict[str, str] = field(default_factory=dict)
    refresh: str = "refresh-1"
    rotates: bool = False
    access: str = ""
    lasts: int = 1_209_599
    certificate: Path | None = None
    """PEM file of certificate and key for TLS."""
    meetings: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    next: deque[Reply | None] = field(default_factory=deque)
    """Answers given instead of the true ones; None closes the connection after the work was done."""
    shapes: Shapes = field(default_factory=lambda: Shapes(at_hand()))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None
    _count: int = 0

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"webex": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server
        assert self._thread
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> Reply | None:
        """The answer to one request; None for a connection that breaks."""
        parts = urlsplit(target)
        with self._lock:
            self.asked.append((method, parts.path))
            told = self.next.popleft() if self.next else HONEST
            if told is not None and told.status:
                return told
            given = self._given(
                method, parts.path.removeprefix("/v1"), dict(parse_qsl(parts.query)), headers, raw
            )
            return given if told is not None else None

    def _given(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes
    ) -> Reply:
        if (method, path) == ("POST", "/access_token"):
            return self._token(dict(parse_qsl(raw.decode())))
        if headers.get("authorization") != f"Bearer {self.access}" or not self.access:
            return _error(
                401, "The request requires a valid access token set in the Authorization request header."
            )
        operation = self.shapes.operation(method, path)
        if operation is None:
            return _error(404, "no such operation")
        body = json.loads(raw) if raw else None
        if wrong := self.shapes.wrong_request(operation, query, body):
            self.wrong += wrong
            return _error(400, "; ".join(wrong))
        reply = self._work(operation, path, query, body or {})
        if reply.status == 200 and reply.data is not None:
            self.wrong += self.shapes.wrong_answer(operation, reply.data)
        return reply

    def _work(
        self, operation: tuple[str, str], path: str, query: dict[str, str], body: dict[str, Any]
    ) -> Reply:
        match operation:
            case ("GET", "/meetingPreferences/personalMeetingRoom"):
                return self._room(query)
            case ("GET", "/meetings"):
                return self._list(query)
            case ("POST", "/meetings"):
                return self._create(body)
            case ("PATCH", _):
                return self._change(path.rpartition("/")[2], body)
            case _:
                gone = self.meetings.pop(path.rpartition("/")[2], None)
                return Reply(204) if gone else _error(404, "meeting not found")

    def _token(self, form: dict[str, str]) -> Reply:
        wanted = {
            "grant_type": "refresh_token",
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
            "refresh_token": self.refresh,
        }
        if form != wanted:
            return _error(400, "The refresh token provided is expired, revoked, malformed, or invalid.")
        self._count += 1
        self.access = f"access-{self._count}"
        if self.rotates:
            self.refresh = f"refresh-{self._count + 1}"
        return Reply(
            200,
            {
                "access_token": self.access,
                "expires_in": self.lasts,
                "refresh_token": self.refresh,
                "refresh_token_expires_in": 7_776_000,
                "token_type": "Bearer",
            },
        )

    def _room(self, query: dict[str, str]) -> Reply:
        user = self.rooms.get(query.get("userEmail", ""))
        if user is None:
            return _error(404, "personal meeting room not found")
        site = query.get("siteUrl", "example.webex.com")
        return Reply(
            200,
            {
                "topic": f"{user}'s personal room",
                "hostPin": "4321",
                "personalMeetingRoomLink": f"https://{site}/meet/{user}",
                "enabledAutoLock": False,
                "enabledNotifyHost": False,
                "supportCoHost": False,
                "sipAddress": f"{user}@{site}",
                "dialInIpAddress": "192.0.2.10",
                "telephony": _TELEPHONY,
            },
        )

    def _list(self, query: dict[str, str]) -> Reply:
        tag, host = query.get("integrationTag"), query.get("hostEmail")
        fits = [
            one | {"meetingSeriesId": one["id"]}
            for one in self.meetings.values()
            if tag in one["integrationTags"]
            and one["hostEmail"] == host
            and query["from"] <= one["start"] <= query["to"]
        ]
        return Reply(200, {"items": fits})

    def _create(self, body: dict[str, Any]) -> Reply:
        host = body.get("hostEmail", "")
        if host not in self.licensed:
            return _error(400, "The host user does not have a meeting license on the site.")
        if late := self._too_early(body):
            return late
        self._count += 1
        site = body.get("siteUrl", "example.webex.com")
        made = {key: body[key] for key in body if key not in {"sendEmail", "siteUrl"}}
        self.meetings[f"m{self._count}"] = made | {
            "id": f"m{self._count}",
            "meetingNumber": f"2550000{self._count:03}",
            "password": "Wx3pass",
            "phoneAndVideoSystemPassword": "98372",
            "meetingType": "meetingSeries",
            "state": "active",
            "hostUserId": "h1",
            "hostDisplayName": "Host",
            "hostKey": "556677",
            "siteUrl": site,
            "webLink": f"https://{site}/{site.partition('.')[0]}/j.php?MTID=m{self._count}",
            "sipAddress": f"2550000{self._count:03}@{site}",
            "telephony": _TELEPHONY,
            "enabledBreakoutSessions": False,
        }
        return Reply(200, self.meetings[f"m{self._count}"])

    def _change(self, identity: str, body: dict[str, Any]) -> Reply:
        if identity not in self.meetings:
            return _error(404, "meeting not found")
        if late := self._too_early(body):
            return late
        self.meetings[identity].update({key: body[key] for key in body if key != "sendEmail"})
        return Reply(200, self.meetings[identity] | {"meetingSeriesId": identity})

    def _too_early(self, body: dict[str, Any]) -> Reply | None:
        start, end = datetime.fromisoformat(body["start"]), datetime.fromisoformat(body["end"])
        minutes = (end - start).total_seconds() / 60
        if start < self.now or not 10 <= minutes < 24 * 60 or body.get("sendEmail") is not False:
            return _error(
                400, "start is in the past, the duration is not allowed, or invitees would be mailed"
            )
        return None


_TELEPHONY = {
    "accessCode": "25500001",
    "callInNumbers": [
        {"label": "Sweden Toll", "callInNumber": "+46-8-1234567", "tollType": "toll"},
        {"label": "US Toll", "callInNumber": "+1-555-0100", "tollType": "toll"},
    ],
}


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"message": message, "errors": [{"description": message}], "trackingId": "ROUTER_1"})


class _Handler(BaseHTTPRequestHandler):
    webex: FakeWebex
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that was killed, or has closed
            super().handle()

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.webex.answer(self.command, self.path, headers, raw)
        if reply is None:
            self.close_connection = True
            return
        body = b"" if reply.data is None else json.dumps(reply.data).encode()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""
