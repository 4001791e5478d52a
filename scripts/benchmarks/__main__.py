"""Runs benchmarks by name and prints their rows as a table; as JSON and into the documentation where asked.

A benchmark that fails is told and the next one runs. Figures are written after each: what was measured is kept, whatever ends the run.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.benchmarks import report
from scripts.benchmarks.aims import aim_of
from scripts.benchmarks.progress import tell
from scripts.benchmarks.rows import Row, cell

NAMES = (
    "items",
    "joinlinks",
    "sealing",
    "keys",
    "pipeline",
    "streams",
    "latency",
    "coldstart",
    "cost",
    "restart",
    "google",
)
"""Each is a module of this folder with ``run(*, full: bool) -> Iterable[Row]``."""


@dataclass(slots=True)
class Measured:
    """What a run has brought so far, and where it is to be kept."""

    json: Path | None
    page: Path | None
    full: bool
    rows: list[Row] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def run(self, name: str) -> None:
        """Measure one and keep its figures; a failure is told and remembered."""
        tell(f"{name} ...")
        begun = time.monotonic()
        try:
            for one in importlib.import_module(f"scripts.benchmarks.{name}").run(full=self.full):
                self.rows.append(one)
        except Exception:  # noqa: BLE001 - the others are still worth their time; the run ends with 1
            traceback.print_exc()
            self.failed.append(name)
        outcome = "FAILED" if name in self.failed else "done"
        tell(f"{name} {outcome} after {time.monotonic() - begun:.0f} s")
        self._keep()

    def _keep(self) -> None:
        if self.json:
            text = json.dumps([one.to_json() for one in self.rows], indent=2)
            self.json.write_text(text + "\n", encoding="utf-8")
        if self.page:
            report.write(self.page, self.rows, full=self.full, failed=self.failed)


def main() -> int:
    """Measure, print, write; 1 when a benchmark failed, 2 for a name or a page that can't be used."""
    given = _arguments()
    if given.list:
        print("\n".join(NAMES))
        return 0
    if refused := _refusal(given):
        print(f"scripts/bench: {refused}", file=sys.stderr)
        return 2
    measured = Measured(given.json, given.write, given.full)
    for name in given.name or NAMES:
        measured.run(name)
    Console(width=None if sys.stdout.isatty() else 160).print(_table(measured.rows))
    if measured.failed:
        print(f"scripts/bench: failed: {', '.join(measured.failed)}; see above", file=sys.stderr)
    return 1 if measured.failed else 0


def _refusal(given: argparse.Namespace) -> str:
    """What is wrong with the command line, before an hour is spent on it; "" for nothing."""
    if unknown := [name for name in given.name if name not in NAMES]:
        return f"there is no {unknown[0]}; there are {', '.join(NAMES)}"
    if given.write is None:
        return ""
    try:
        report.check(given.write, given.name or NAMES)
    except (report.MarkMissing, OSError) as error:
        return f"the figures can't be written to {given.write}: {error}"
    return ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("name", nargs="*", help="all when left out")
    parser.add_argument("--full", action="store_true", help="up to 25,000 mailboxes; takes some 40 minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="renew the tables of this page, and its plot"
    )
    parser.add_argument("--list", action="store_true", help="say which there are")
    return parser.parse_args()


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("BENCH", "METRIC"):
        table.add_column(column)
    for column in ("MEDIAN", "MIN", "MAX", "UNIT", "BASELINE", "ITS VALUE", "RATIO", "AIM"):
        table.add_column(column, justify="right")
    for one in rows:
        figures = (cell(one.value), cell(one.low), cell(one.high), one.unit)
        beside = (one.baseline or "-", cell(one.baseline_value), cell(one.ratio))
        table.add_row(one.bench, one.metric, *figures, *beside, aim_of(one))
    return table


if __name__ == "__main__":
    sys.exit(main())
