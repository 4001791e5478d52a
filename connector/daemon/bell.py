"""Wakes the main thread, from other threads and from signal handlers."""

from __future__ import annotations

import os
import select


class Bell:
    """Like ``threading.Event``, but without a lock.

    A signal handler runs in the main thread between two of its instructions. If those stand inside ``Event.wait``, which
    holds a lock there, ``Event.set`` in the handler waits for that lock for ever. eventfd(2) needs none.
    """

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def ring(self) -> None:
        """End the present or the next wait."""
        os.eventfd_write(self._fd, 1)

    def wait(self, seconds: float) -> bool:
        """Wait to be rung, at most so long; whether it was. Only for one thread."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if ready:
            os.eventfd_read(self._fd)
        return bool(ready)

    def close(self) -> None:
        """Give the descriptor back; nobody rings any more."""
        os.close(self._fd)
