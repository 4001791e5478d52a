"""The ways in: a Unix socket, TLS, and outbound through a hub."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from connector.errors import ConfigError, Transient
from connector.kms.doors.counter import MESSAGES, MOST_BYTES, STATIC, Counter
from connector.kms.doors.listening import TlsDoor, UnixDoor, tls_context
from connector.kms.doors.uplink import Uplink
from connector.kms.settings import HubSettings, Settings
from connector.relay import carriage
from connector.seal.kmswire import handshake, signed
from connector.seal.kmswire.messages import Credential
from connector.seal.kmswire.static import read_static
from tests.unit.kms.site import Site, private_pem, token
from tests.unit.seal.kmswire.site import authority, certificate, rsa_private


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("kms", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


@pytest.fixture
def counter(site: Site) -> Counter:
    """Over a real desk."""
    return Counter(site.desk)


@pytest.fixture
def path(counter: Counter, tmp_path: Path) -> Iterator[Path]:
    """The socket of an open door."""
    where = tmp_path / "door.sock"
    door = UnixDoor(where, "", counter, 2)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield where
    door.shutdown()
    thread.join()
    door.server_close()


def asked(path: Path, method: str, where: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and body of one request."""
    connection = UnixConnection(path)
    try:
        connection.request(method, where, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()


def offer(site: Site) -> handshake.Pending:
    """A handshake's first message."""
    bearer = token(site.clock)
    return handshake.make_offer(site.desk.static.public, "c", lambda _: Credential(bearer=bearer), "r")


def test_messages_go_in_and_answers_come_out(site: Site, path: Path) -> None:
    """The static key, and a handshake; the kernel names the caller in the trail."""
    status, jwk = asked(path, "GET", STATIC)
    assert (status, read_static(json.dumps(jwk).encode()).key) == (200, site.desk.static.public.key)
    pending = offer(site)
    body = json.dumps(carriage.write_messages([pending.token])).encode()
    status, answered = asked(path, "POST", MESSAGES, body)
    answer = signed.open_signed(answered["kmsMessages"][0], site.desk.static.public)
    assert (status, answer.status, answer.request_id) == (200, 201, "r")
    assert site.rows()[0].entry.via.startswith("socket uid ")


def test_the_socket_is_its_owners_and_groups_alone(path: Path) -> None:
    """0660 from the first moment."""
    assert path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"kmsMessages": "x"}', 400),
        (b'{"kmsMessages": [1]}', 400),
        (b'{"kmsMessages": ["no token"]}', 400),
        (json.dumps({"kmsMessages": ["a.b.c"] * 51}).encode(), 400),
        (b'{"kmsMessages": []}', 200),
    ],
)
def test_what_is_no_delivery_is_refused(path: Path, body: bytes, status: int) -> None:
    """Before anything is opened."""
    assert asked(path, "POST", MESSAGES, body)[0] == status


@pytest.mark.parametrize(
    ("method", "where", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("POST", "/elsewhere", {}, 404),
        ("POST", MESSAGES, {"Content-Length": str(MOST_BYTES + 1)}, 413),
        ("POST", MESSAGES, {"Content-Length": "-1"}, 413),
        ("POST", MESSAGES, {"Content-Length": "1", "Transfer-Encoding": "chunked"}, 413),
        ("DELETE", MESSAGES, {}, 501),
    ],
)
def test_other_requests_lead_nowhere(
    path: Path, method: str, where: str, headers: dict[str, str], status: int
) -> None:
    """Too long, of no length, chunked, or to nothing there is."""
    connection = UnixConnection(path)
    connection.putrequest(method, where)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


def test_a_connection_too_many_is_closed(path: Path) -> None:
    """And there is room again when another one ends."""
    held = [UnixConnection(path) for _ in range(2)]
    for one in held:
        one.request("GET", STATIC)
        assert one.getresponse().read()
    with pytest.raises((http.client.HTTPException, OSError)):
        asked(path, "GET", STATIC)
    for one in held:
        one.close()
    for _ in range(100):
        try:
            assert asked(path, "GET", STATIC)[0] == 200
        except (http.client.HTTPException, OSError):
            continue
        return
    raise AssertionError("no room")


def test_only_a_socket_is_taken_away(counter: Counter, tmp_path: Path) -> None:
    """A former process's socket goes, anything else stays and is a mistake."""
    where = tmp_path / "file"
    where.write_text("precious")
    with pytest.raises(ConfigError, match="no socket"):
        UnixDoor(where, "", counter, 1)
    assert where.read_text() == "precious"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "left"))
    left.close()
    UnixDoor(tmp_path / "left", "", counter, 1).server_close()
    with pytest.raises(ConfigError, match="group"):
        UnixDoor(tmp_path / "other", "no-such-group", counter, 1)


