"""A whole connector against random edits, lost nudges, faults, restored databases, a second copy, and kills at every call.

The invariants: whenever everything has come to rest, the hub's list of each mailbox, opened with the keys, equals the
calendar; no event was ever applied twice; each invitation whose location asks for it holds the details of one conference,
every other none; no conference stands that no invitation holds; and no invitee was mailed the same twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from connector.errors import CredentialRefused, Superseded, Throttled, Transient
from connector.model import Attendee, Command, Mailbox, Meeting, Phase, SealedCommand
from connector.relay.memory import Books, MemoryHub
from connector.relay.sender import Identity, Sender
from connector.relay.wire import uuid7
from connector.seal.commands import seal_command
from connector.seal.opening import open_meeting
from connector.source.memory import MemoryCalendar
from connector.store.memory import MemoryStore
from connector.sync.context import Brake, Context
from tests.fakes.conference import MemoryProvider, terms
from tests.fakes.house import House

pytestmark = pytest.mark.machine

ADDRESSES = ("ada@example.com", "bob@example.com")
HOUR = timedelta(hours=1)
ROOMS = "https://rooms.example.com/"
INVITED = (Attendee("eve@example.com"),)


class Killed(BaseException):
    """The process died here; what it had not committed is gone."""


class Fuse:
    """Burns at the n-th call from now, before or after the call took effect."""

    def __init__(self) -> None:
        self.left: int | None = None

    def arm(self, calls: int) -> None:
        self.left = calls

    def tick(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                raise Killed


class Fused:
    """Stands before a port; each call passes the fuse twice."""

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._port, name)
        if not callable(member):
            return member

        def call(*arguments: Any, **named: Any) -> Any:
            self._fuse.tick()
            answer = member(*arguments, **named)
            self._fuse.tick()
            return answer

        return call


class ConnectorMachine(RuleBasedStateMachine):
    """Two mailboxes, one hub."""

    meetings = Bundle("meetings")

    def __init__(self) -> None:
        super().__init__()
        self.fuse = Fuse()
        self.store = MemoryStore()
        self.providers = [MemoryProvider(), MemoryProvider("other")]
        self.went_back = False
        self.hub = MemoryHub(max_batch=3)
        self.house = House(store=self.store, guard=self.fused)
        self.mailboxes: list[Mailbox] = []
        self.backup: MemoryStore | None = None
        self.hub_backup: Books | None = None
        self.orders = 0
        self.start()

    def fused(self, context: Context) -> Context:
        ports = {name: Fused(source, self.fuse) for name, source in context.sources.items()}
        keywords = terms(*self.providers)
        fused: dict[str, Any] = {one.name: Fused(one, self.fuse) for one in self.providers}
        return replace(
            context,
            store=Fused(context.store, self.fuse),
            sources=ports,
            keys=Fused(context.keys, self.fuse),
            rules=replace(context.rules, keywords=replace(keywords, providers=fused)),
            brake=Brake(floor=100_000, per_mailbox=100_000),
            wake=lambda mailbox_id: self.house.engine.wake(mailbox_id, "lent"),
        )

    def start(self) -> None:
        """As after a start of the process: nothing is known but what the store holds."""
        identity = Identity("test.example.com", uuid4().hex, "0")
        cloud: Any = Fused(self.hub.dial(), self.fuse)
        store: Any = Fused(self.store, self.fuse)
        self.sender = Sender(cloud, store, identity, self.house.clock, lambda: 0.5)
        self.house.context = replace(self.house.context, confirmed=self.sender.confirmed)
        self.house.engine = self.house.fresh_engine()
        self.survive(self.sender.begin)
        self.survive(lambda: self.house.engine.start(resync=True))

    def survive(self, work: Callable[[], object]) -> bool:
        """Do work; when the process is killed in it, start anew. Whether it got through."""
        try:
            work()
        except Killed:
            self.start()
            return False
        return True

    # --- people

    @initialize()
    def activate(self) -> None:
        self.mailboxes = [self.house.activate(address) for address in ADDRESSES]

    who = st.sampled_from(ADDRESSES)
    hours = st.integers(-10 * 24, 40 * 24)

    def calendar(self, address: str) -> MemoryCalendar:
        return self.house.source.calendar(address)

    @rule(target=meetings, address=who, hour=hours, repeats=st.integers(0, 3))
    def add(self, address: str, hour: int, repeats: int) -> tuple[str, str]:
        self.orders += 1
        start = self.house.clock() + HOUR * hour
        more = [start + timedelta(days=7 * (n + 1)) for n in range(repeats)]
        item = self.calendar(address).add(f"Meeting {self.orders}", start, start + HOUR, *more)
        if hour % 2:
            self.calendar(address).edit(item, attendees=INVITED)
        return address, item

    @rule(meeting=meetings, hour=hours, single=st.booleans(), data=st.data())
    def move(self, meeting: tuple[str, str], hour: int, single: bool, data: st.DataObject) -> None:
        calendar, item = self.calendar(meeting[0]), meeting[1]
        if item in calendar.items and calendar.items[item].occurrences:
            start = data.draw(st.sampled_from(sorted(calendar.items[item].occurrences)))
            new = self.house.clock() + HOUR * hour
            calendar.edit(item, start, start=new, end=new + HOUR)

    @rule(meeting=meetings)
    def retitle(self, meeting: tuple[str, str]) -> None:
        self.orders += 1
        if meeting[1] in self.calendar(meeting[0]).items:
            self.calendar(meeting[0]).edit(meeting[1], subject=f"Changed {self.orders}")

    @rule(meeting=meetings, data=st.data())
    def drop_occurrence(self, meeting: tuple[str, str], data: st.DataObject) -> None:
        calendar, item = self.calendar(meeting[0]), meeting[1]
        if item in calendar.items and calendar.items[item].occurrences:
            chosen = data.draw(st.sampled_from(sorted(calendar.items[item].occurrences)))
            calendar.drop_occurrence(item, chosen)

    words = st.sampled_from(["@meet", "@webex", "Room 12", "Room 12 @meet"])

    @rule(meeting=meetings, location=words)
    def type_a_keyword(self, meeting: tuple[str, str], location: str) -> None:
        if meeting[1] in self.calendar(meeting[0]).items:
            self.calendar(meeting[0]).edit(meeting[1], location=location)

    @rule(meeting=meetings, location=words, data=st.data())
    def type_into_one_occurrence(self, meeting: tuple[str, str], location: str, data: st.DataObject) -> None:
        calendar, item = self.calendar(meeting[0]), meeting[1]
        if item in calendar.items and len(calendar.items[item].occurrences) > 1:
            chosen = data.draw(st.sampled_from(sorted(calendar.items[item].occurrences)))
            calendar.edit(item, chosen, location=location)

    @rule(meeting=meetings, data=st.data())
    def an_occurrence_loses_its_body(self, meeting: tuple[str, str], data: st.DataObject) -> None:
        calendar, item = self.calendar(meeting[0]), meeting[1]
        if item in calendar.items and len(calendar.items[item].occurrences) > 1:
            chosen = data.draw(st.sampled_from(sorted(calendar.items[item].occurrences)))
            calendar.edit(item, chosen, body="")

    @rule(which=st.integers(0, 1))
    def a_provider_fails(self, which: int) -> None:
        self.providers[which].faults.append(Transient("timeout"))

    @rule(target=meetings, meeting=consumes(meetings))
    def delete(self, meeting: tuple[str, str]) -> object:
        if meeting[1] in self.calendar(meeting[0]).items:
            self.calendar(meeting[0]).delete(meeting[1])
        return multiple()

    # --- the network and the servers

    @rule(address=who, times=st.integers(0, 2))
    def nudge(self, address: str, times: int) -> None:
        """Nudges come, come twice, or don't come at all."""
        for mailbox in self.mailboxes[: ADDRESSES.index(address) + 1]:
            for _ in range(times):
                self.survive(partial(self.house.engine.nudge, mailbox.id, "stream"))

    @rule(address=who)
    def expire(self, address: str) -> None:
        self.calendar(address).expire_cursors()

    @rule(
        fault=st.sampled_from(
            [
                Transient("timeout"),
                Throttled("busy", retry_after=timedelta(minutes=2)),
                CredentialRefused("credential-refused"),
            ]
        )
    )
    def source_fails(self, fault: Transient) -> None:
        self.house.source.faults.append(fault)

    @rule(lost=st.integers(1, 2))
    def answers_get_lost(self, lost: int) -> None:
        self.hub.lose_answers = lost

    @rule(down=st.booleans())
    def hub_goes_down_or_up(self, down: bool) -> None:
        self.hub.verdict = Transient("unreachable") if down else None

    # --- the connector

    @rule(calls=st.integers(1, 60))
    def kill_soon(self, calls: int) -> None:
        self.fuse.arm(calls)

    @rule(turns=st.integers(1, 12))
    def work(self, turns: int) -> None:
        def some() -> None:
            for _ in range(turns):
                self.house.engine.scheduler.run_due()

        self.survive(some)

    @rule(steps=st.integers(1, 4))
    def send(self, steps: int) -> None:
        def some() -> None:
            for _ in range(steps):
                self.sender.step()

        self.survive(some)

    @rule(minutes=st.sampled_from([1, 5, 60, 60 * 26]))
    def time_passes(self, minutes: int) -> None:
        self.house.clock.forward(timedelta(minutes=minutes))

    @rule()
    def back_up(self) -> None:
        self.backup = self.store.clone()

    @rule()
    def restore(self) -> None:
        """The database goes back to an earlier state while the hub does not."""
        if self.backup is not None:
            self.store.restore(self.backup)
            self.went_back = True
            self.start()

    @rule()
    def hub_backs_up(self) -> None:
        self.hub_backup = self.hub.backup()

    @rule()
    def hub_is_restored(self) -> None:
        if self.hub_backup is not None:
            self.hub.restore(self.hub_backup)
            self.hub.applied.clear()

    @rule()
    def a_clone_takes_over(self) -> None:
        """The same database runs twice; the older one finds out and stops, the younger goes on."""
        older = self.sender
        spoke = self.hub.books.run == older._identity.run  # a restored hub may never have heard of it
        self.start()
        self.survive(self.sender.step)
        settled = self.sender.confirmed.is_set() and self.hub.verdict is None and self.fuse.left is None
        if spoke and settled:
            older._store = self.store.clone()  # the copy has a database of its own
            older._greeted = False  # and its connection was cut
            with pytest.raises(Superseded):
                older.step()

    # --- the cloud's client

    @rule(index=st.integers(0, 1), hour=st.integers(1, 200))
    def command(self, index: int, hour: int) -> None:
        """A client makes a meeting; whatever is killed when, it is made once."""
        mailbox = self.mailboxes[index]
        if self.house.phase(mailbox) is not Phase.LIVE:
            return
        self.orders += 1
        start = self.house.clock() + HOUR * hour
        body = {
            "subject": f"Ordered {self.orders}",
            "start": start.isoformat(),
            "end": (start + HOUR).isoformat(),
        }
        order = Command(
            uuid7(start), mailbox.id, "meeting.create", mailbox.address, self.house.clock() + 12 * HOUR, body
        )
        jwe = seal_command(order, self.house.keys.sealing_key(mailbox.id))
        sealed = SealedCommand(order.id, mailbox.id, jwe, self.house.clock())
        for _ in range(2):
            self.survive(lambda: self.store.accept([sealed], str(self.orders)))
            self.survive(lambda: self.house.engine.wake(mailbox.id, "command"))

    # --- at rest

    @rule()
    def come_to_rest(self) -> None:
        self.fuse.left = None
        self.hub.verdict = None
        self.hub.lose_answers = 0
        self.house.source.faults.clear()
        for provider in self.providers:
            provider.faults.clear()
        self.house.engine.source_changed(self.house.source.name)
        for _ in range(4):
            self.house.forward(timedelta(hours=3))
            self.drain()
        for mailbox in self.mailboxes:
            self.compare(mailbox)
        self.no_event_twice()
        self.ordered_once()
        self.decorated_once()
        self.mailed_once()

    def drain(self) -> None:
        for _ in range(500):
            idle = self.sender.step()
            if idle and not self.store.outbox().waiting and self.sender.confirmed.is_set():
                return
            if idle:
                self.house.clock.forward(idle)
        raise AssertionError("the outbox does not drain")

    def compare(self, mailbox: Mailbox) -> None:
        window = self.house.context.span.at(self.house.clock())
        truth = {
            self.house.digests.meeting_id(m.uid, m.original_start): (m.subject, m.start, m.end)
            for m in self.calendar(mailbox.address).within(window)
        }
        shown = {
            meeting_id: self.opened(mailbox, sealed)
            for meeting_id, sealed in self.hub.meetings(mailbox.id).items()
        }
        assert self.house.phase(mailbox) is Phase.LIVE
        assert shown == truth

    def opened(self, mailbox: Mailbox, sealed: Any) -> tuple[str, datetime, datetime]:
        clear = open_meeting(sealed, lambda uri: self.house.keys.opening_key(uri, mailbox.id))
        start, end = (datetime.fromisoformat(clear[name]) for name in ("start", "end"))
        return str(clear["subject"]), start, end

    def no_event_twice(self) -> None:
        ids = [event.id for event in self.hub.applied]
        assert len(ids) == len(set(ids))

    def decorated_once(self) -> None:
        """A database that was set back may have forgotten a conference that was not yet written down anywhere."""
        now, window = self.house.clock(), self.house.context.span.at(self.house.clock())
        find = self.house.context.rules.keywords.find
        for calendar in self.house.source.calendars.values():
            for meeting in calendar.within(window):
                if meeting.end > now:
                    wanted = find(meeting.location)
                    assert self.rooms(meeting) == (1 if wanted else 0), meeting
        if not self.went_back:
            bodies = [
                m.body
                for c in self.house.source.calendars.values()
                for i in c.items.values()
                for m in i.occurrences.values()
            ]
            held = {room for provider in self.providers for room in provider.standing}
            orphans = [room for room in held if not any(f"{ROOMS}{room}" in body for body in bodies)]
            assert orphans == []

    def rooms(self, meeting: Meeting) -> int:
        """How many different conferences its text names."""
        rooms = {
            f"{ROOMS}{provider.name}-{n + 1}" for provider in self.providers for n in range(provider.made)
        }
        words = set(meeting.body.split())
        return len(rooms & words)

    def mailed_once(self) -> None:
        """Whoever is mailed gets something new; an occurrence whose text was lost is told again."""
        for calendar in self.house.source.calendars.values():
            whole = [told for told in calendar.told if "@" not in told[0]]
            for item in {item for item, _ in whole}:
                texts = [text for told, text in whole if told == item]
                assert all(before != after for before, after in pairwise(texts))

    def ordered_once(self) -> None:
        """A meeting made by a command stands once in its calendar, unless its database was set back in between."""
        for calendar in self.house.source.calendars.values():
            made = [m.subject for m in calendar.within(self.house.context.span.at(self.house.clock()))]
            ordered = [subject for subject in made if subject.startswith("Ordered")]
            assert len(ordered) == len(set(ordered))

    def teardown(self) -> None:
        """Every example ends at rest."""
        if self.mailboxes:
            self.come_to_rest()


EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "60"))
"""scripts/test runs some, scripts/test --machine 2000 and more."""

TestConnector = ConnectorMachine.TestCase
TestConnector.settings = hypothesis.settings(
    max_examples=EXAMPLES,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
