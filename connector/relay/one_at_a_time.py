"""A TLS socket that one thread may read while another writes.

OpenSSL's SSL object must not be used by two threads at once (openssl-threads(7)), and Python before 3.13 does not see to it;
what it leads to is not an exception but the end of the process. The web socket library reads in a thread of its own.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from typing import Any

LOOK_SECONDS = 1.0
"""How often a wait looks whether the socket was closed meanwhile; poll(2) does not tell."""


class OneAtATime:
    """What the web socket library needs of a socket. Nobody waits inside OpenSSL: the lock is held for moments only."""

    def __init__(self, inner: ssl.SSLSocket) -> None:
        self.inner = inner
        self._timeout = inner.gettimeout()
        self._lock = threading.Lock()
        inner.setblocking(False)

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes, b"" at the end. Raises TimeoutError and OSError."""
        ends = self._deadline()
        while True:
            with self._lock:
                try:
                    return self.inner.recv(size)
                except ssl.SSLWantReadError:
                    wanted = select.POLLIN
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
            self._wait(wanted, ends)

    def sendall(self, data: bytes) -> None:
        """All of it. Raises TimeoutError and OSError."""
        ends, left = self._deadline(), memoryview(data)
        while left:
            with self._lock:
                try:
                    left = left[self.inner.send(left) :]
                    continue
                except ssl.SSLWantReadError:
                    wanted = select.POLLIN
                except ssl.SSLWantWriteError:
                    wanted = select.POLLOUT
            self._wait(wanted, ends)

    def settimeout(self, seconds: float | None) -> None:
        """How long ``recv`` and ``sendall`` may take from now on; None for as long as they like."""
        self._timeout = seconds

    def gettimeout(self) -> float | None:
        """The same."""
        return self._timeout

    def shutdown(self, how: int) -> None:
        """End the connection below TLS: whoever waits hears of it."""
        socket.socket.shutdown(self.inner, how)

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            self.inner.close()

    def fileno(self) -> int:
        """The descriptor, -1 when it is closed."""
        return self.inner.fileno()

    def getsockname(self) -> Any:
        """This end's address."""
        return self.inner.getsockname()

    def getpeername(self) -> Any:
        """The other end's address."""
        return self.inner.getpeername()

    def _deadline(self) -> float | None:
        return None if self._timeout is None else time.monotonic() + self._timeout

    def _wait(self, wanted: int, ends: float | None) -> None:
        """Until the socket is ready, or a moment has passed and it is worth another look."""
        descriptor = self.fileno()
        if descriptor < 0:
            raise OSError("the socket was closed")
        left = LOOK_SECONDS if ends is None else min(LOOK_SECONDS, ends - time.monotonic())
        if left <= 0:
            raise TimeoutError("timed out")
        poll = select.poll()
        poll.register(descriptor, wanted)
        poll.poll(left * 1000)
