"""The database finds what it is asked for; it does not read through it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.store.sqlite import SqliteStore, database
from tests.contract.store_nouns import LATER, NEVER, NOW, add, commit, event, ids, put, row
from tests.fakes.cipher import FakeCipher
from tests.unit.store.every_verb import ask_everything, write_everything

# What may be read from its beginning, and why that is little.
HARMLESS = (
    r"SCAN (CONSTANT ROW|life|audit_ends)",  # one row
    r"SCAN json_each VIRTUAL TABLE.*",  # what the verb was asked about
    r"SCAN wanted",
    r"SCAN outbox",  # the claim's walk stops when it has enough (see below)
    r"SCAN audit",  # the purge reads what it deletes and one row more
    r"SCAN (outbox|dead_letters) USING COVERING INDEX \w+",  # counting
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    yield store
    store.close()


def _connections(store: SqliteStore) -> list[sqlite3.Connection]:
    """The writer and the one reader that a single thread needs."""
    store.epoch()
    writer = store._database._writer
    assert writer is not None
    return [writer, *store._database._idle]


def test_no_verb_of_the_daily_work_reads_through_a_table(store: SqliteStore) -> None:
    """Every statement of steps, sender, receiver and status searches by an index."""
    statements: set[str] = set()
    for connection in _connections(store):
        connection.set_trace_callback(statements.add)
    write_everything(store)
    ask_everything(store)
    for connection in _connections(store):
        connection.set_trace_callback(None)
    asked = {text for text in statements if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", text)}
    assert len(asked) > 50
    assert {step for text in asked for step in _scans(store, text)} == set()


def _scans(store: SqliteStore, statement: str) -> Iterator[str]:
    with store._database.read() as connection:
        for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
            detail = step["detail"]
            if detail.startswith("SCAN") and not any(re.fullmatch(one, detail) for one in HARMLESS):
                yield f"{detail} in {statement}"


class _Work:
    """Counts the database's instructions in hundreds: a measure of work that no busy machine disturbs."""

    def __init__(self, store: SqliteStore) -> None:
        self.hundreds = 0
        for connection in _connections(store):
            connection.set_progress_handler(self._count, 100)

    def _count(self) -> int:
        self.hundreds += 1
        return 0


def _work_of_a_claim(store: SqliteStore, waiting: int) -> int:
    """Queue ``waiting`` envelopes of 50 mailboxes, some of them urgent behind a barrier; then the work of one claim."""
    share = waiting // 50
    for number in range(50):
        name = f"m{number}"
        add(store, name)
        later = [put(f"{name}-{n}", mailbox_id=name, starts=LATER) for n in range(share)]
        commit(store, name, envelopes=(put(f"{name}-soon", mailbox_id=name, starts=NOW), *later))
    work = _Work(store)
    claimed = store.claim(100, LATER)
    assert ids(claimed)[:50] == [f"m{number}-soon" for number in range(50)]
    assert len(claimed) == 100
    return work.hundreds


def test_a_claim_costs_the_same_however_much_is_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times the backlog makes a claim no dearer than half as much again."""
    monkeypatch.setattr(database, "_PRAGMAS", (*database._PRAGMAS, "PRAGMA synchronous = OFF"))
    work = []
    for waiting in (2_000, 20_000):
        store = SqliteStore(tmp_path / f"{waiting}.db", FakeCipher(), lambda: NOW)
        work.append(_work_of_a_claim(store, waiting))
        store.close()
    assert work[1] <= 1.5 * work[0]


def test_what_is_in_flight_costs_the_next_claim_little(store: SqliteStore) -> None:
    """A second sender's claim walks past the first one's batch, not through the rest of the outbox."""
    add(store)
    commit(store, envelopes=tuple(put(f"e{number}") for number in range(5000)))
    store.claim(200, NEVER)
    work = _Work(store)
    assert len(store.claim(10, NEVER)) == 10
    assert work.hundreds < 5000 * 10 / 100


def test_questions_about_one_mailbox_do_not_meet_the_others(store: SqliteStore) -> None:
    """The work of a step is that of its own mailbox, with 10,000 rows of others around it."""
    for number in range(20):
        add(store, f"m{number}")
        commit(store, f"m{number}", rows=tuple(row(f"k{n}") for n in range(500 if number else 5)))
    work = _Work(store)
    assert len(store.rows_of_items("m0", ["item-k1", "home-k2"])) == 2
    assert len(store.rows_unseen("m0", 9)) == 5
    assert len(store.rows_between("m0", NOW, LATER)) == 5
    assert work.hundreds < 20


def test_a_new_life_is_a_handful_of_statements(store: SqliteStore) -> None:
    """25,000 mailboxes are put back by one statement, not one by one."""
    for number in range(30):
        add(store, f"m{number}")
    statements: list[str] = []
    for connection in _connections(store):
        connection.set_trace_callback(statements.append)
    commit(store, "m1", envelopes=(event("e1", meeting_id="k"),))
    statements.clear()
    store.raise_epoch(2, NOW)
    assert len([text for text in statements if "sessions" in text]) == 2
    assert all(session.load is not None for session in store.sessions())
