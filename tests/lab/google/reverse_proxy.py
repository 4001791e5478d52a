"""The reverse proxy of a site: it has the certificate, and hands what comes on to a socket as it is."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PATIENCE_SECONDS = 10.0


@contextmanager
def reverse_proxy(certificate: Path, upstream: str) -> Iterator[int]:
    """Serve TLS on a free port of loopback, and hand each connection to ``unix:/path`` or ``address:port``; the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context, upstream), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_SECONDS)


def _serve(listener: socket.socket, context: ssl.SSLContext, upstream: str) -> None:
    while True:
        try:
            raw, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_hand_on, args=(raw, context, upstream), daemon=True).start()


def _hand_on(raw: socket.socket, context: ssl.SSLContext, upstream: str) -> None:
    """One request, one answer."""
    raw.settimeout(PATIENCE_SECONDS)
    with (
        suppress(OSError),
        context.wrap_socket(raw, server_side=True) as outside,
        closing(dial(upstream)) as inside,
    ):
        request = b""
        while b"\r\n\r\n" not in request and (more := outside.recv(65536)):
            request += more
        inside.sendall(request)
        while more := inside.recv(65536):
            outside.sendall(more)


def dial(upstream: str) -> socket.socket:
    """A connection to ``unix:/path`` or ``address:port``."""
    if upstream.startswith("unix:"):
        found = socket.socket(socket.AF_UNIX)
        found.settimeout(PATIENCE_SECONDS)
        found.connect(upstream.removeprefix("unix:"))
        return found
    host, _, port = upstream.rpartition(":")
    return socket.create_connection((host, int(port)), PATIENCE_SECONDS)
