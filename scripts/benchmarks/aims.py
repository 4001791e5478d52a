"""What was aimed at, by bench and figure: the page says of each figure of the run whether its aim was met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from scripts.benchmarks.rows import Row, cell


@dataclass(frozen=True, slots=True)
class Aim:
    """At most so much, of the figure itself or of its ratio to the baseline. ``metric`` is searched, ``baseline`` is equal or ""."""

    bench: str
    metric: str
    most: float
    of: Literal["value", "ratio"] = "value"
    baseline: str = ""

    def concerns(self, row: Row) -> bool:
        """Whether the figure is one of those that were meant."""
        named = row.bench == self.bench and re.search(self.metric, row.metric) is not None
        return named and self.baseline in {"", row.baseline}

    def verdict(self, row: Row) -> str:
        """The aim, and whether the figure keeps to it."""
        figure = row.value if self.of == "value" else row.ratio
        if figure is None:
            return "-"
        unit = " x" if self.of == "ratio" else ""
        return f"≤ {cell(self.most)}{unit}: {'met' if figure <= self.most else 'missed'}"


POOL = 16
"""Connections for requests, one for each worker."""
OWN = 4
"""The control socket, the hub's two directions, and one look at the control socket itself."""

AIMS = (
    Aim("items", "CPU per item", 1 / 12, "ratio", "exchangelib"),
    Aim("items", "CPU per item", 1.5, "ratio", "lxml into dicts"),
    Aim("sealing", "CPU per meeting", 1.3, "ratio"),
    Aim("streams", "sockets beside one for 200", POOL + OWN),
    Aim("streams", "RSS per added mailbox", 8.0),
    Aim("latency", "p99", 3.0, "ratio"),
    Aim("coldstart", "most requests in flight", 27),
    Aim("coldstart", "ErrorServerBusy caused", 0),
    Aim("cost", "requests per change", 3.0),
    Aim("cost", "requests per idle mailbox", 2.0),
    Aim("restart", "changes lost", 0),
    Aim("restart", "first loads", 0),
)


def aim_of(row: Row) -> str:
    """What was aimed at and whether it was met; "-" where nothing was."""
    return next((aim.verdict(row) for aim in AIMS if aim.concerns(row)), "-")
