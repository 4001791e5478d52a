"""What a step works with: the ports, the rules in force and the clock, gathered once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event

from connector.model import Clock, Mailbox, Meeting, Policy
from connector.model.calendar import JOIN_BUFFER
from connector.seal.base import KeyService
from connector.seal.digest import Digester
from connector.source.base import Source
from connector.store.base import Store
from connector.sync.first_load import FirstLoads
from connector.sync.hints import Hints
from connector.sync.keywords.terms import KeywordTerms
from connector.sync.second_look import SecondLooks
from connector.sync.window import Span


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are looked at.

    ``presence`` is the time in which a change of automatic replies is to be shown; ``slice`` is how much of the window one
    step of a full read covers.
    """

    debounce: timedelta = timedelta(seconds=2)
    sweep: timedelta = timedelta(hours=2)
    poll: timedelta = timedelta(seconds=60)
    presence: timedelta = timedelta(minutes=2)
    slice: timedelta = timedelta(days=13)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about meetings and writes; ``version`` grows when rules or policies change."""

    version: int
    policies: Mapping[str, Policy]
    active: bool = False
    enrich: Callable[[Meeting], Meeting] = field(default=lambda meeting: meeting)
    keywords: KeywordTerms = field(default_factory=KeywordTerms)
    buffers: tuple[timedelta, timedelta] = (JOIN_BUFFER, JOIN_BUFFER)
    """How long before the start and after the end a meeting's Join button is there."""
    absent_by_items: bool = False
    """Whether an appointment shown as out of office counts as an absence."""

    def policy(self, name: str) -> Policy:
        """The policy of that name; one that was taken out of the configuration sends and writes nothing."""
        return self.policies.get(name, Policy(name))


@dataclass(frozen=True, slots=True)
class Brake:
    """How many calendar writes are too many (operating.md, ``writes.brake``).

    ``share`` of the active mailboxes in ``period``, at least ``floor``; and one mailbox's own number an hour.
    """

    share: float = 0.05
    period: timedelta = timedelta(minutes=10)
    floor: int = 50
    per_mailbox: int = 20
    per_mailbox_period: timedelta = timedelta(hours=1)

    def limit(self, active: int) -> int:
        """The number of writes in ``period`` that stops everything."""
        return max(self.floor, int(active * self.share))


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a step may touch. Holds no state of a mailbox, but for hints that may be lost."""

    instance: str
    store: Store
    sources: Mapping[str, Source]
    keys: KeyService
    digests: Digester
    rules: Rules
    clock: Clock
    luck: Callable[[], float]
    confirmed: Event
    """Set while the hub has confirmed this life of the database; no calendar is written before."""
    committed: Callable[[], None]
    """Called after a commit that put something into the outbox."""
    streamed: Callable[[str], bool]
    """Whether a mailbox is watched by a stream, so that the slow sweep is enough."""
    wake: Callable[[str], None] = lambda _mailbox_id: None
    """Called for another mailbox that a commit left something to do for."""
    span: Span = field(default_factory=Span)
    brake: Brake = field(default_factory=Brake)
    pace: Mapping[str, Pace] = field(default_factory=dict)
    first_loads: Mapping[str, FirstLoads] = field(default_factory=dict)
    second_looks: SecondLooks = field(default_factory=SecondLooks)
    hints: Hints = field(default_factory=Hints)
    outbox_limit: int = 100_000
    """With so many envelopes waiting, calendars are read no further: the source keeps the backlog."""

    def source_of(self, mailbox: Mailbox) -> Source:
        """The source a mailbox lives in."""
        return self.sources[mailbox.source]

    def pace_of(self, mailbox: Mailbox) -> Pace:
        """The intervals of its source."""
        return self.pace.get(mailbox.source, Pace())

    def feed_interval(self, mailbox: Mailbox) -> timedelta:
        """How long a mailbox may go without a delta."""
        pace = self.pace_of(mailbox)
        return pace.sweep if self.streamed(mailbox.id) else pace.poll

    def now(self) -> datetime:
        """The time."""
        return self.clock()
