"""Waiting for several things at once: news, the client's departure, the end of a time."""

import select
import socket
import ssl
from enum import Enum, auto
from math import ceil


class Woken(Enum):
    """Why a wait has ended."""

    RUNG = auto()
    GONE = auto()
    TIME = auto()


class Bell:
    """Rung from any thread; heard by the one that waits. Ringing twice before it is heard counts once."""

    def __init__(self) -> None:
        """A silent bell."""
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def ring(self) -> None:
        """Wake the waiting thread, now or when it next waits."""
        try:
            self._rung.send(b"!")
        except (BlockingIOError, OSError):
            return  # the bell is ringing already, or nobody will wait again

    def fileno(self) -> int:
        """For poll."""
        return self._heard.fileno()

    def quiet(self) -> None:
        """Take in all rings."""
        try:
            while self._heard.recv(4096):
                continue
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptors back."""
        self._heard.close()
        self._rung.close()


class Watch:
    """Notices that the client of a connection has closed it."""

    def __init__(self, connection: ssl.SSLSocket | None = None) -> None:
        """Without a connection nobody ever goes."""
        self._connection = connection

    def wait(self, bell: Bell, seconds: float) -> Woken:
        """Wait for the bell, the client's departure or the time, whichever is first."""
        poll = select.poll()
        poll.register(bell.fileno(), select.POLLIN)
        if self._connection is not None:
            poll.register(self._connection.fileno(), select.POLLIN | select.POLLRDHUP)
        ready = {descriptor for descriptor, _ in poll.poll(max(0, ceil(seconds * 1000)))}
        if bell.fileno() in ready:
            bell.quiet()
            return Woken.RUNG
        return Woken.GONE if ready else Woken.TIME
