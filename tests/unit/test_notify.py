"""What the service manager hears, and when the watchdog is fed."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.notify import Notifier, Watchdog, watchdog_seconds


class ServiceManager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._socket.settimeout(10)
        self.environment = {"NOTIFY_SOCKET": address}

    def heard(self) -> list[str]:
        return self._socket.recv(65536).decode().split("\n")

    def silent(self) -> bool:
        self._socket.setblocking(False)
        try:
            self._socket.recv(65536)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServiceManager]:
    """A service manager that listens at a path, and one in the abstract namespace."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@calendar-connector-test-{os.getpid()}"
    listening = ServiceManager(name)
    yield listening
    listening.close()


class Ticking:
    """A clock moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_states_of_the_service(manager: ServiceManager) -> None:
    """Ready, stopping and status go out as the protocol spells them, one datagram each."""
    notifier = Notifier(manager.environment)
    notifier.ready("3 mailboxes")
    assert manager.heard() == ["READY=1", "STATUS=3 mailboxes"]
    notifier.status("two\nlines")
    assert manager.heard() == ["STATUS=two lines"]
    notifier.stopping()
    assert manager.heard() == ["STOPPING=1"]


def test_reloading_carries_the_monotonic_time(manager: ServiceManager) -> None:
    """A reload is announced with the time on CLOCK_MONOTONIC in microseconds."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier(manager.environment).reloading()
    first, second = manager.heard()
    name, _, value = second.partition("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before <= int(value) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_silent_without_a_socket(environment: dict[str, str]) -> None:
    """Without a Unix socket to notify, every call does nothing, and no socket is made for it."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    notifier = Notifier(environment)
    notifier.ready()
    notifier.status("x")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_deaf_service_manager_does_no_harm(tmp_path: Path) -> None:
    """A socket nobody listens at is no reason to fail."""
    manager = tmp_path / "nobody"
    notifier = Notifier({"NOTIFY_SOCKET": str(manager)})
    notifier.ready()
    notifier.alive()
    assert not manager.exists()


def test_watchdog_is_fed_while_all_make_progress(manager: ServiceManager) -> None:
    """One late heartbeat withholds the sign of life, and its name is told; a new beat brings it back."""
    clock = Ticking()
    watchdog = Watchdog(Notifier(manager.environment), manager.environment, clock)
    sender, _ = watchdog.heartbeat("sender", 10), watchdog.heartbeat("workers", 60)
    assert watchdog.tick() == ()
    assert manager.heard() == ["WATCHDOG=1"]
    clock.now += 11
    assert watchdog.tick() == ("sender",)
    assert manager.heard() == ["STATUS=No progress: sender"]
    assert manager.silent()
    sender.beat()
    assert watchdog.tick() == ()


def test_nothing_is_owed_at_rest(manager: ServiceManager) -> None:
    """A heartbeat at rest, or forgotten, is never late; after its next beat it is bound again."""
    clock = Ticking()
    watchdog = Watchdog(Notifier({}), {}, clock)
    sender, other = watchdog.heartbeat("sender", 10), watchdog.heartbeat("other", 10)
    sender.rest()
    watchdog.forget(other.name)
    clock.now += 1000
    assert watchdog.late() == ()
    sender.beat()
    clock.now += 11
    assert watchdog.late() == ("sender",)


def test_the_loop_feeds_and_ends(manager: ServiceManager) -> None:
    """The loop feeds the watchdog twice within its time and ends with the stop event."""
    environment = {**manager.environment, "WATCHDOG_USEC": "40000"}
    watchdog = Watchdog(Notifier(environment), environment, time.monotonic)
    assert watchdog.interval == pytest.approx(0.02)
    stop = threading.Event()
    thread = threading.Thread(target=watchdog.run, args=(stop,))
    thread.start()
    assert [manager.heard() for _ in range(3)] == [["WATCHDOG=1"]] * 3
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_no_loop_without_a_watchdog() -> None:
    """When nobody waits for a sign of life the loop ends at once."""
    Watchdog(Notifier({}), {}, time.monotonic).run(threading.Event())


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_watchdog_time(environment: dict[str, str], seconds: float | None) -> None:
    """The time is taken from WATCHDOG_USEC, unless it is meant for another process or is no number."""
    assert watchdog_seconds(environment) == seconds


@given(st.lists(st.tuples(st.sampled_from(["beat", "rest", "wait"]), st.floats(0, 20))))
def test_late_means_no_beat_within_the_bound(steps: list[tuple[str, float]]) -> None:
    """Whatever happens, a heartbeat is late exactly when it is owed and the last one is older than its bound."""
    clock = Ticking()
    heart = Watchdog(Notifier({}), {}, clock).heartbeat("h", 10)
    last: float | None = clock.now
    for deed, seconds in steps:
        if deed == "beat":
            heart.beat()
            last = clock.now
        elif deed == "rest":
            heart.rest()
            last = None
        clock.now += seconds
        assert heart.late() == (last is not None and clock.now - last > 10)
