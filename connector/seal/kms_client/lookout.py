"""Looks out for a key service that is away, so that its return ends the waiting, and not somebody's back-off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event

from connector.errors import Transient, Verdict
from connector.seal.kms_client.transport import AWAY, Transport

PAUSE = timedelta(seconds=3)
"""Between two looks at a service that can't be reached; the hub holds each look back until there is something to see."""

LONGEST_PAUSE = timedelta(minutes=1)
"""Between two looks at one that can be reached and will not have us: each of them is a handshake and a row of its audit trail."""


class Lookout:
    """One thread, which sleeps as long as the service answers.

    ``transport`` is the thread's own, ``ping`` asks the service under the common channel and raises Verdict, ``hurry`` ends
    the rest that the channel takes after a failure.
    """

    def __init__(self, transport: Transport, ping: Callable[[], None], hurry: Callable[[], None]) -> None:
        self._transport = transport
        self._ping = ping
        self._hurry = hurry
        self._wanted = Event()
        self._halted = False

    def away(self) -> None:
        """The service did not answer."""
        self._wanted.set()

    def back(self) -> None:
        """It answers again."""
        if not self._halted:
            self._wanted.clear()

    def run(self, stop: Event) -> None:
        """Until ``stop`` is set, or ``halt`` called."""
        pause = PAUSE
        while not stop.is_set():
            self._wanted.wait()
            if self._halted:
                return
            seen = self.look()
            pause = PAUSE if seen in ("", AWAY) else min(pause * 2, LONGEST_PAUSE)
            if seen:
                stop.wait(pause.total_seconds())

    def look(self) -> str:
        """Whether it is back: "", or the code of what stands in the way."""
        try:
            self._transport.static()
            self._hurry()
            self._ping()
        except Transient as verdict:
            return verdict.code
        except Verdict:  # it refuses a ping, so it answers
            self.back()
        return ""

    def halt(self) -> None:
        """Let ``run`` end, in the middle of a look, too."""
        self._halted = True
        self._wanted.set()
        self._transport.close()
