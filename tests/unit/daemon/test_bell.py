"""Waking the main thread."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connector.daemon.bell import Bell

SIGNALS = 3000


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    made.close()


@contextmanager
def handled(number: signal.Signals, ring: Bell) -> Iterator[list[int]]:
    """A signal handler that rings; the list counts its calls."""
    rung: list[int] = []

    def handler(*_: object) -> None:
        rung.append(1)
        ring.ring()

    before = signal.signal(number, handler)
    try:
        yield rung
    finally:
        signal.signal(number, before)


def test_a_ring_before_the_wait_counts(bell: Bell) -> None:
    """Nothing that happened is slept over, and it counts once."""
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_a_signal_at_any_instruction_of_a_wait_blocks_nothing(bell: Bell) -> None:
    """Thousands of signals at random moments of thousands of waits: with an Event one of them would hang for ever."""
    done = threading.Event()

    def send() -> None:
        for _ in range(SIGNALS):
            os.kill(os.getpid(), signal.SIGUSR1)
        done.set()

    with handled(signal.SIGUSR1, bell) as rung:
        sender = threading.Thread(target=send)
        sender.start()
        while not done.is_set():
            bell.wait(0.001)
        sender.join()
        bell.wait(0)
    assert rung
