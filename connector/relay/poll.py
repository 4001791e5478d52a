"""The downlink by long poll, in the shape of RFC 8936 section 2.4 (docs/relay.md section 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from connector.relay.base import Descent

HOLD_SECONDS = 25
"""So long a hub holds an empty answer back; shorter than proxies let a connection idle."""


class Ending(Protocol):
    """Something that says when to stop."""

    def is_set(self) -> bool:
        """Whether it is time."""


def listen(
    ask: Callable[[str], Descent],
    cursor: str,
    stop: Ending,
    accept: Callable[[Descent], None],
    *,
    until: Callable[[], bool],
) -> None:
    """Poll until ``stop``, or until ``until`` holds after an answer. ``ask`` raises verdicts, which end it too.

    Asking with a cursor acknowledges everything up to it, so it is asked only when that is durable.
    """
    while not stop.is_set():
        descent = ask(cursor)
        if descent.commands or descent.nudged or descent.resync or descent.cursor != cursor:
            accept(descent)
            cursor = descent.cursor
        if until():
            return
