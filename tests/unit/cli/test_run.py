"""``calendar-connector run``."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.daemon import daemon
from connector.daemon.daemon import Stopped
from connector.errors import KeystoreError
from tests.unit.cli.desk import Answer, Typist


class Ran:
    """Stands for the daemon's life; ends as it is told."""

    def __init__(self, end: Exception | None = None) -> None:
        self.calls: list[tuple[Path, bool]] = []
        self.end = end

    def __call__(self, path: Path, *, take_over: bool = False) -> None:
        self.calls.append((path, take_over))
        if self.end is not None:
            raise self.end


@pytest.mark.parametrize("take_over", [False, True])
def test_it_runs_until_the_end(typed: Typist, monkeypatch: pytest.MonkeyPatch, take_over: bool) -> None:
    """With the configuration named, and code 0 for a planned end."""
    ran = Ran()
    monkeypatch.setattr(daemon, "run", ran)
    assert typed("run", *(["--take-over"] if take_over else [])).code == 0
    assert ran.calls == [(typed.path, take_over)]


@pytest.mark.parametrize("end", [Stopped("another copy has taken over"), KeystoreError("it is damaged")])
def test_what_a_restart_would_not_mend_ends_with_2(
    typed: Typist, monkeypatch: pytest.MonkeyPatch, end: Exception
) -> None:
    """One sentence; systemd is told not to try again (RestartPreventExitStatus=2)."""
    monkeypatch.setattr(daemon, "run", Ran(end))
    assert typed("run") == Answer(2, "", f"{end}\n")


def test_a_fault_ends_with_1(typed: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that systemd starts it again."""
    monkeypatch.setattr(daemon, "run", Ran(RuntimeError("boom")))
    answer = typed("run")
    assert answer.code == 1
    assert "this is a fault of the program (RuntimeError)" in answer.err


def test_a_wrong_configuration_ends_with_2(typed: Typist) -> None:
    """Before anything is opened."""
    typed.path.write_text("version: 2\n")
    answer = typed("run")
    assert (answer.code, answer.out) == (2, "")
    assert "write version: 1" in answer.err
    assert not (typed.root / "state").exists()
