"""What is counted, under names by Prometheus's conventions (prometheus.io/docs/practices/naming).

Everything is taken from what ``status`` shows at the moment it is asked for: two views can't disagree, and nothing is
counted that nobody reads. No figure names a person, a mailbox or a meeting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

PREFIX = "calendar_connector_"

Facts = Mapping[str, Any]
"""What ``status`` shows, and beside it ``version``, ``steps`` (steps finished since the start), ``database_bytes`` and
``alarm_kinds`` (every kind of alarm: number, name, severity)."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number without labels."""

    name: str
    help: str
    of: Callable[[Facts], float]


FIGURES = (
    Figure(
        "healthy", "Whether all is well, as status says it: 1 or 0.", lambda facts: bool(facts["healthy"])
    ),
    Figure(
        "hub_up", "Whether the hub is reached: 1 or 0.", lambda facts: bool((facts["hub"] or {}).get("up"))
    ),
    Figure(
        "lag_seconds",
        "Age of the oldest unfinished work among live mailboxes.",
        lambda facts: facts["lag_seconds"],
    ),
    Figure("outbox_events", "Sealed events that wait for the hub.", lambda facts: facts["outbox"]["waiting"]),
    Figure(
        "outbox_oldest_age_seconds",
        "Age of the oldest of them.",
        lambda facts: facts["outbox"]["oldest_seconds"],
    ),
    Figure(
        "dead_letters",
        "Events that the hub has refused for good.",
        lambda facts: facts["outbox"]["dead_letters"],
    ),
    Figure("epoch", "Number of this life of the database.", lambda facts: facts["epoch"]),
    Figure("workers", "Worker threads.", lambda facts: (facts["workers"] or {}).get("all", 0)),
    Figure("workers_busy", "Worker threads at work.", lambda facts: (facts["workers"] or {}).get("busy", 0)),
    Figure(
        "first_loads_pending",
        "Mailboxes whose first load is not finished.",
        lambda facts: (facts["loading"] or {}).get("mailboxes", 0),
    ),
    Figure(
        "writes_stopped",
        "Whether the brake has stopped calendar writes: 1 or 0.",
        lambda facts: facts["writes"].startswith("stopped"),
    ),
    Figure("database_bytes", "Size of the database.", lambda facts: facts["database_bytes"]),
    Figure(
        "start_time_seconds",
        "When the configuration in force came into force, since 1970.",
        lambda facts: datetime.fromisoformat(facts["started"]).timestamp() if facts["started"] else 0,
    ),
)

LABELLED = {
    "mailboxes": ("Activated mailboxes by state.", ("state",)),
    "streams": ("Open notification streams.", ("source",)),
    "streamed_mailboxes": ("Mailboxes whose changes are heard of at once.", ("source",)),
    "polled_mailboxes": ("Mailboxes that are polled.", ("source",)),
    "requests_of_the_last_minute": ("What a source that counts requests was asked.", ("source",)),
    "requests_of_the_last_day": ("The same over the last day, or since the start.", ("source",)),
    "held_servers": ("Servers that are left alone for a while.", ("source",)),
    "alarms": (
        "Standing alarms; the count of what each is about, 0 for none.",
        ("number", "name", "severity"),
    ),
}


class Figures(Collector):
    """Asks for the facts when it is asked itself."""

    def __init__(self, facts: Callable[[], Facts]) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        """Every figure as it is now."""
        facts = self._facts()
        about = {"version": facts["version"], "instance": facts["instance"], "mode": facts["mode"]}
        yield InfoMetricFamily(PREFIX.rstrip("_"), "What runs.", about)
        for one in FIGURES:
            yield GaugeMetricFamily(PREFIX + one.name, one.help, float(one.of(facts)))
        yield CounterMetricFamily(PREFIX + "steps", "Steps of work finished.", facts["steps"])
        for name, rows in _labelled(facts).items():
            text, labels = LABELLED[name]
            family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
            for values, number in rows:
                family.add_metric(values, number)
            yield family


def _labelled(facts: Facts) -> Mapping[str, Iterable[tuple[tuple[str, ...], float]]]:
    return {
        "mailboxes": [((state,), count) for state, count in facts["mailboxes"].items()],
        "streams": [((one["source"],), one["streams"]) for one in facts["streams"]],
        "streamed_mailboxes": [((one["source"],), one["streamed"]) for one in facts["streams"]],
        "polled_mailboxes": [((one["source"],), one["polled"]) for one in facts["streams"]],
        "requests_of_the_last_minute": [
            ((one["source"],), one["minute"]["used"]) for one in facts["budgets"]
        ],
        "requests_of_the_last_day": [((one["source"],), one["day"]["used"]) for one in facts["budgets"]],
        "held_servers": _counted(one["source"] for one in facts["held"]),
        "alarms": list(_alarms(facts)),
    }


def _counted(names: Iterable[str]) -> list[tuple[tuple[str, ...], float]]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return [((name,), count) for name, count in counts.items()]


def _alarms(facts: Facts) -> Iterator[tuple[tuple[str, ...], float]]:
    standing: dict[int, int] = {}
    for one in facts["alarms"]:
        standing[one["number"]] = standing.get(one["number"], 0) + max(1, one["count"])
    for number, name, severity in facts["alarm_kinds"]:
        yield (str(number), name, severity), standing.get(number, 0)


def text(facts: Callable[[], Facts]) -> bytes:
    """The exposition format, text version 0.0.4, with the process's own figures."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(facts))
    ProcessCollector(registry=registry)
    return generate_latest(registry)
