"""The threads of one appliance: started by name, stopped together; one that dies takes the process along."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from connector.app.appliance import Task


class Crew:
    """Runs tasks until ``stop`` is set. ``failure`` is the exception of the first thread that died."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self.failure: BaseException | None = None
        self._threads: list[threading.Thread] = []
        self._on_failure = on_failure
        self._log = structlog.get_logger(__name__)

    def start(self, tasks: Sequence[Task]) -> None:
        """One named thread for each task."""
        for task in tasks:
            thread = threading.Thread(target=self._run, args=(task,), name=task.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, seconds: float) -> tuple[str, ...]:
        """Wait for all of them, at most so long together; the names of those still at work."""
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return tuple(thread.name for thread in self._threads if thread.is_alive())

    def _run(self, task: Task) -> None:
        try:
            task.run(self.stop)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the process must not go on without this thread
            self._fail(task.name, error)
            return
        if not self.stop.is_set():
            self._fail(task.name, RuntimeError(f"the thread {task.name} ended by itself"))

    def _fail(self, name: str, error: BaseException) -> None:
        if self.stop.is_set():
            self._log.debug("a thread ended with an error while stopping", thread=name, error=repr(error))
            return
        if self.failure is None:
            self.failure = error
        self._log.debug("a thread died", thread=name, exc_info=error)
        self._on_failure()
