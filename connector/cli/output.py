"""Manners of every command: tables to standard output, messages to standard error, JSON on request."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import click
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress

Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words go. ``quiet`` leaves out messages, never results, warnings or errors."""

    json: bool = False
    quiet: bool = False
    color: bool = True

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows under their columns; as JSON, a list of objects keyed by the columns' names."""
        if self.json:
            keys = [column.lower().replace(" ", "_") for column in columns]
            self.data([dict(zip(keys, row, strict=True)) for row in rows])
        else:
            for line in self._aligned(columns, [[_cell(value) for value in row] for row in rows]):
                self.text(line)

    def record(self, facts: Mapping[str, object]) -> None:
        """Print one thing as ``name: value`` lines, or as a JSON object."""
        if self.json:
            self.data(facts)
        else:
            width = max((cell_len(name) for name in facts), default=0)
            for name, value in facts.items():
                self.text(f"{_pad(name + ':', width + 2)}{_cell(value)}".rstrip())

    def data(self, value: object) -> None:
        """Print a value as JSON."""
        self.text(json.dumps(value, indent=2, ensure_ascii=False, default=str))

    def text(self, text: str) -> None:
        """Print a result."""
        print(text)

    def say(self, message: str) -> None:
        """Tell how things went."""
        if not self.quiet:
            print(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Tell what deserves a look, even when quiet."""
        print(self._styled("warning:", "yellow", sys.stderr), message, file=sys.stderr)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Step]:
        """Show a bar on standard error while the block calls the given step; nothing without a terminal."""
        shown = sys.stderr.isatty() and not self.quiet
        console = Console(stderr=True, no_color=not self._colored(sys.stderr))
        with Progress(console=console, disable=not shown, transient=True) as bar:
            task = bar.add_task(what, total=total)

            def step(count: int) -> None:
                bar.advance(task, count)

            yield step

    def _aligned(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
        yield self._styled(_line([column.upper() for column in columns], widths), "bold", sys.stdout)
        yield from (_line(row, widths) for row in rows)

    def _styled(self, text: str, style: str, stream: TextIO) -> str:
        if not self._colored(stream):
            return text
        return click.style(text, bold=True) if style == "bold" else click.style(text, fg=style)

    def _colored(self, stream: TextIO) -> bool:
        return self.color and stream.isatty() and "NO_COLOR" not in os.environ


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(_pad(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value)
