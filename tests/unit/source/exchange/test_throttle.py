"""Our own limit on requests."""

from __future__ import annotations

import pytest

from connector.errors import Throttled
from connector.source.exchange.throttle import PATIENCE_SECONDS, Throttle


class Time:
    """A monotonic clock that moves by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def delays(throttle: Throttle, count: int) -> list[float]:
    """What the next takers would have to wait."""
    return [round(throttle._take(), 6) for _ in range(count)]


def test_a_burst_passes_and_then_the_rate_counts() -> None:
    """Two seconds' worth at once after a quiet time, then one every interval."""
    throttle = Throttle(10.0, Time())
    assert [delay for delay in delays(throttle, 20) if delay > 0] == []
    assert delays(throttle, 3) == [0.1, 0.2, 0.3]


def test_quiet_time_is_not_saved_up_for_ever() -> None:
    """An hour without requests allows no more than one burst."""
    clock = Time()
    throttle = Throttle(10.0, clock)
    clock.now += 3600
    assert sum(delay <= 0 for delay in delays(throttle, 100)) == 20


def test_who_would_wait_long_gives_the_worker_back() -> None:
    """A worker blocked for a minute would be missing elsewhere; nothing is reserved for who leaves."""
    throttle = Throttle(1.0, Time())
    with pytest.raises(Throttled, match="own-limit"):
        delays(throttle, 100)
    with pytest.raises(Throttled) as caught:
        throttle.wait()
    assert caught.value.retry_after.total_seconds() == pytest.approx(PATIENCE_SECONDS + 1)


def test_closing_lets_everybody_go() -> None:
    """Nobody waits for a turn in a process that is ending."""
    throttle = Throttle(0.1, Time())
    throttle.close()
    throttle._take()
    throttle.wait()
    assert throttle._closing.is_set()
