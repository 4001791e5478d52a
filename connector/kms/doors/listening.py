"""Servers of the counter: a Unix socket for this machine, and TLS where it is wanted. A thread a connection, so many at most."""

from __future__ import annotations

import grp
import os
import socket
import socketserver
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from connector.errors import ConfigError, Problem
from connector.kms.doors.counter import PATIENCE_SECONDS, Counter, handler_of
from connector.kms.settings import Settings

_log = structlog.get_logger(__name__)


class _Bounded(socketserver.ThreadingMixIn):
    """Threads that end with the process; a connection beyond the limit is closed at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def admit(self, most: int) -> None:
        """Set the limit."""
        self._places = threading.BoundedSemaphore(most)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the library's signature
        """Whether there is a place for one more."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The place is free again when the connection has ended."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """A peer that hangs up or breaks TLS is nobody's fault here; anything else is logged by kind."""
        import sys  # noqa: PLC0415 - the library hands the exception over no other way

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _log.error("door.fault", kind=type(error).__name__)


class UnixDoor(_Bounded, socketserver.UnixStreamServer):
    """The socket file, for its owner's group; who connects is named by the kernel."""

    def __init__(self, path: Path, group: str, counter: Counter, connections: int) -> None:
        self.admit(connections)
        _make_way(path)
        before = os.umask(0o117)
        try:
            super().__init__(str(path), handler_of(counter, _peer))
        except OSError as error:
            raise _problem(f"The socket {path} can't be made: {error}") from error
        finally:
            os.umask(before)
        try:
            _hand_to(path, group)
        except ConfigError:
            self.server_close()
            raise


class TlsDoor(_Bounded, socketserver.TCPServer):
    """HTTPS; the handshake takes place in the connection's own thread."""

    allow_reuse_address = True

    def __init__(self, listen: str, tls: ssl.SSLContext, counter: Counter, connections: int) -> None:
        self.admit(connections)
        self._tls = tls
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, int(port)), handler_of(counter, _address))
        except (OSError, ValueError, OverflowError) as error:
            raise _problem(f"The key server can't listen on {listen}: {error}") from error

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then answer."""
        request.settimeout(PATIENCE_SECONDS)
        with self._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """TLS 1.2 or newer with the listener's certificate. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(str(settings.certificate), str(settings.certificate_key))
    except (OSError, ssl.SSLError) as error:
        raise _problem(f"certificate and certificate_key can't be used: {error}") from error
    return context


def _make_way(path: Path) -> None:
    """Remove the socket that a former process left; anything else in its place stays and is a mistake."""
    with suppress(FileNotFoundError):
        if not path.is_socket():
            if path.exists():
                raise _problem(f"{path} is no socket; name another place in kms.toml.")
            return
        path.unlink()


def _hand_to(path: Path, group: str) -> None:
    if not group:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except (KeyError, OSError) as error:
        raise _problem(f"The socket can't be given to the group {group}: {error}") from error


def _peer(connection: socket.socket) -> str:
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return f"socket uid {uid}"


def _address(connection: socket.socket) -> str:
    with suppress(OSError):
        return f"https {connection.getpeername()[0]}"
    return "https"


def _problem(sentence: str) -> ConfigError:
    return ConfigError((Problem(sentence),))
