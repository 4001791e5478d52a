"""A house with a front office: the verbs as an administrator calls them, over memory adapters and a running engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connector.config import Config
from connector.errors import NotFound
from connector.model import AuditEntry, ContentKey, Mailbox, Phase, Session
from connector.operations.desk import Desk
from connector.operations.sources import known
from connector.operations.status import Vitals
from connector.operations.verbs import VERBS
from connector.roster.base import RosterUnreadable
from connector.source.memory import MemorySource
from connector.store.base import Store
from connector.sync import gate
from connector.sync.keywords import why
from tests.fakes.clock import ManualClock
from tests.fakes.house import House
from tests.unit.config.texts import loaded

SECTIONS = """\
policies:
  staff: {write: [hub]}
  room: {write: []}
roster: {exclude: [ceo@example.com], max_change: 2%}
"""
ACTOR = "grace"


def config(more: str = "") -> Config:
    return loaded(SECTIONS + more).config


@dataclass
class FakePlace:
    """A roster place whose content is set by the test; None can't be read."""

    name: str = "staff"
    policy: str = "staff"
    named: tuple[str, ...] | None = ()

    def addresses(self) -> tuple[str, ...]:
        if self.named is None:
            raise RosterUnreadable("the place can't be read")
        return self.named


@dataclass
class FakeRedirect:
    """As a source's own record of a pending redirect."""

    __slots__ = ("domain", "host", "seen_at", "target")
    host: str
    target: str
    domain: str
    seen_at: datetime


@dataclass
class FakeRedirects:
    """Pending until allowed."""

    waiting: list[FakeRedirect] = field(default_factory=list)

    def pending(self) -> Sequence[Any]:
        return self.waiting

    def allow(self, host: str) -> bool:
        before = len(self.waiting)
        self.waiting = [one for one in self.waiting if one.host != host]
        return len(self.waiting) < before


class FakeLive:
    """What only a running daemon can do, over the house's engine."""

    def __init__(self, house: House, vitals: Vitals) -> None:
        self.house = house
        self.told = vitals
        self.secrets: list[str] = []

    def vitals(self) -> Vitals:
        return self.told

    def pause_source(self, name: str, until: datetime) -> None:
        self.house.engine.holds.force(name, "source-paused", until)

    def resume_source(self, name: str) -> None:
        self.house.engine.source_changed(name)

    def unsubscribe(self, name: str) -> int:
        return 3

    def release_writes(self) -> bool:
        return gate.release(self.house.context)

    def reader_keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        return self.house.keys.keys(mailbox_id)

    def why(self, mailbox_id: str, subject: str, meeting: str) -> list[dict[str, Any]]:
        mailbox, session = self.house.store.mailbox(mailbox_id), self.house.store.session(mailbox_id)
        assert mailbox
        assert session
        return why.tell(self.house.context, mailbox, session, why.Asked(subject, meeting))

    def secret_changed(self, name: str) -> None:
        self.secrets.append(name)


def healthy(clock: ManualClock, **changed: Any) -> Vitals:
    """Vitals of a daemon that lacks nothing."""
    vitals = Vitals(
        started_at=clock(),
        hub={"up": True, "since": clock().isoformat(), "problem": ""},
        streams=[{"source": "hq", "streams": 1, "streamed": 1, "polled": 0, "broken": {}}],
        holds=[],
        alarms=[],
        workers=16,
        busy=0,
        brake_since=None,
        confirmed=True,
        config_digest="digest",
    )
    return replace(vitals, **changed)


class Bureau:
    """The premises of a running daemon; ``stop()`` makes them those of a command by itself."""

    def __init__(self, more: str = "", store: Store | None = None) -> None:
        self.house = House(source=MemorySource("hq"), store=store)
        self.config = config(more)
        self.staff = FakePlace()
        self.pending = FakeRedirects()
        self.live: FakeLive | None = FakeLive(self.house, healthy(self.house.clock))

    # --- Premises

    def desk(self, actor: str) -> Desk:
        return Desk(self.house.store, self.config, self.house.clock, actor, self.house.engine.changed)

    def places(self) -> Sequence[FakePlace]:
        return [self.staff]

    def redirects(self, source: str) -> FakeRedirects:
        known(self.desk(""), source)
        return self.pending

    # --- what tests do

    def stop(self) -> None:
        self.live = None

    def call(self, verb: str, **arguments: Any) -> Any:
        return VERBS[verb].run(self, ACTOR, **arguments)

    def answer(self, verb: str, *addresses: str, **more: Any) -> dict[str, Any]:
        """The one answer of a verb for one address."""
        (answer,) = self.call(verb, addresses=list(addresses), **more)
        found: dict[str, Any] = answer
        return found

    def active(self, address: str = "ada@example.com") -> Mailbox:
        """An activated mailbox whose first load is done."""
        self.house.source.calendar(address)
        self.call("mailbox.activate", addresses=[address])
        self.house.run()
        return self.mailbox(address)

    def put_in(self, mailbox: Mailbox, phase: Phase, **fields: Any) -> None:
        """Bring a mailbox into a phase as the daemon would."""
        self.house.store.change_session(replace(self.session(mailbox), phase=phase, **fields))
        self.house.engine.changed(mailbox.id)

    def mailbox(self, address: str) -> Mailbox:
        found = self.house.store.find_mailbox(address)
        if found is None:
            raise NotFound(address)
        return found

    def session(self, mailbox: Mailbox) -> Session:
        session = self.house.store.session(mailbox.id)
        assert session is not None
        return session

    def rows(self, action: str) -> list[AuditEntry]:
        """Audit entries of an action."""
        rows = [row.entry for row in self.house.store.audit_rows(0, 10_000)]
        return [entry for entry in rows if entry.action == action]

    def sent(self) -> list[str]:
        """Kinds of what waits for the hub, acknowledged by this look."""
        kinds = self.house.sent()
        store = self.house.store
        store.acknowledge([one.envelope.id for one in store.claim(10_000, self.house.clock())])
        return kinds