def test_tls_shows_the_listeners_certificate(counter: Counter, tmp_path: Path) -> None:
    """The same counter behind it."""
    key = rsa_private(6)
    pem = certificate(key.public_key(), "localhost").public_bytes(serialization.Encoding.PEM)
    (tmp_path / "c.pem").write_bytes(pem)
    (tmp_path / "k.pem").write_bytes(private_pem(key))
    settings = Settings(certificate=tmp_path / "c.pem", certificate_key=tmp_path / "k.pem")
    door = TlsDoor("127.0.0.1:0", tls_context(settings), counter, 2)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    trust = ssl.create_default_context(cadata=authority().public_bytes(serialization.Encoding.PEM).decode())
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    try:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", int(door.server_address[1]), timeout=10, context=trust
        )
        connection.request("GET", STATIC)
        assert json.loads(connection.getresponse().read())["kid"] == counter.desk.static.kid
        connection.close()
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
    (tmp_path / "c.pem").write_text("nonsense")
    with pytest.raises(ConfigError):
        tls_context(settings)


# --- through a hub ---------------------------------------------------------------------------------


@dataclass
class Hub:
    """Hands one delivery out and keeps what comes back; wrong answers on request."""

    tokens: list[str]
    status: int = 200
    body: bytes | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def answer(self, body: dict[str, Any]) -> bytes:
        self.seen.append(body)
        if body["answers"]:
            self.done.set()
            return b'{"requests": []}'
        if self.body is not None:
            return self.body
        handed, self.tokens = self.tokens, []
        rounds = [{"id": "one", "kmsMessages": handed}] if handed else []
        return json.dumps({"requests": rounds}).encode()


@pytest.fixture
def hub(site: Site) -> Iterator[tuple[Hub, str]]:
    """On loopback, without TLS."""
    played = Hub([offer(site).token])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            played.headers.append({**dict(self.headers), "path": self.path})
            answer = played.answer(json.loads(raw))
            self.send_response(played.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield played, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def linked(site: Site, url: str, tmp_path: Path) -> Uplink:
    """An uplink with its token."""
    (tmp_path / "token").write_text("cch_x\n")
    (tmp_path / "token").chmod(0o400)
    return Uplink(HubSettings(url=url, token=tmp_path / "token"), site.settings.host, Counter(site.desk))


def test_requests_come_down_and_answers_go_up(site: Site, hub: tuple[Hub, str], tmp_path: Path) -> None:
    """With its own token, under its own name; the trail says that the hub carried it."""
    played, url = hub
    uplink = linked(site, url, tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=uplink.serve, args=(stop,))
    thread.start()
    assert played.done.wait(10)
    stop.set()
    thread.join(10)
    uplink.close()
    answers = next(one["answers"] for one in played.seen if one["answers"])
    assert answers[0]["id"] == "one"
    answer = signed.open_signed(answers[0]["kmsMessages"][0], site.desk.static.public)
    assert answer.status == 201
    assert played.headers[0]["Authorization"] == "Bearer cch_x"
    assert played.headers[0]["path"] == f"/relay/v1/kms/{site.settings.host}/serve"
    assert site.rows()[0].entry.via == "hub"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (302, b""),
        (503, b""),
        (200, b"nonsense"),
        (200, b"{}"),
        (200, b'{"requests": [{"id": "/"}]}'),
    ],
)
def test_a_hub_that_answers_wrongly_is_away(
    site: Site, hub: tuple[Hub, str], tmp_path: Path, status: int, body: bytes
) -> None:
    """A verdict, and nothing of it is believed."""
    played, url = hub
    played.status, played.body = status, body
    uplink = linked(site, url, tmp_path)
    with pytest.raises(Transient):
        uplink.exchange(())
    uplink.close()


def test_without_its_token_it_does_not_ask(site: Site, tmp_path: Path) -> None:
    """The file is read at each request, so that a new token counts at once; a missing or open one is said."""
    uplink = linked(site, "http://127.0.0.1:1", tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(Transient, match="chmod"):
        uplink.exchange(())
    (tmp_path / "token").unlink()
    with pytest.raises(Transient, match="no"):
        uplink.exchange(())
    uplink.close()
    with pytest.raises(ConfigError):
        Uplink(
            HubSettings(url="https://x", token=tmp_path / "t", ca=tmp_path / "none"), "h", Counter(site.desk)
        )
