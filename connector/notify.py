"""Tell the service manager how the daemon is (sd_notify(3), sd_watchdog_enabled(3)).

The protocol is one datagram of ``NAME=value`` lines to the socket named by $NOTIFY_SOCKET, and is documented as stable
for programs that speak it themselves; so it is spoken here the same way with and without systemd's library. Without
the variable everything here is silent.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping

import structlog

Monotonic = Callable[[], float]
"""Seconds of a clock that never goes back."""

_SEND_SECONDS = 5.0
_STATUS_LIMIT = 1000


class Notifier:
    """Sends to the service manager; a message that can't be sent is logged once and never harms the daemon."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._log = structlog.get_logger(__name__)
        self._complained = False

    def ready(self, status: str = "") -> None:
        """Start-up, or a reload, is finished."""
        self._send("READY=1", *_status(status))

    def reloading(self) -> None:
        """A reload has begun; Type=notify-reload needs the monotonic time to tell an old READY from a new one."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self, status: str = "") -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1", *_status(status))

    def status(self, sentence: str) -> None:
        """One line for ``systemctl status``."""
        self._send(*_status(sentence))

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self._address is None or not lines:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(_SEND_SECONDS)
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._log.warning("the service manager can't be told anything", error=str(error))
            self._complained = True


def _address(text: str) -> str | None:
    """A path, or with @ in front a name in the abstract namespace; anything else is no Unix socket."""
    if text.startswith("@") and len(text) > 1:
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _status(sentence: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(sentence.split())[:_STATUS_LIMIT]}",) if sentence else ()


def watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """How long the service manager waits for a sign of life; None when it waits for none from this process."""
    microseconds = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not (microseconds.isdecimal() and len(microseconds) < 20) or process != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000 or None


class Heartbeat:
    """One thread's or pool's sign of real progress.

    It is beaten after work that came to an end, a wait that ended as planned counting as work; never by a timer of its
    own. ``bound`` is the longest time in seconds that honest work may take without a beat.
    """

    def __init__(self, name: str, bound: float, clock: Monotonic) -> None:
        self.name = name
        self._bound = bound
        self._clock = clock
        self._last: float | None = clock()

    def beat(self) -> None:
        """Something was done just now."""
        self._last = self._clock()

    def rest(self) -> None:
        """There is nothing to do, and no beat is owed until the next one."""
        self._last = None

    def late(self) -> bool:
        """Whether a beat is overdue."""
        last = self._last
        return last is not None and self._clock() - last > self._bound


class Watchdog:
    """Feeds the service manager's watchdog only while every heartbeat is within its bound."""

    def __init__(self, notifier: Notifier, environment: Mapping[str, str], clock: Monotonic) -> None:
        timeout = watchdog_seconds(environment)
        self.interval = timeout / 2 if timeout else None
        """Seconds between two calls of ``tick``; None when no watchdog is asked for."""
        self._notifier = notifier
        self._clock = clock
        self._lock = threading.Lock()
        self._hearts: dict[str, Heartbeat] = {}
        self._late: tuple[str, ...] = ()
        self._log = structlog.get_logger(__name__)

    def heartbeat(self, name: str, bound: float) -> Heartbeat:
        """Register something that has to make progress; the first beat counts as given now."""
        heart = Heartbeat(name, bound, self._clock)
        with self._lock:
            self._hearts[name] = heart
        return heart

    def forget(self, name: str) -> None:
        """Expect nothing of it any more: it ended as planned."""
        with self._lock:
            self._hearts.pop(name, None)

    def late(self) -> tuple[str, ...]:
        """Names of those whose beat is overdue."""
        with self._lock:
            return tuple(sorted(heart.name for heart in self._hearts.values() if heart.late()))

    def tick(self) -> tuple[str, ...]:
        """Feed the watchdog, or not; returns who is late. Logs when somebody starts or ceases to be."""
        late = self.late()
        if late != self._late:
            self._tell(late)
        if not late:
            self._notifier.alive()
        return late

    def run(self, stop: threading.Event) -> None:
        """Tick until ``stop``; ends at once when no watchdog is asked for."""
        if self.interval is None:
            return
        self.tick()
        while not stop.wait(self.interval):
            self.tick()

    def _tell(self, late: tuple[str, ...]) -> None:
        self._late = late
        if late:
            self._log.error("no progress; the watchdog is not fed any more", late=list(late))
            self._notifier.status(f"No progress: {', '.join(late)}")
        else:
            self._log.warning("progress again; the watchdog is fed")
            self._notifier.status("Running")
