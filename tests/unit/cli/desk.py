"""Commands as an administrator types them: against a daemon's socket, or alone with the files."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from connector.control import SOCKET, Caller, ControlServer, Verb
from connector.operations.verbs import VERBS
from connector.operations.verbs import Verb as Operation
from tests.unit.app.ground import write
from tests.unit.operations.bureau import Bureau


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)


class Typist:
    """Types commands; ``serve`` puts a daemon behind the socket, with the verbs of a bureau."""

    def __init__(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.root = root
        self.path = write(root)
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        self._server: ControlServer | None = None
        self._thread: threading.Thread | None = None

    def __call__(self, *arguments: str) -> Answer:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        code = main([*arguments, "--config", str(self.path)])
        captured = self._capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    def serve(self, bureau: Bureau, more: Mapping[str, Callable[..., Any]] | None = None) -> None:
        """A daemon runs from now on; ``more`` replaces verbs."""
        verbs = {name: _bound(bureau, operation) for name, operation in VERBS.items()}
        verbs |= {name: _plain(run) for name, run in (more or {}).items()}
        self._server = ControlServer(self.root / "run" / SOCKET, verbs)
        self._server.open()
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()

    def close(self) -> None:
        """The daemon ends."""
        if self._server is not None and self._thread is not None:
            self._server.close()
            self._thread.join(20)


def _bound(bureau: Bureau, operation: Operation) -> Verb:
    def run(caller: Caller, **arguments: Any) -> Any:
        return operation.run(bureau, caller.name, **arguments)

    return Verb(run, read_only=operation.reads)


def _plain(run: Callable[..., Any]) -> Verb:
    def called(_caller: Caller, **arguments: Any) -> Any:
        return run(**arguments)

    return Verb(called)


class Clockwork:
    """Does what the daemon's workers would do, until closed."""

    def __init__(self, bureau: Bureau) -> None:
        self._bureau = bureau
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            with suppress(AssertionError):
                self._bureau.house.run()

    def close(self) -> None:
        """Rest."""
        self._stop.set()
        self._thread.join(20)
