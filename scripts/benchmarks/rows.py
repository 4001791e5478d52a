"""One measured figure, and how figures are taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypedDict


class Row(TypedDict):
    """A figure beside its baseline of the same run; ``ratio`` is value / baseline_value."""

    bench: str
    metric: str
    value: float
    unit: str
    baseline: str | None
    baseline_value: float | None
    ratio: float | None


def cpu_seconds(work: Callable[[], object], *, rounds: int = 7) -> float:
    """Median process CPU time of ``work`` over some rounds, after one that is not counted."""
    work()
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return statistics.median(taken)


def row(bench: str, metric: str, value: float, unit: str, baseline: str, baseline_value: float) -> Row:
    """A row with its ratio."""
    return Row(
        bench=bench,
        metric=metric,
        value=value,
        unit=unit,
        baseline=baseline,
        baseline_value=baseline_value,
        ratio=value / baseline_value if baseline_value else None,
    )
