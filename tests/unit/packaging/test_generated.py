"""What of the documentation is generated agrees with the program."""

from __future__ import annotations

from pathlib import Path

from scripts.packaging.figures import filled

ROOT = Path(__file__).resolve().parents[3]


def test_alarms_and_figures_are_those_of_the_program() -> None:
    """`python -m scripts.packaging.figures` would change nothing."""
    page = (ROOT / "docs/operate.md").read_text()
    assert filled(page) == page
