"""Waking the main thread."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from connector.daemon.bell import Bell

RINGS = 300
EVERY = 0.0005
"""Seconds of this process's own CPU time between two signals."""


@pytest.fixture
def bell() -> Iterator[Bell]:
    made = Bell()
    yield made
    made.close()


def test_a_ring_before_the_wait_counts(bell: Bell) -> None:
    """Nothing that happened is slept over, and it counts once."""
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_a_signal_at_any_instruction_of_a_wait_blocks_nothing(bell: Bell) -> None:
    """Hundreds of signals at random moments of thousands of waits; with threading.Event one of them would hang."""
    rung: list[int] = []

    def handler(*_: object) -> None:
        rung.append(1)
        bell.ring()

    before = signal.signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, EVERY, EVERY)
    try:
        while len(rung) < RINGS:
            bell.wait(0)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert len(rung) >= RINGS
