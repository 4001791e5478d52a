"""Where the log goes and what an entry looks like there."""

from __future__ import annotations

import io
import json
import os
import sys
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import pytest
import structlog

from connector.log import configure, journal
from tests.unit.log_bench import Terminal, entries, json_log, untouched


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with untouched():
        yield


class Journald:
    """Takes what would go to the journal."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, message: str, **fields: Any) -> None:
        self.sent.append({"MESSAGE": message, **fields})


@pytest.fixture
def stderr(tmp_path: Path) -> Iterator[TextIO]:
    """A stream with a file behind it, as standard error has."""
    with (tmp_path / "stderr").open("w+") as file:
        yield file


def _named(stream: TextIO) -> dict[str, str]:
    found = os.fstat(stream.fileno())
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def _installed(monkeypatch: pytest.MonkeyPatch, module: types.ModuleType | None) -> None:
    monkeypatch.setitem(sys.modules, "systemd", None if module is None else types.ModuleType("systemd"))
    monkeypatch.setitem(sys.modules, "systemd.journal", module)


def test_json_lines_where_there_is_no_terminal() -> None:
    """Each entry is one JSON object with time in UTC, level, event and fields."""
    stream = json_log()
    structlog.get_logger("x").info("loaded", mailbox="ada@example.com", pages=3)
    (entry,) = entries(stream)
    assert list(entry)[:3] == ["timestamp", "level", "event"]
    assert datetime.fromisoformat(entry.pop("timestamp")).tzinfo == UTC
    assert entry == {"level": "info", "event": "loaded", "mailbox": "ada@example.com", "pages": 3}


def test_level_and_reload() -> None:
    """What is below the level is left out, and a new level holds for loggers made before."""
    log = structlog.get_logger("early")
    first = json_log("warning")
    log.info("quiet")
    log.warning("heard")
    second = json_log("debug")
    log.debug("heard too")
    assert [entry["event"] for entry in entries(first) + entries(second)] == ["heard", "heard too"]


def test_a_traceback_is_a_field() -> None:
    """An exception is one field with the traceback, without local variables."""
    stream = json_log()
    local_value = "in a variable"
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        structlog.get_logger().exception("unexpected")
    (entry,) = entries(stream)
    assert entry["level"] == "error"
    assert "RuntimeError: broken" in entry["exception"]
    assert local_value not in entry["exception"]


def test_colour_on_a_terminal() -> None:
    """A terminal gets a readable line, coloured unless NO_COLOR is set, and no MESSAGE_ID."""
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        stream = Terminal()
        configure("info", stream=stream, environment=environment)
        structlog.get_logger().info("loaded", pages=3, message_id="0" * 32)
        assert "loaded" in stream.getvalue()
        assert "0000" not in stream.getvalue()
        assert ("\x1b[" in stream.getvalue()) == coloured


def test_native_fields_in_the_journal(monkeypatch: pytest.MonkeyPatch, stderr: TextIO) -> None:
    """With JOURNAL_STREAM naming standard error, entries are journal fields, ours behind CC_."""
    journald = Journald()
    module = types.ModuleType("systemd.journal")
    module.send = journald.send  # type: ignore[attr-defined]
    _installed(monkeypatch, module)
    configure("info", stream=stderr, environment=_named(stderr))
    structlog.get_logger().error(
        "it broke", message_id="a" * 32, **{"alarm": 301, "odd-näme": ["x"]}, none=None
    )
    (sent,) = journald.sent
    assert sent == {
        "MESSAGE": 'it broke [alarm=301 odd-näme=["x"]]',
        "PRIORITY": 3,
        "SYSLOG_IDENTIFIER": "calendar-connector",
        "MESSAGE_ID": "a" * 32,
        "CC_ALARM": "301",
        "CC_ODD_N_ME": '["x"]',
    }


def test_every_level_has_its_priority(monkeypatch: pytest.MonkeyPatch, stderr: TextIO) -> None:
    """Levels become the journal's priorities, and a traceback follows the message."""
    journald = Journald()
    module = types.ModuleType("systemd.journal")
    module.send = journald.send  # type: ignore[attr-defined]
    _installed(monkeypatch, module)
    configure("debug", stream=stderr, environment=_named(stderr))
    log = structlog.get_logger()
    for level in journal.PRIORITIES:
        getattr(log, level)("x")
    try:
        raise ValueError("why")
    except ValueError:
        log.exception("y")
    assert [sent["PRIORITY"] for sent in journald.sent] == [2, 3, 4, 6, 7, 3]
    assert journald.sent[-1]["MESSAGE"].startswith("y\nTraceback")


def test_without_the_journal_library(monkeypatch: pytest.MonkeyPatch, stderr: TextIO) -> None:
    """In the journal but without systemd-python, lines carry their priority in front."""
    _installed(monkeypatch, None)
    configure("info", stream=stderr, environment=_named(stderr))
    structlog.get_logger().warning("careful")
    stderr.seek(0)
    line = stderr.read()
    assert line.startswith("<4>{")
    assert json.loads(line[3:])["event"] == "careful"


@pytest.mark.parametrize("value", [None, "", "1:2", "nonsense"])
def test_another_stream_is_not_the_journal(stderr: TextIO, value: str | None) -> None:
    """A JOURNAL_STREAM that names something else, inherited from a login perhaps, is not believed."""
    environment = {} if value is None else {"JOURNAL_STREAM": value}
    assert not journal.is_journal(stderr, environment)
    assert not journal.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})


class Gone(io.StringIO):
    """A stream whose reader went away."""

    def flush(self) -> None:
        raise BrokenPipeError


def test_a_stream_gone_away_does_no_harm() -> None:
    """When nobody reads the log any more, logging goes on without an error."""
    stream = Gone()
    configure("info", stream=stream, environment={})
    structlog.get_logger().info("into the void")
    structlog.get_logger().info("and again")
    assert len(entries(stream)) == 2
