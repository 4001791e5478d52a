"""Two stores side by side through random lives: SQLite answers whatever the plain dictionaries answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from connector.errors import SessionChanged, StoreError
from connector.model import (
    Commit,
    Envelope,
    EventKind,
    Load,
    Phase,
    Quarantined,
    Queued,
    SealedCommand,
    Session,
    Stage,
)
from connector.store.base import Store
from connector.store.memory import MemoryStore
from connector.store.rows import BARRIERS
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import HOUR, NOW, entry, key, mailbox, row
from tests.fakes.cipher import FakeCipher

MAILBOXES = st.sampled_from(["m1", "m2", "m3"])
MEETINGS = st.sampled_from(["a", "b", "c", "d"])
PHASES = st.sampled_from(Phase)
NUMBERS = st.integers(0, 4)
TIMES = st.integers(-3, 3).map(lambda hours: NOW + hours * HOUR)
KINDS = st.sampled_from([*EventKind, EventKind.MEETING_PUT, EventKind.MEETING_PUT])
ROWS = st.builds(
    lambda meeting, number, start: row(
        meeting, series_key=f"s{number}", home_id=f"h{number}", start=start, end=start + HOUR,
        generation=number, key_uri=f"kms://{number}",
    ),
    MEETINGS, NUMBERS, TIMES,
)  # fmt: skip
LOADS = st.none() | st.builds(
    Load, st.sampled_from(Stage), NUMBERS, st.booleans(), st.none() | TIMES, st.none() | st.just("snap")
)


def few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


class Twins(RuleBasedStateMachine):
    """Each rule uses one verb on both and compares what came of it; the invariants compare the rest."""

    def __init__(self) -> None:
        super().__init__()
        cipher = FakeCipher(bytes(32))
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "connector.db"
        self.cipher = cipher
        self.sqlite = SqliteStore(self.path, cipher, lambda: NOW)
        self.memory = MemoryStore(cipher)
        self.made = 0

    def teardown(self) -> None:
        self.both(lambda store: store.release_all())
        while self.claimed(limit=3, urgent=NOW):
            self.both(lambda store: store.acknowledge([f"e{number}" for number in range(self.made)]))
        assert self.sqlite.outbox().waiting == self.memory.outbox().waiting == 0
        self.sqlite.close()
        self.directory.cleanup()

    def both(self, verb: Callable[[Store], Any]) -> Any:
        """What the verb answers or raises, which has to be the same."""
        answers = []
        for store in (self.sqlite, self.memory):
            try:
                answers.append(verb(store))
            except (StoreError, SessionChanged) as error:
                answers.append((type(error), str(error)))
        assert answers[0] == answers[1]
        return answers[0]

    def fresh(self) -> str:
        self.made += 1
        return f"e{self.made - 1}"

    # --- mailboxes

    @rule(name=MAILBOXES, address=st.sampled_from(["x", "y", "Z"]), phase=PHASES)
    def add_mailbox(self, name: str, address: str, phase: Phase) -> None:
        one = mailbox(name, f"{address}@example.com")
        self.both(lambda store: store.add_mailbox(one, Session(name, phase, NOW), entry("add", name)))

    @rule(name=MAILBOXES, address=st.sampled_from(["x", "Y", "z"]))
    def change_mailbox(self, name: str, address: str) -> None:
        one = mailbox(name, f"{address}@example.com")
        self.both(lambda store: store.change_mailbox(one, entry("change", name)))

    @rule(name=MAILBOXES, phase=PHASES, resume=st.none() | PHASES, load=LOADS, behind=st.integers(0, 1))
    def change_session(
        self, name: str, phase: Phase, resume: Phase | None, load: Load | None, behind: int
    ) -> None:
        session = self.memory.session(name) or Session(name, phase, NOW)
        changed = replace(session, phase=phase, resume=resume, load=load, version=session.version - behind)
        self.both(lambda store: store.change_session(changed, entry("session", name)))

    @rule(name=MAILBOXES, keep=st.booleans())
    def erase_mailbox(self, name: str, keep: bool) -> None:
        self.both(lambda store: store.erase_mailbox(name, entry("erase", name), keep_outbox=keep))

    @rule(ahead=st.integers(-1, 2), now=TIMES)
    def raise_epoch(self, ahead: int, now: datetime) -> None:
        epoch = self.memory.epoch() + ahead
        self.both(lambda store: store.raise_epoch(epoch, now))

    # --- steps

    @rule(
        name=MAILBOXES,
        load=LOADS,
        rows=few(ROWS),
        dropped=few(MEETINGS),
        touched=few(MEETINGS),
        envelopes=few(st.tuples(KINDS, MEETINGS, st.none() | TIMES)),
        bad=few(st.sampled_from(["i1", "i2"])),
        released=few(st.sampled_from(["i1", "i2"])),
        finished=st.none() | st.sampled_from(["c1", "c2"]),
        now=TIMES,
    )
    def commit(
        self,
        name: str,
        load: Load | None,
        envelopes: tuple[tuple[EventKind, str, datetime | None], ...],
        bad: tuple[str, ...],
        now: datetime,
        **parts: Any,
    ) -> None:
        session = self.memory.session(name) or Session(name, Phase.LIVE, NOW)
        made = tuple(
            Envelope(
                self.fresh(), kind, name, {"n": number}, meeting if "meeting" in kind else None,
                key_uri=f"kms://{number}", starts=starts,
            )
            for number, (kind, meeting, starts) in enumerate(envelopes)
        )  # fmt: skip
        step = Commit(
            replace(session, load=load),
            envelopes=made,
            quarantined=tuple(Quarantined(item, "item-corrupt") for item in bad),
            audit=(entry("step", name),),
            **parts,
        )
        self.both(lambda store: store.commit(step, now))

    # --- outbox

    @rule(limit=st.integers(0, 6), urgent=TIMES)
    def claim(self, limit: int, urgent: datetime) -> None:
        self.claimed(limit, urgent)

    def claimed(self, limit: int, urgent: datetime) -> tuple[Queued, ...]:
        """What both hand out, after a look whether anything in it overtakes what it has to follow."""
        before = list(self.memory._state.outbox.values())
        claimed: tuple[Queued, ...] = self.both(lambda store: store.claim(limit, urgent))
        places = {one.sequence: place for place, one in enumerate(claimed)}
        for one in claimed:
            for other in before:
                if _must_precede(other, one):
                    assert places.get(other.sequence, len(claimed)) < places[one.sequence]
        return claimed

    @rule(numbers=few(st.integers(0, 60)))
    def acknowledge(self, numbers: tuple[int, ...]) -> None:
        self.both(lambda store: store.acknowledge([f"e{number}" for number in numbers]))

    @rule(numbers=few(st.integers(0, 60)))
    def release(self, numbers: tuple[int, ...]) -> None:
        self.both(lambda store: store.release([f"e{number}" for number in numbers]))

    @rule(number=st.integers(0, 60), now=TIMES)
    def bury(self, number: int, now: datetime) -> None:
        self.both(lambda store: store.bury(f"e{number}", "hub-refused", now))

    @rule(number=st.integers(0, 60))
    def drop_dead_letter(self, number: int) -> None:
        self.both(lambda store: store.drop_dead_letter(f"e{number}"))

    # --- the rest

    @rule(name=MAILBOXES, command=st.sampled_from(["c1", "c2", "c3"]), at=TIMES)
    def accept(self, name: str, command: str, at: datetime) -> None:
        self.both(lambda store: store.accept([SealedCommand(command, name, "jwe", at)], command))

    @rule(name=MAILBOXES, number=NUMBERS, retired=st.none() | TIMES)
    def put_wrapped_key(self, name: str, number: int, retired: datetime | None) -> None:
        self.both(lambda store: store.put_wrapped_key(key(f"kms://{number}", name, retired_at=retired)))

    @rule(before=TIMES)
    def drop_unused_keys(self, before: datetime) -> None:
        self.both(lambda store: store.drop_unused_keys(before))

    @rule(at=TIMES)
    def audit(self, at: datetime) -> None:
        self.both(lambda store: store.audit(entry("test", at=at)))

    @rule(before=TIMES)
    def purge_audit(self, before: datetime) -> None:
        self.both(lambda store: store.purge_audit(before))

    @rule(days=st.integers(0, 8))
    def purge(self, days: int) -> None:
        self.both(lambda store: store.purge(NOW + timedelta(days=days)))

    @rule()
    def restart(self) -> None:
        self.sqlite.close()
        self.sqlite = SqliteStore(self.path, self.cipher, lambda: NOW)
        self.both(lambda store: store.release_all())

    # --- what has to be equal at any time

    @invariant()
    def the_same_is_remembered(self) -> None:
        self.both(lambda store: (store.epoch(), store.last_sequence(), store.outbox()))
        self.both(lambda store: (store.dead_letters(), store.audit_rows(), store.last_audit()))
        self.both(lambda store: (store.count_mailboxes(), store.count_mailboxes(Phase.LIVE, Phase.PAUSED)))
        self.both(lambda store: {one.id: one for one in store.mailboxes()})
        self.both(lambda store: {one.mailbox_id: one for one in store.sessions()})
        self.both(lambda store: (store.wrapped_keys(), store.downlink_cursor(), store.verify_audit()))
        for name in ("m1", "m2", "m3"):
            self.both(_view_of(name))


def _view_of(name: str) -> Callable[[Store], tuple[object, ...]]:
    """Every question about one mailbox."""
    return lambda store: (
        store.rows_of_series(name, ["s0", "s1", "s2"]),
        store.rows_of_items(name, ["item-a", "h1"]),
        store.rows_unseen(name, 2),
        store.rows_before(name, NOW),
        store.rows_between(name, NOW, NOW + HOUR),
        store.count_rows(name),
        store.quarantine(name),
        store.next_command(name),
        store.count_audit("step", NOW, name),
    )


def _must_precede(one: Queued, other: Queued) -> bool:
    """The rule of the outbox in one line, for every pair."""
    first, second = one.envelope, other.envelope
    if first.mailbox_id != second.mailbox_id or one.sequence >= other.sequence:
        return False
    same = first.meeting_id is not None and first.meeting_id == second.meeting_id
    return same or first.kind in BARRIERS or second.kind in BARRIERS


TestTwins = Twins.TestCase
TestTwins.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
