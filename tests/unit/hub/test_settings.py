"""Settings: what a file may say, and what is answered to mistakes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConfigError
from connector.hub import settings
from connector.hub.settings import Settings


def test_nothing_said_is_the_protocols_own_times() -> None:
    """Docs/relay.md section 6.8, and limits that HttpCloud takes without asking."""
    assert settings.read({}) == Settings()
    assert Settings().times.silent_after == timedelta(minutes=15)
    assert Settings().times.hold == timedelta(seconds=25)


def test_a_file_names_what_differs(tmp_path: Path) -> None:
    """Tables for times and limits, durations with a unit."""
    path = tmp_path / "hub.toml"
    path.write_text(
        'database = "/x/hub.db"\n[times]\nsilent_after = "90s"\nhold = "0.5s"\n[limits]\nbatch = 7\n'
    )
    read = settings.load(path)
    assert (read.database, read.limits.batch) == (Path("/x/hub.db"), 7)
    assert (read.times.silent_after, read.times.hold) == (timedelta(seconds=90), timedelta(milliseconds=500))


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"datbase": "x"}, "datbase is not known; there are database, listen"),
    ({"times": {"hold": 25}}, 'times.hold is a duration with a unit: write "15m"'),
    ({"times": {"hold": "25"}}, "times.hold is a duration"),
    ({"times": "long"}, "times is a table: write [times]"),
    ({"limits": {"batch": 0}}, "limits.batch is a whole number, 1 or more"),
    ({"limits": {"batch": True}}, "limits.batch is a whole number"),
    ({"limits": {"butch": 1}}, "limits.butch is not known"),
    ({"listen": 8443}, 'listen is a text: write listen = "..."'),
    ({"certificate": "/x.pem"}, "certificate and key belong together"),
]


@pytest.mark.parametrize(("table", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_that_says_what_to_write(table: dict[str, Any], sentence: str) -> None:
    """With the file's name, and exit code 2."""
    with pytest.raises(ConfigError) as caught:
        settings.read(table, "hub.toml")
    assert str(caught.value).startswith(f"hub.toml: {sentence}")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"= 1", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    """And one that is not there."""
    path = tmp_path / "hub.toml"
    with pytest.raises(ConfigError, match="can't be read"):
        settings.load(path)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=str(path)):
        settings.load(path)
