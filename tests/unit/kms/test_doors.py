"""The ways in: a Unix socket and TLS."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from connector.errors import ConfigError
from connector.kms.doors.counter import MESSAGES, MOST_BYTES, STATIC, Counter
from connector.kms.doors.listening import TlsDoor, UnixDoor, tls_context
from connector.kms.settings import Settings
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
