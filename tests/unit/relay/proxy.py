"""An HTTP proxy on loopback that tunnels with CONNECT and demands Basic."""

from __future__ import annotations

import base64
import socket
import socketserver
import threading
from typing import Any

USER, PASSWORD = "cal@dmz", "p:ß w/ord"


class ConnectProxy(socketserver.ThreadingTCPServer):
    """Remembers which targets were asked for, and how often the password was wrong."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.targets: list[str] = []
        self.refused = 0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that breaks off is no news."""

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Tunnel(socketserver.StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        target = self.rfile.readline().decode().split()[1]
        headers = dict(self._headers())
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers.get("proxy-authorization") != wanted:
            self.server.refused += 1
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.server.targets.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(far, self.connection), daemon=True)
            back.start()
            _pump(self.connection, far)
            back.join(10)

    def _headers(self) -> list[tuple[str, str]]:
        found = []
        while line := self.rfile.readline().decode().strip():
            name, _, value = line.partition(":")
            found.append((name.lower(), value.strip()))
        return found


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
