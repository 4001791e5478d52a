"""Requests of many threads ride together: whoever finds the road free takes all that wait along."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition

from connector.errors import Verdict
from connector.relay.carriage import MOST_MESSAGES
from connector.seal.kms_client.session import Ask
from connector.seal.kms_client.transport import away
from connector.seal.kmswire.messages import Answer

Carry = Callable[[Sequence[Ask]], Sequence[Answer | None]]


class _Seat:
    """One request and what became of it."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.settled = False
        self.answer: Answer | None = None
        self.verdict: Verdict | None = None

    def outcome(self) -> Answer:
        if self.verdict is not None:
            raise self.verdict
        if self.answer is None:
            raise away("no answer")
        return self.answer


class Convoy:
    """Calls ``carry`` from one thread at a time, with up to 50 requests; nothing waits for company that has not come yet."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry
        self._road = Condition()
        self._busy = False
        self._waiting: deque[_Seat] = deque()

    def ask(self, ask: Ask) -> Answer:
        """The answer to one request. Raises what ``carry`` raises, and Transient ``key-service-away`` when none came."""
        seat = _Seat(ask)
        with self._road:
            self._waiting.append(seat)
        while not seat.settled:
            riders = self._turn(seat)
            if riders:
                self._ride(riders)
        return seat.outcome()

    def _turn(self, seat: _Seat) -> list[_Seat]:
        """Those to take along, once the road is free; nobody when somebody else has taken us."""
        with self._road:
            self._road.wait_for(lambda: seat.settled or not self._busy)
            if seat.settled:
                return []
            self._busy = True
            return [self._waiting.popleft() for _ in range(min(MOST_MESSAGES, len(self._waiting)))]

    def _ride(self, riders: Sequence[_Seat]) -> None:
        try:
            came = self._carry([seat.ask for seat in riders])
            for seat, answer in zip(riders, came, strict=True):
                seat.answer = answer
        except Verdict as verdict:
            for seat in riders:
                seat.verdict = verdict
        finally:
            with self._road:
                for seat in riders:
                    seat.settled = True
                self._busy = False
                self._road.notify_all()
