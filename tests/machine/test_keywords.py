"""Keywords against random edits, failing and refusing providers, restored databases and kills at every call of store, source and provider.

The invariants, whenever everything has come to rest: each invitation whose location asks for it names one conference, or
none if its provider refused; every other names none; no conference stands that no invitation names; nobody was mailed the same text twice in a row; what was
asked of a provider that can't search was asked once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from connector.errors import Throttled, Transient
from connector.model import Attendee, IntentState, Meeting
from connector.store.memory import MemoryStore
from connector.sync.context import Brake, Context
from tests.fakes.conference import MemoryProvider, terms
from tests.fakes.house import House
from tests.machine.test_connector import Fuse, Fused, Killed

pytestmark = pytest.mark.machine

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
ROOMS = "https://rooms.example.com/"
INVITED = (Attendee("eve@example.com"),)
WORDS = st.sampled_from(["@meet", "@webex", "Room 12", "Room 12 @meet"])


class KeywordMachine(RuleBasedStateMachine):
    """One organiser with a meeting, an appointment and a series."""

    def __init__(self) -> None:
        super().__init__()
        self.fuse = Fuse()
        self.store = MemoryStore()
        self.providers = [MemoryProvider(), MemoryProvider("other")]
        self.house = House(store=self.store, guard=self.fused)
        self.backups: list[MemoryStore] = []
        self.lost: set[str] = set()
        self.refused = False
        self.lives = self.store.epoch()
        self.items: list[str] = []

    def fused(self, context: Context) -> Context:
        providers: dict[str, Any] = {one.name: Fused(one, self.fuse) for one in self.providers}
        sources: dict[str, Any] = {name: Fused(one, self.fuse) for name, one in context.sources.items()}
        store: Any = Fused(context.store, self.fuse)
        rules = replace(context.rules, keywords=replace(terms(*self.providers), providers=providers))
        brake = Brake(floor=100_000, per_mailbox=100_000)
        return replace(context, store=store, sources=sources, rules=rules, brake=brake)

    def survive(self, work: Callable[[], object]) -> None:
        """Do work; a kill in it is followed by a start."""
        try:
            work()
        except Killed:
            self.start()

    def start(self) -> None:
        self.house.engine = self.house.fresh_engine()
        self.survive(lambda: self.house.engine.start(resync=True))

    @initialize(
        untagged=st.sampled_from([False, False, False, True]),
        copies=st.sets(st.sampled_from(["body", "marks"])),
    )
    def begin(self, untagged: bool, copies: set[str]) -> None:
        self.untagged = untagged
        for provider in self.providers:
            provider.tagged = not untagged
        self.mailbox = self.house.activate()
        self.house.streamed.add(self.mailbox.id)
        self.calendar = self.house.source.calendar("ada@example.com")
        self.calendar.copies = frozenset(copies)
        start = self.house.clock() + 8 * 24 * HOUR  # so far ahead that nothing is over at the end
        self.items = [
            self.calendar.add("Meeting", start, start + HOUR),
            self.calendar.add("Appointment", start + 2 * HOUR, start + 3 * HOUR),
            self.calendar.add("Series", start, start + HOUR, start + WEEK, start + 2 * WEEK),
        ]
        for item in (self.items[0], self.items[2]):
            self.calendar.edit(item, attendees=INVITED)
        self.house.run()
        self.back_up()

    # --- people

    which = st.integers(0, 2)

    def there(self, which: int) -> str | None:
        item = self.items[which]
        return item if item in self.calendar.items and self.calendar.items[item].occurrences else None

    @rule(which=which, location=WORDS)
    def type(self, which: int, location: str) -> None:
        if item := self.there(which):
            self.calendar.edit(item, location=location)

    @rule(number=st.integers(0, 2), location=WORDS)
    def type_into_one_occurrence(self, number: int, location: str) -> None:
        if item := self.there(2):
            starts = sorted(self.calendar.items[item].occurrences)
            self.calendar.edit(item, starts[number % len(starts)], location=location)

    @rule(number=st.integers(0, 2))
    def an_occurrence_loses_its_body(self, number: int) -> None:
        if item := self.there(2):
            starts = sorted(self.calendar.items[item].occurrences)
            with self.forgetting():
                self.calendar.edit(item, starts[number % len(starts)], body="")

    @rule(which=which, hours=st.integers(-3, 3))
    def move(self, which: int, hours: int) -> None:
        if item := self.there(which):
            with self.forgetting():
                self.calendar.move(item, HOUR * hours)
            self.calendar.edit(item, subject=f"Moved by {hours}")

    @precondition(lambda self: len(self.items) == 3)
    @rule(which=which)
    def delete(self, which: int) -> None:
        if item := self.there(which):
            with self.forgetting():
                self.calendar.delete(item)

    @rule(number=st.integers(0, 2))
    def drop_occurrence(self, number: int) -> None:
        if (item := self.there(2)) and len(self.calendar.items[item].occurrences) > 1:
            starts = sorted(self.calendar.items[item].occurrences)
            with self.forgetting():
                self.calendar.drop_occurrence(item, starts[number % len(starts)])

    # --- trouble

    @rule(
        which=st.integers(0, 1),
        fault=st.sampled_from([Transient("timeout"), Throttled("busy", retry_after=timedelta(minutes=2))]),
    )
    def a_provider_fails(self, which: int, fault: Transient) -> None:
        self.providers[which].faults.append(fault)

    @rule(refuses=st.booleans())
    def a_provider_refuses(self, refuses: bool) -> None:
        self.providers[1].refuses = refuses
        self.refused = True

    @rule()
    def the_source_fails(self) -> None:
        self.house.source.faults.append(Transient("timeout"))

    @rule(calls=st.integers(1, 40))
    def kill_soon(self, calls: int) -> None:
        self.fuse.arm(calls)

    @rule()
    def back_up(self) -> None:
        self.backups.append(self.store.clone())

    @rule(number=st.integers(0, 3))
    def restore(self, number: int) -> None:
        if not self.untagged:
            with self.forgetting():
                self.store.restore(self.backups[number % len(self.backups)])
                self.lives += 1
                self.store.raise_epoch(self.lives, self.house.clock())
            self.start()

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """What neither the database nor an invitation tells of any more when this is over, nobody can be asked to end."""
        before = self.known()
        yield
        self.lost |= before - self.known()

    def known(self) -> set[str]:
        """Conferences that the database knows, or an order of which it knows, and those that an invitation names."""
        intents = self.store.intents(self.mailbox.id)
        held = {one.conference.id for one in intents if one.conference}
        tags = {one.order.tag for one in intents if one.order}
        rooms = [one for provider in self.providers for one in provider.standing.items()]
        return self.all_named() | held | {room for room, (tag, _) in rooms if tag in tags}

    @rule()
    def expire(self) -> None:
        self.calendar.expire_cursors()

    # --- the connector

    @rule(minutes=st.sampled_from([0, 0, 1, 5]))
    def work(self, minutes: int) -> None:
        self.survive(partial(self.house.engine.nudge, self.mailbox.id, "stream"))
        self.house.clock.forward(timedelta(minutes=minutes, seconds=3))
        self.survive(self.house.run)

    # --- at rest

    @rule()
    def come_to_rest(self) -> None:
        self.fuse.left = None
        self.house.source.faults.clear()
        for provider in self.providers:
            provider.faults.clear()
        self.house.engine.source_changed(self.house.source.name)
        self.house.engine.nudge(self.mailbox.id, "stream")
        for _ in range(3):
            self.house.forward(timedelta(minutes=20))
        self.all_is_settled()
        self.each_names_one()
        self.none_is_forgotten()
        self.nobody_was_told_twice()

    def all_is_settled(self) -> None:
        assert [one for one in self.store.intents(self.mailbox.id) if one.due is not None] == []

    def each_names_one(self) -> None:
        for meeting in self.shown():
            wanted = self.house.context.rules.keywords.find(meeting.location)
            named = self.named(meeting)
            if wanted is None:
                assert named == set()
            elif not self.uncertain():
                without = not named and self.refused and wanted.action == "other"
                assert without or [room.rpartition("-")[0] for room in named] == [wanted.action]
                assert named <= self.standing()

    def shown(self) -> list[Meeting]:
        """What people see."""
        return [one for item in self.calendar.items.values() for one in item.occurrences.values()]

    def uncertain(self) -> bool:
        """Whether an answer of a provider that can't search was lost: then nothing may be made any more."""
        return any(one.state is IntentState.UNCERTAIN for one in self.store.intents(self.mailbox.id))

    def named(self, meeting: Meeting) -> set[str]:
        rooms = {f"{one.name}-{n + 1}" for one in self.providers for n in range(one.made)}
        return {room for room in rooms if f"{ROOMS}{room}" in meeting.body.split()}

    def none_is_forgotten(self) -> None:
        """Only what neither the database nor an invitation told of any more may stand on."""
        if not self.untagged:
            assert self.standing() - self.all_named() <= self.lost

    def all_named(self) -> set[str]:
        """By what people see, and by a series of which they see exceptions alone."""
        masters = [item.master for item in self.calendar.items.values() if item.master]
        return {room for one in [*masters, *self.shown()] for room in self.named(one)}

    def standing(self) -> set[str]:
        return {room for provider in self.providers for room in provider.standing}

    def nobody_was_told_twice(self) -> None:
        for item in self.items[:2]:
            texts = [text for told, text in self.calendar.told if told == item]
            assert all(before != after for before, after in pairwise(texts))

    def teardown(self) -> None:
        """Every example ends at rest."""
        if self.items:
            self.come_to_rest()


EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "60"))

TestKeywords = KeywordMachine.TestCase
TestKeywords.settings = hypothesis.settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
