"""Runs benchmarks by name and prints their rows as a table; as JSON and into the documentation where asked."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts.benchmarks import report
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
"""Each is a module of this folder with ``run(*, full: bool) -> list[Row]``."""


def main() -> int:
    """Measure, print, write; 2 for a name that is not there."""
    given = _arguments()
    if given.list:
        print("\n".join(NAMES))
        return 0
    if unknown := [name for name in given.name if name not in NAMES]:
        print(f"scripts/bench: there is no {unknown[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if given.write:
        report.check(given.write, given.name or NAMES)
    rows: list[Row] = []
    for name in given.name or NAMES:
        begun = time.monotonic()
        rows += importlib.import_module(f"scripts.benchmarks.{name}").run(full=given.full)
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    Console(width=None if sys.stdout.isatty() else 160).print(_table(rows))
    if given.json:
        text = json.dumps([one.to_json() for one in rows], indent=2)
        given.json.write_text(text + "\n", encoding="utf-8")
    if given.write:
        report.write(given.write, rows, full=given.full)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("name", nargs="*", help="all when left out")
    parser.add_argument(
        "--full", action="store_true", help="up to 25,000 mailboxes; takes the better part of an hour"
    )
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
    for column in ("MEDIAN", "MIN", "MAX", "UNIT", "BASELINE", "ITS VALUE", "RATIO"):
        table.add_column(column, justify="right")
    for one in rows:
        figures = (cell(one.value), cell(one.low), cell(one.high), one.unit)
        table.add_row(
            one.bench, one.metric, *figures, one.baseline or "-", cell(one.baseline_value), cell(one.ratio)
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
