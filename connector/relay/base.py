"""What the core asks of the cloud end. Adapters: ``http``, ``memory``. The protocol is docs/relay.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from connector.model import Queued, SealedCommand


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the connector says of itself before anything else.

    ``run`` is random per process start: it tells two live copies of one appliance apart.
    """

    instance: str
    run: str
    epoch: int
    sequence: int
    version: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """What the hub remembers of this connector: the highest (epoch, sequence) it has applied, and its limits."""

    epoch: int
    sequence: int
    max_batch: int
    max_bytes: int

    def knows_more_than(self, greeting: Greeting) -> bool:
        """Whether the hub has seen events that this database never sent: it was restored, or cloned."""
        return (self.epoch, self.sequence) > (greeting.epoch, greeting.sequence)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why one event was not taken. ``stale``: the hub holds something newer than this database knows of."""

    code: str
    retry: bool
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's answer to a batch: acknowledged event ids, and the others with their reasons."""

    acknowledged: tuple[str, ...]
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    max_batch: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Descent:
    """One message of the downlink: sealed commands, unsealed nudges and resyncs (mailbox ids), and the cursor after them."""

    commands: tuple[SealedCommand, ...]
    nudged: tuple[str, ...]
    resync: tuple[str, ...]
    cursor: str


class Cloud(Protocol):
    """The cloud end of the relay, seen from the connector.

    Raises Transient and Throttled, CredentialRefused, and Superseded when another copy of the appliance has greeted since.
    """

    def greet(self, greeting: Greeting) -> Welcome:
        """Introduce this process; from then on older copies are refused."""

    def send(self, batch: Sequence[Queued]) -> Receipt:
        """Deliver events in order. What is in neither part of the receipt counts as not delivered."""

    def listen(self, cursor: str, stop: Event, accept: Callable[[Descent], None]) -> None:
        """Receive commands until ``stop`` or until the connection ends (Transient).

        ``accept`` returns when the descent is durable; only then is it acknowledged to the hub.
        """

    def close(self) -> None:
        """Give up every connection; wakes a blocked ``listen``."""
