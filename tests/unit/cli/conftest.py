"""Fixtures of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.desk import Typist
from tests.unit.operations.bureau import Bureau


@pytest.fixture
def typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Typist]:
    """Commands against a configuration of the test's own; no daemon runs until ``serve``."""
    typist = Typist(tmp_path, capsys, monkeypatch)
    yield typist
    typist.close()


@pytest.fixture
def bureau(typed: Typist) -> Bureau:
    """A daemon behind the socket."""
    made = Bureau()
    typed.serve(made)
    return made
