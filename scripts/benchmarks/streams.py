"""What it costs to keep mailboxes subscribed that nobody touches: memory, threads, sockets, time; beside one stream per mailbox.

The daemon finds its mailboxes and their subscriptions in its database, as after any restart; how long it takes to subscribe those who
are new is measured with a few hundred, for it is paced and not a matter of speed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.benchmarks.progress import tell
from scripts.benchmarks.rows import Row, row
from scripts.benchmarks.stage.house import House
from scripts.benchmarks.stage.process import ROOT, Reading, read

SIZES = (200, 1_000)
FULL_SIZES = (200, 1_000, 5_000, 10_000, 25_000)
FRESH = 100
PER_MAILBOX = (25, 100)
FULL_PER_MAILBOX = (100, 1_000)
BENCH = "streams"


@dataclass(frozen=True, slots=True)
class Point:
    """The daemon at rest with so many mailboxes; seconds until all were heard, and until the start had been caught up with."""

    mailboxes: int
    reading: Reading
    heard: float
    caught_up: float


def run(*, full: bool) -> Iterator[Row]:
    """A row for each size and what is counted, and the growth between them; sizes that were measured stay when a larger one fails."""
    alone = _one_stream_each(FULL_PER_MAILBOX if full else PER_MAILBOX)
    yield _fresh()
    points: list[Point] = []
    for size in FULL_SIZES if full else SIZES:
        points.append(_rest_with(size))
        yield from _of(points[-1], alone)
    yield from _growth(points, alone)


def points_of(rows: list[Row]) -> list[tuple[int, float]]:
    """Mailboxes and MB of RSS, for the plot."""
    return [(_size(one), one.value) for one in rows if one.bench == BENCH and one.metric.endswith(": RSS")]


def _size(one: Row) -> int:
    return int(one.metric.split(" ")[0].replace(",", ""))


def _rest_with(size: int) -> Point:
    tell(f"{size:,} mailboxes at rest ...")
    with House() as house:
        house.seed(range(size), subscribed=True)
        begun = time.monotonic()
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= size, "all to be heard")
        heard = time.monotonic() - begun
        caught_up = heard + house.rest()
        return Point(size, house.reading(), heard, caught_up)


def _of(point: Point, alone: dict[str, float]) -> list[Row]:
    size, reading = f"{point.mailboxes:,} mailboxes", point.reading
    baseline = f"exchangelib, a stream each ({alone['mailboxes']:.0f})"
    return [
        row(BENCH, f"{size}: RSS", reading.rss / 1e3, "MB"),
        row(BENCH, f"{size}: sockets", reading.sockets, "", baseline, alone["sockets"]),
        row(BENCH, f"{size}: sockets beside one for 200", reading.sockets - -(-point.mailboxes // 200), ""),
        row(BENCH, f"{size}: threads", reading.threads, "", baseline, alone["threads"]),
        row(BENCH, f"{size}: all streamed after a start", point.heard, "s"),
        row(BENCH, f"{size}: all synced after a start", point.caught_up, "s"),
        row(BENCH, f"{size}: CPU for the start", reading.cpu / point.mailboxes * 1e3, "ms a mailbox"),
    ]


def _growth(points: list[Point], alone: dict[str, float]) -> Iterator[Row]:
    """Each size beside the smallest: where growth is a straight line, the figures are alike."""
    first = points[0]
    for point in points[1:]:
        each = (point.reading.rss - first.reading.rss) / (point.mailboxes - first.mailboxes)
        metric = f"RSS per added mailbox, {first.mailboxes:,} to {point.mailboxes:,}"
        yield row(BENCH, metric, each, "kB", "exchangelib, a stream each", alone["each"])


def _fresh() -> Row:
    with House() as house:
        house.seed(range(FRESH))
        house.start()
        seconds = house.wait(lambda: house.figures(reset=False)["heard"] >= FRESH, "all to be subscribed")
        return row(BENCH, "new subscriptions", FRESH / seconds, "a second")


def _one_stream_each(counts: tuple[int, int]) -> dict[str, float]:
    """Stock exchangelib with a thread and a connection for each mailbox."""
    with House() as house:
        few, many = (_survived(house, count) for count in counts)
    each = (many["rss"] - few["rss"]) / (many["mailboxes"] - few["mailboxes"])
    return {**many, "each": each}


def _survived(house: House, count: int) -> dict[str, float]:
    """So many are tried; what is told is how many were heard and what the process weighed then."""
    url = f"https://localhost:{house.exchange.port}/EWS/Exchange.asmx"
    command = [sys.executable, "-m", "scripts.benchmarks.stage.per_mailbox"]
    process = subprocess.Popen(
        [*command, url, str(house.authority), str(count)], cwd=ROOT, stdin=subprocess.DEVNULL
    )
    try:
        heard = house.most_heard(count)
        reading = read(process.pid)
    finally:
        process.kill()
        process.wait()
    house.wait(lambda: house.figures()["heard"] == 0, "the streams to end")
    return {"mailboxes": heard, "rss": reading.rss, "threads": reading.threads, "sockets": reading.sockets}
