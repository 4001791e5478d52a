"""A server of the lab as a process of its own: it says in one line of JSON on its standard output that it serves."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 15.0


class LabError(Exception):
    """A server of the lab did not start, or refused what it was asked."""


class Server:
    """``python -m MODULE``, at most one process at a time; in a session of its own, as Ctrl-C is for whoever started it."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        return self._process.pid if self._process else 0

    def start(
        self,
        options: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        log: IO[str] | None = None,
    ) -> dict[str, Any]:
        """What it says of itself when it serves; its other words go to ``log``. Raises LabError when it ends instead."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, *options],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            return self._ready(process)
        except BaseException:
            self.stop()
            raise

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """End it by a signal, the hard way when it does not listen; its exit code, None if there was no process."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.send_signal(number)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait(STOP_SECONDS)
        if process.stdout:
            process.stdout.close()
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if there is a process."""
        if self._process:
            self._process.send_signal(number)

    def _ready(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        line = _line_within(process.stdout, START_SECONDS) if process.stdout else ""
        if not line:
            raise LabError(f"{self._module} did not start; exit code {process.poll()}")
        return dict(json.loads(line))


def _line_within(stream: IO[str], seconds: float) -> str:
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        return stream.readline() if selector.select(seconds) else ""
