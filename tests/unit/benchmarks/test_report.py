"""The figures of a run, for people, machines and the page that documents them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from scripts.benchmarks.__main__ import NAMES
from scripts.benchmarks.growth import draw
from scripts.benchmarks.report import MACHINE, MarkMissing, renewed, table
from scripts.benchmarks.rows import Row, Spread, cell, percentile, row, spread

PAGE = Path(__file__).resolve().parents[3] / "docs" / "performance.md"


def test_a_row_for_machines_has_the_seven_members_of_the_contract() -> None:
    """Its ratio is the figure divided by the baseline's."""
    made = row("items", "CPU per item", Spread(3.0, 2.0, 5.0), "µs", "lxml", Spread(2.0, 1.0, 4.0))
    assert made.to_json() == {
        "bench": "items",
        "metric": "CPU per item",
        "value": 3.0,
        "unit": "µs",
        "baseline": "lxml",
        "baseline_value": 2.0,
        "ratio": 1.5,
    }
    assert (made.low, made.high) == (2.0, 5.0)


def test_a_row_without_a_baseline_has_no_ratio() -> None:
    """Nor has one whose baseline is nothing."""
    assert Row("a", "b", 1.0, "s").ratio is None
    assert Row("a", "b", 1.0, "s", "c", 0.0).ratio is None


def test_a_spread_is_median_least_and_greatest() -> None:
    """Scaling it scales all three; a percentile is one of the values."""
    assert spread([5.0, 1.0, 2.0]) * 10 == Spread(20.0, 10.0, 50.0)
    assert percentile(range(100), 0.99) == 99
    assert percentile([7.0], 0.5) == 7.0


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "-"), (0.0414, "0.0414"), (61.23, "61.2"), (12345.6, "12,346")]
)
def test_a_cell_shows_three_digits_that_mean_something(value: float | None, shown: str) -> None:
    """Large figures have thousands set apart; what was not measured is a dash."""
    assert cell(value) == shown


def test_only_what_stands_between_the_marks_is_renewed() -> None:
    """Sections of other benches, and the words around, stay as they were."""
    before = "words\n<!-- bench:a -->\nold\n<!-- /bench:a -->\n<!-- bench:b -->\nkept\n<!-- /bench:b -->\n"
    assert renewed(before, "a", "new \\1\n") == before.replace("old", "new \\1")


def test_a_page_without_a_place_for_a_bench_is_refused() -> None:
    """Nothing measured gets lost unseen."""
    with pytest.raises(MarkMissing, match="bench:a"):
        renewed("words", "a", "new")


@pytest.mark.parametrize("name", [*NAMES, MACHINE])
def test_the_page_has_a_place_for_every_bench(name: str) -> None:
    """``--write docs/performance.md`` works whichever are run."""
    assert renewed(PAGE.read_text(encoding="utf-8"), name, "x")


@pytest.mark.parametrize("name", NAMES)
def test_every_bench_can_be_run(name: str) -> None:
    """Each named module has a ``run``."""
    assert callable(importlib.import_module(f"scripts.benchmarks.{name}").run)


def test_a_table_has_a_line_a_row() -> None:
    """The second part of a bench's name leads its metric."""
    lines = table(
        [Row("joinlinks: letter", "time", 1.0, "ms"), Row("cost", "requests", 2.0, "")]
    ).splitlines()
    assert lines[2:] == [
        "| letter: time | 1 | - | - | ms | - | - | - |",
        "| requests | 2 | - | - |  | - | - | - |",
    ]


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    """So that a run that changes nothing changes no file."""
    points = [(200, 100.0), (1000, 106.0), (5000, 130.0)]
    for name in ("one", "two"):
        draw(points, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert b"mailboxes" in (tmp_path / "one").read_bytes()
