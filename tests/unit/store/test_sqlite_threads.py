"""Workers, sender and status at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from connector.errors import SessionChanged
from connector.model import Commit, Queued
from connector.store.base import Store
from connector.store.memory import MemoryStore
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import NEVER, NOW, add, entry, ids, put, row
from tests.fakes.cipher import FakeCipher

THREADS = 8
STEPS = 25


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = (
        SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
        if request.param == "sqlite"
        else MemoryStore()
    )
    yield made
    made.close()


class _Bustle:
    """Workers, each with its mailbox, beside one sender and somebody who looks at the status."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.together = Barrier(THREADS + 2)
        self.done = Event()

    def run(self) -> list[Queued]:
        """Let all of them work to the end; what was sent, in order."""
        with ThreadPoolExecutor(THREADS + 2) as pool:
            workers = [pool.submit(self._work, f"m{number}") for number in range(THREADS)]
            sender, looker = pool.submit(self._send), pool.submit(self._look)
            try:
                for worker in workers:
                    worker.result(60)
            finally:
                self.done.set()
            looker.result(60)
            return sender.result(60)

    def _work(self, name: str) -> None:
        self.together.wait(30)
        for number in range(STEPS):
            session = self.store.session(name)
            assert session is not None
            events = (put(f"{name}.{number}.a", "k", None, name), put(f"{name}.{number}.b", "", None, name))
            step = Commit(session, rows=(row("k"),), envelopes=events, audit=(entry("step", name),))
            assert self.store.commit(step, NOW).version == session.version + 1

    def _send(self) -> list[Queued]:
        self.together.wait(30)
        sent: list[Queued] = []
        while True:
            ending = self.done.is_set()
            batch = self.store.claim(7, NEVER)
            self.store.release(ids(batch[5:]))
            self.store.acknowledge(ids(batch[:5]))
            sent += batch[:5]
            if ending and not batch:
                return sent

    def _look(self) -> None:
        self.together.wait(30)
        while not self.done.is_set():
            assert len(self.store.sessions()) == THREADS
            assert self.store.outbox().waiting >= 0
            assert self.store.verify_audit() is None


def test_eight_workers_and_a_sender_lose_and_double_nothing(store: Store) -> None:
    """Each number is given once, each event leaves once, each meeting's events leave in order."""
    for number in range(THREADS):
        add(store, f"m{number}")
    sent = _Bustle(store).run()
    assert store.last_sequence() == THREADS * STEPS * 2
    assert store.outbox().waiting == 0
    assert len({one.sequence for one in sent}) == len(sent)
    assert sum(one.envelope.id.endswith(".b") for one in sent) == THREADS * STEPS
    by_meeting = defaultdict(list)
    for one in sent:
        by_meeting[one.envelope.mailbox_id, one.envelope.meeting_id].append(one.sequence)
    assert all(sequences == sorted(sequences) for sequences in by_meeting.values())
    assert len(store.audit_rows(limit=10_000)) == THREADS * (STEPS + 1)


def test_of_many_steps_of_one_session_one_wins(store: Store) -> None:
    """Whoever read an older version is told so and writes nothing; every step that was not refused counts."""
    add(store)
    together = Barrier(THREADS)

    def _work(name: str) -> int:
        together.wait(30)
        won = 0
        for number in range(STEPS):
            session = store.session("m1")
            assert session is not None
            try:
                store.commit(Commit(session, envelopes=(put(f"{name}.{number}"),)), NOW)
            except SessionChanged:
                continue
            won += 1
        return won

    with ThreadPoolExecutor(THREADS) as pool:
        won = sum(pool.map(_work, [f"w{number}" for number in range(THREADS)], timeout=60))
    session = store.session("m1")
    assert session is not None
    assert session.version == won == store.outbox().waiting == store.last_sequence()
    assert won >= STEPS


def test_readers_are_reused(tmp_path: Path) -> None:
    """However many threads come and go, there are no more connections than there were readers at once."""
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    for _ in range(20):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(store.epoch).result(30)
    assert len(store._database._idle) == 1
    store.close()
