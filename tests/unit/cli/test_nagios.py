"""``status --nagios``: one line, figures behind a bar, and the exit codes of monitoring plugins."""

from __future__ import annotations

from typing import Any

import pytest

from connector.cli.nagios import judged, unknown

FACTS: dict[str, Any] = {
    "running": True,
    "healthy": True,
    "mailboxes": {"active": 3},
    "alarms": [],
    "hub": {"up": True, "problem": ""},
    "troubles": [],
    "lag_seconds": 1,
    "outbox": {"waiting": 2, "dead_letters": 0},
}


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        ({}, 0, "OK: 3 mailboxes, the hub is reached"),
        ({"running": False, "healthy": False}, 2, "CRITICAL: the daemon is not running"),
        ({"alarms": [{"number": 305, "sentence": "a | b\nc"}]}, 1, "WARNING: alarm 305: a / b c"),
        (
            {"alarms": [{"number": 305, "sentence": "less"}, {"number": 301, "sentence": "worse"}]},
            2,
            "CRITICAL: alarm 301: worse (and 1 more)",
        ),
        ({"healthy": False, "hub": {"up": False, "problem": ""}}, 1, "WARNING: the hub is not reached"),
        ({"healthy": False, "troubles": [{}, {}]}, 1, "WARNING: 2 mailboxes in trouble"),
        ({"healthy": False}, 1, "WARNING: a server is left alone for a while"),
    ],
)
def test_a_line_and_a_code(facts: dict[str, Any], code: int, words: str) -> None:
    """The worst alarm decides; what is no alarm yet is a warning."""
    found, line = judged({**FACTS, **facts})
    said, _, figures = line.partition(" | ")
    assert (found, said.startswith(words)) == (code, True), line
    assert "lag=1s;;;0 outbox=2;;;0" in figures
    assert "\n" not in line


def test_what_can_not_be_told() -> None:
    """Unknown is 3, with the sentence."""
    assert unknown("You may not.\n") == (3, "UNKNOWN: You may not.")
