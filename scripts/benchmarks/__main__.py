"""Runs benchmarks by name and prints their rows as a table, and as JSON where asked."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scripts import benchmarks
from scripts.benchmarks.rows import Row


def names() -> Iterator[str]:
    """Every module of this folder that measures something."""
    for module in pkgutil.iter_modules(benchmarks.__path__):
        if module.name not in {"__main__", "rows"}:
            yield module.name


def main() -> int:
    """Measure, print, write; 2 for a name that is not there."""
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("name", nargs="*", help="all when left out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--list", action="store_true", help="say which there are")
    given = parser.parse_args()
    known = list(names())
    if given.list:
        print("\n".join(known))
        return 0
    if unknown := [name for name in given.name if name not in known]:
        print(f"scripts/bench: there is no {unknown[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in given.name or known:
        rows += importlib.import_module(f"scripts.benchmarks.{name}").run()
    Console().print(_table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("bench", "metric"):
        table.add_column(column.upper())
    for column in ("value", "unit", "baseline", "baseline_value", "ratio"):
        table.add_column(column.upper().replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in Row.__annotations__))
    return table


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return "-" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main())
