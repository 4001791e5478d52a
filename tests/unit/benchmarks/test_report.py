"""The figures of a run, for people, machines and the page that documents them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.benchmarks.__main__ import NAMES, main
from scripts.benchmarks.aims import aim_of
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


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (row("latency", "all: p99", 2.9, "ms", "http.client", 1.0), "≤ 3 x: met"),
        (row("latency", "all: p99", 3.1, "ms", "http.client", 1.0), "≤ 3 x: missed"),
        (row("latency", "all: p50", 9.0, "ms", "http.client", 1.0), "-"),
        (row("restart", "changes lost", 0, ""), "≤ 0: met"),
        (row("restart", "changes lost", 1, ""), "≤ 0: missed"),
        (row("items", "CPU per item, 10 an answer", 1.6, "µs", "lxml into dicts", 1.0), "≤ 1.5 x: missed"),
        (row("items", "CPU per item, 10 an answer", 0.08, "µs", "exchangelib", 1.0), "≤ 0.0833 x: met"),
        (row("items", "CPU per item, 10 an answer", 1.0, "µs"), "-"),
    ],
)
def test_the_page_says_of_each_figure_whether_its_aim_was_met(figure: Row, said: str) -> None:
    """By the value or by the ratio, whichever was aimed at; without a baseline no ratio is judged."""
    assert aim_of(figure) == said


def _broken(*, full: bool) -> Iterator[Row]:
    yield row("cost", "requests", 1.0 + full, "")
    raise RuntimeError("the machine is on fire")


def test_a_benchmark_that_fails_takes_nothing_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next one runs, what the broken one had measured is kept, page and table say so, and the exit code is 1."""
    page, out = tmp_path / "page.md", tmp_path / "rows.json"
    page.write_text(
        "".join(f"<!-- bench:{one} -->\nold\n<!-- /bench:{one} -->\n" for one in (*NAMES, MACHINE))
    )
    monkeypatch.setattr("scripts.benchmarks.cost.run", _broken)
    monkeypatch.setattr(
        "scripts.benchmarks.restart.run", lambda *, full: [row("restart", "first loads", full, "")]
    )
    monkeypatch.setattr("sys.argv", ["bench", "cost", "restart", "--write", str(page), "--json", str(out)])
    assert main() == 1
    assert "on fire" in (said := capsys.readouterr().err)
    assert "failed: cost" in said
    assert [one["bench"] for one in json.loads(out.read_text())] == ["cost", "restart"]
    assert "It failed for cost" in page.read_text()


@pytest.mark.parametrize("words", [["nothing"], ["cost", "--write", "/nowhere/page.md"]])
def test_what_can_t_be_done_is_refused_before_anything_is_measured(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is not there, a page that is not there: a sentence and 2."""
    monkeypatch.setattr("sys.argv", ["bench", *words])
    assert main() == 2
    assert capsys.readouterr().err.startswith("scripts/bench: ")


def test_a_table_has_a_line_a_row() -> None:
    """The second part of a bench's name leads its metric."""
    lines = table(
        [Row("joinlinks: letter", "time", 1.0, "ms"), Row("cost", "requests", 2.0, "")]
    ).splitlines()
    assert lines[2:] == [
        "| letter: time | 1 | - | - | ms | - | - | - | - |",
        "| requests | 2 | - | - |  | - | - | - | - |",
    ]


def test_the_plot_is_the_same_for_the_same_figures(tmp_path: Path) -> None:
    """So that a run that changes nothing changes no file."""
    points = [(200, 100.0), (1000, 106.0), (5000, 130.0)]
    for name in ("one", "two"):
        draw(points, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert b"mailboxes" in (tmp_path / "one").read_bytes()
