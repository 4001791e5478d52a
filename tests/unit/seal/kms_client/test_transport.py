"""HTTP to a key service that misbehaves: a verdict each time, and no thread that can't be woken."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.errors import Transient
from connector.seal.kms_client.transport import Address, HttpTransport

TOKEN = "aa..bb.cc.dd"


@contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[None]:
    """A socket that gives these bytes, a connection each; the first connection is the knock."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        for answer in (b"", *answers):
            connection, _ = listener.accept()
            with connection:
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        listener.close()


def http(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def code(transport: HttpTransport) -> str:
    with pytest.raises(Transient) as verdict:
        transport.carry([TOKEN])
    return verdict.value.code


@pytest.mark.parametrize(
    "answer",
    [
        http(b"no json"),
        http(b"{}"),
        http(b'{"kmsMessages":["no token"]}'),
        http(b"{}", "503 busy"),
        http(b"{}", "302 elsewhere"),
        b"no http\r\n\r\n",
    ],
)
def test_an_answer_that_is_none_is_a_service_that_is_away(tmp_path: Path, answer: bytes) -> None:
    """Whatever the way in between makes of it."""
    path = tmp_path / "s"
    transport = HttpTransport(Address("http://kms.example.com/kms/v1", socket=path))
    with answering(path, answer):
        assert code(transport) == "key-service-away"
    transport.close()


def test_messages_come_back(tmp_path: Path) -> None:
    """In the form of docs/relay.md section 13."""
    path = tmp_path / "s"
    transport = HttpTransport(Address("http://kms.example.com/kms/v1", socket=path))
    with answering(path, http(b'{"kmsMessages":["aa.bb.cc"]}')):
        assert transport.carry([TOKEN]) == ("aa.bb.cc",)
    transport.close()


def test_nobody_there_is_a_service_that_is_away(tmp_path: Path) -> None:
    """No socket, and nobody behind it."""
    path = tmp_path / "s"
    transport = HttpTransport(Address("http://kms.example.com/kms/v1", socket=path))
    assert code(transport) == "key-service-away"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.close()
    assert code(transport) == "key-service-away"


def test_closing_wakes_who_waits(tmp_path: Path) -> None:
    """A service that never answers does not hold up the end of the process."""
    path, asked = tmp_path / "s", threading.Event()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    held: list[socket.socket] = []

    def silent() -> None:
        held.extend(listener.accept()[0] for _ in range(2))
        held[1].recv(65536)
        asked.set()

    server = threading.Thread(target=silent)
    server.start()
    transport = HttpTransport(Address("http://kms.example.com/kms/v1", socket=path))
    said: list[str] = []
    client = threading.Thread(target=lambda: said.append(code(transport)))
    client.start()
    assert asked.wait(10)
    transport.close()
    client.join(10)
    assert (said, code(transport)) == (["key-service-away"], "key-service-away")
    server.join()
    for one in (*held, listener):
        one.close()
