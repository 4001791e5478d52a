"""Renews the figures of docs/performance.md: a table between the marks of each bench that was run, the machine, the plot."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from scripts.benchmarks import growth
from scripts.benchmarks.aims import aim_of
from scripts.benchmarks.rows import Row, cell
from scripts.benchmarks.streams import points_of

PLOT = "growth.svg"
HEAD = "| figure | median | min | max | unit | baseline | its value | ratio | aim |\n|---|---|---|---|---|---|---|---|---|\n"
MACHINE = "machine"


class MarkMissing(Exception):
    """The page has no place for a bench's table."""


def write(page: Path, rows: list[Row], *, full: bool, failed: Sequence[str] = ()) -> None:
    """Replace what stands between the marks of each bench in ``rows``; sections of others stay as they are.

    ``failed`` are benches of this run that brought no figures, which the page then says.

    Raises:
        MarkMissing: a bench has no marks in the page.
    """
    text = page.read_text(encoding="utf-8")
    measured = set()
    for name, group in groupby(rows, key=lambda one: one.bench.partition(":")[0]):
        text = renewed(text, name, table(group))
        measured.add(name)
    if points := points_of(rows):
        growth.draw(points, page.with_name(PLOT))
    text = renewed(text, MACHINE, _machine(full=full, benches=sorted(measured), failed=failed))
    page.write_text(text, encoding="utf-8")


def check(page: Path, names: Iterable[str]) -> None:
    """Raises MarkMissing before an hour is spent on measuring what has no place in the page."""
    text = page.read_text(encoding="utf-8")
    for name in (*names, MACHINE):
        renewed(text, name, "")


def renewed(text: str, name: str, content: str) -> str:
    """The text with ``content`` between ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->``."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(text):
        raise MarkMissing(f"the page has no {begin} ... {end}")
    return found.sub(lambda _: f"{begin}\n{content.rstrip()}\n{end}", text)


def table(rows: Iterable[Row]) -> str:
    """Rows as Markdown."""
    return HEAD + "".join(f"| {' | '.join(_cells(one))} |\n" for one in rows)


def _cells(one: Row) -> tuple[str, ...]:
    place = one.bench.partition(": ")[2]
    metric = f"{place}: {one.metric}" if place else one.metric
    figures = (cell(one.value), cell(one.low), cell(one.high), one.unit)
    return (metric, *figures, one.baseline or "-", cell(one.baseline_value), cell(one.ratio), aim_of(one))


def _machine(*, full: bool, benches: list[str], failed: Sequence[str]) -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    size = "--full" if full else "the quick set"
    without = f" It failed for {', '.join(failed)}: older figures stand there." if failed else ""
    return (
        f"Last run: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {size} ({', '.join(benches)}), on {os.cpu_count()} cores of {_processor()},"
        f" {memory:.0f} GB, Linux {platform.release()}, Python {platform.python_version()}; load average at its end {load}.{without}"
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )
