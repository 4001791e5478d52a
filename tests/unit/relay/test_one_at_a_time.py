"""A TLS socket between two threads, against a real far end on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.relay.one_at_a_time import OneAtATime
from tests.lab.exchange.certificates import Authority

PIECE = bytes(range(256)) * 16
PIECES = 200


class Echo:
    """Sends back whatever comes, over TLS 1.3, until the other side ends."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder, datetime.now(UTC))
        self.trust = ssl.create_default_context(cafile=str(authority.path))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(authority.issue([], datetime.now(UTC)).path)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        near, _ = self._listener.accept()
        with self._context.wrap_socket(near, server_side=True) as tls:
            while piece := tls.recv(65536):
                tls.sendall(piece)

    def close(self) -> None:
        """Wait for its end."""
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Echo]:
    made = Echo(tmp_path)
    yield made
    made.close()


@pytest.fixture
def near(echo: Echo) -> Iterator[OneAtATime]:
    """This end."""
    plain = socket.create_connection(("127.0.0.1", echo.port), timeout=10)
    made = OneAtATime(echo.trust.wrap_socket(plain, server_hostname="localhost"))
    yield made
    made.close()


def test_one_thread_reads_while_another_writes(near: OneAtATime) -> None:
    """From the first moment on, tickets of TLS 1.3 included; every byte comes back, in order."""
    read = bytearray()

    def reading() -> None:
        while len(read) < PIECES * len(PIECE):
            read.extend(near.recv(65536))

    reader = threading.Thread(target=reading, daemon=True)
    reader.start()
    for _ in range(PIECES):
        near.sendall(PIECE)
    reader.join(30)
    assert bytes(read) == PIECE * PIECES


def test_a_wait_ends_when_its_time_is_over(near: OneAtATime) -> None:
    """As with any socket that has a time-out."""
    near.settimeout(0.05)
    assert near.gettimeout() == 0.05
    with pytest.raises(TimeoutError):
        near.recv(1)


def test_a_shutdown_from_outside_ends_a_read(near: OneAtATime) -> None:
    """Whoever waits for bytes hears of the end at once."""
    near.settimeout(None)
    ends: list[object] = []

    def reading() -> None:
        try:
            ends.append(near.recv(1))
        except OSError as error:
            ends.append(error)

    reader = threading.Thread(target=reading, daemon=True)
    reader.start()
    near.shutdown(socket.SHUT_RDWR)
    reader.join(10)
    assert len(ends) == 1


def test_a_closed_socket_has_no_descriptor(near: OneAtATime) -> None:
    """And nothing can be read from it."""
    assert near.getpeername() != near.getsockname()
    near.close()
    assert near.fileno() == -1
    with pytest.raises(OSError, match=r"closed|descriptor"):
        near.recv(1)
