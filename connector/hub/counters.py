"""What waits between a key service and its clients while it travels; in memory alone."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.hub.problems import unavailable
from connector.relay import carriage, strict
from connector.relay.carriage import Round

MOST_WAITING = 1000
"""Requests that wait at one key service's counter."""

MOST_BYTES = 64 * 1024 * 1024
"""Characters of them, together."""

BACK_SECONDS = 5
"""A key service that was answered is expected back so soon, or after the longest hold when it was given work."""


@dataclass(slots=True)
class Counter:
    """What waits between one key service and its clients."""

    static: Mapping[str, Any] | None = None
    waiting: OrderedDict[str, Round] = field(default_factory=OrderedDict)
    taken: dict[str, Round] = field(default_factory=dict)
    answered: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lines: int = field(default=0, compare=False)
    expected_until: float = field(default=0.0, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)

    @property
    def connected(self) -> bool:
        """Whether the key service has a line open, or is at work on what it was given."""
        return self.lines > 0 or self.clock() < self.expected_until

    @contextmanager
    def line(self) -> Iterator[None]:
        """A line is open as long as the block."""
        self.lines += 1
        try:
            yield
        finally:
            self.lines -= 1

    def expect(self, given: list[Round]) -> None:
        """It was answered, and comes back when it has done what it was given."""
        self.expected_until = self.clock() + (carriage.HOLD_SECONDS if given else BACK_SECONDS)

    def put(self, messages: tuple[str, ...]) -> str:
        """A client's messages; their id. Raises Refusal 503 when too much waits."""
        size = sum(map(len, messages)) + sum(len(one) for round_ in self._open() for one in round_.messages)
        if len(self.waiting) + len(self.taken) >= MOST_WAITING or size > MOST_BYTES:
            raise unavailable(1)
        round_ = Round(secrets.token_hex(12), messages)
        self.waiting[round_.id] = round_
        return round_.id

    def take(self) -> list[Round]:
        """The oldest that wait, for the key service, within the size of one answer."""
        taken: list[Round] = []
        size = 0
        while self.waiting and len(taken) < carriage.MOST_ROUNDS:
            size += sum(map(len, next(iter(self.waiting.values())).messages))
            if taken and size > strict.MAX_BODY // 2:
                break
            _, round_ = self.waiting.popitem(last=False)
            self.taken[round_.id] = round_
            taken.append(round_)
        return taken

    def answer(self, round_: Round) -> None:
        """What came back; for a client that has gone, or of an id that nobody knows, it is dropped."""
        if self.taken.pop(round_.id, None):
            self.answered[round_.id] = round_.messages

    def drop(self, identity: str) -> None:
        """The client waits no more."""
        self.waiting.pop(identity, None)
        self.taken.pop(identity, None)
        self.answered.pop(identity, None)

    def seats(self) -> list[str]:
        """The ids that clients wait for."""
        return [one.id for one in self._open()]

    def _open(self) -> list[Round]:
        return [*self.waiting.values(), *self.taken.values()]
