"""One measured figure beside its baseline, and how figures are taken."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of the same thing."""

    median: float
    low: float
    high: float

    def __mul__(self, factor: float) -> Spread:
        return Spread(self.median * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside its baseline of the same run; ``low`` and ``high`` are None where it was measured once."""

    bench: str
    metric: str
    value: float
    unit: str
    baseline: str | None = None
    baseline_value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def ratio(self) -> float | None:
        """The figure divided by its baseline."""
        return self.value / self.baseline_value if self.baseline_value else None

    def to_json(self) -> dict[str, str | float | None]:
        """For machines."""
        return {
            "bench": self.bench,
            "metric": self.metric,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "baseline_value": self.baseline_value,
            "ratio": self.ratio,
        }


def row(
    bench: str,
    metric: str,
    value: Spread | float,
    unit: str,
    baseline: str | None = None,
    baseline_value: Spread | float | None = None,
) -> Row:
    """A row of measurements or of a single value."""
    beside = baseline_value.median if isinstance(baseline_value, Spread) else baseline_value
    if isinstance(value, Spread):
        return Row(bench, metric, value.median, unit, baseline, beside, value.low, value.high)
    return Row(bench, metric, value, unit, baseline, beside)


def spread(values: Iterable[float]) -> Spread:
    """Median, least and greatest."""
    found = sorted(values)
    return Spread(statistics.median(found), found[0], found[-1])


def cpu_seconds(work: Callable[[], object], *, rounds: int = 7) -> Spread:
    """Process CPU time of ``work`` over some rounds, after one that is not counted."""
    work()
    return spread(_timed(work) for _ in range(rounds))


def side_by_side(
    ours: Callable[[], object], baseline: Callable[[], object], *, rounds: int = 7
) -> tuple[Spread, Spread]:
    """Process CPU time of both, taking turns, so that a busy machine is unkind to both alike."""
    ours()
    baseline()
    pairs = [(_timed(ours), _timed(baseline)) for _ in range(rounds)]
    return spread(one for one, _ in pairs), spread(other for _, other in pairs)


def percentile(values: Iterable[float], share: float) -> float:
    """The value below which this share of all lies."""
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))]


def cell(value: float | None) -> str:
    """Three digits that mean something; "-" for what was not measured."""
    if value is None:
        return "-"
    return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"


def _timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
