"""Tells another system of every alarm raised and cleared, by an HTTPS POST of JSON each.

Order is kept. A post that fails is tried again a few times, then given up and logged: the alarm itself still stands in
``status`` and in the journal. No mailbox is named, only how many an alarm is about.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import httpx
import structlog

from connector.alarms.board import Alarm, Change

WAITING = 1000
"""Alarms that wait to be posted; more are given up, the oldest first."""
PAUSES = (5.0, 30.0, 120.0)
"""Seconds before each further try."""
LOOK_SECONDS = 0.5
_TIMEOUT = httpx.Timeout(10)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where alarms are posted; ``proxy`` gives the proxy's address with its credential, None for none."""

    url: str = field(repr=False)
    instance: str
    proxy: Callable[[], str | None] = lambda: None


class Webhook:
    """A listener of ``Alarms``; ``run`` posts, in a thread of its own."""

    def __init__(self, receiver: Receiver, pauses: tuple[float, ...] = PAUSES) -> None:
        self._receiver = receiver
        self._pauses = pauses
        self._waiting: queue.Queue[Mapping[str, Any]] = queue.Queue(WAITING)

    def __call__(self, alarm: Alarm, change: Change) -> None:
        """Take it; never waits."""
        message = written(alarm, change, self._receiver.instance)
        while True:
            try:
                self._waiting.put_nowait(message)
            except queue.Full:
                self._given_up(self._waiting.get_nowait(), "too many wait")
            else:
                return

    def run(self, stop: Event) -> None:
        """Post until ``stop``; what waits then is told by the next start, as far as it still stands."""
        while not stop.is_set():
            try:
                message = self._waiting.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            self._post(message, stop)

    def _post(self, message: Mapping[str, Any], stop: Event) -> None:
        problem = ""
        for pause in (0.0, *self._pauses):
            if stop.wait(pause):
                return
            problem = self._tried(message)
            if not problem:
                return
        self._given_up(message, problem)

    def _tried(self, message: Mapping[str, Any]) -> str:
        """Why it was not taken; nothing when it was."""
        try:
            with httpx.Client(
                proxy=self._receiver.proxy(), trust_env=False, timeout=_TIMEOUT, follow_redirects=False
            ) as client:
                status = client.post(self._receiver.url, json=message).status_code
        except (httpx.HTTPError, OSError) as error:
            return type(error).__name__
        return "" if status < 300 else f"HTTP {status}"

    @staticmethod
    def _given_up(message: Mapping[str, Any], problem: str) -> None:
        _log.warning(
            "an alarm was not posted to the webhook",
            alarm=message["number"],
            alarm_state=message["state"],
            why=problem,
        )


def written(alarm: Alarm, change: Change, instance: str) -> dict[str, Any]:
    """What is posted."""
    return {
        "id": alarm.id,
        "state": str(change),
        "instance": instance,
        "number": alarm.kind.number,
        "name": alarm.kind.name,
        "severity": str(alarm.kind.severity),
        "sentence": alarm.sentence,
        "remedy": alarm.remedy,
        "since": alarm.since.isoformat(timespec="seconds"),
        "count": alarm.count,
    }
