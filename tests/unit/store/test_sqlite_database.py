"""How the database is set up, and what it tells of itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.store.migrations import migrations
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import LATER, NOW, add, commit, event, put
from tests.fakes.cipher import FakeCipher

WANTED = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: the log is on the disk before a commit is acknowledged
    "foreign_keys": 1,
    "secure_delete": 1,
    "auto_vacuum": 2,  # INCREMENTAL
    "temp_store": 2,  # MEMORY: no temporary file ever holds a row
    "trusted_schema": 0,
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    yield store
    store.close()


def _settings(connection: sqlite3.Connection) -> dict[str, object]:
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in WANTED}


def test_every_connection_is_set_up_for_safety(store: SqliteStore) -> None:
    """Writer, reader, and the writer that follows after a fault."""
    with store._database.write() as connection:
        assert _settings(connection) == WANTED
    with store._database.read() as connection:
        assert _settings(connection) == WANTED
        assert connection.execute("PRAGMA query_only").fetchone()[0] == 1
    store._database._abandon_writer()
    with store._database.write() as connection:
        assert _settings(connection) == WANTED


def test_space_is_given_back_bit_by_bit(store: SqliteStore) -> None:
    """After a backlog has gone up, housekeeping makes the file smaller, some megabytes at a time."""
    add(store)
    bulk = {"x": "y" * 10_000}
    commit(store, envelopes=tuple(event(f"e{n}", meeting_id=f"k{n}", data=bulk) for n in range(1200)))
    full = store.facts()["bytes"]
    store.acknowledge([f"e{number}" for number in range(1200)])
    sizes = [store.facts()["bytes"]]
    for _ in range(3):
        store.purge(NOW)
        sizes.append(store.facts()["bytes"])
    assert sizes[0] == full
    assert int(sizes[0]) > int(sizes[1]) > int(sizes[2])
    assert int(sizes[3]) * 10 < int(sizes[0])
    assert store.facts()["free_bytes"] == 0


def test_facts_name_file_layout_and_age(tmp_path: Path, store: SqliteStore) -> None:
    """Status shows where the database is, since when, and of which layout."""
    facts = store.facts()
    assert facts["path"] == str(tmp_path / "connector.db")
    assert facts["layout"] == len(migrations())
    assert facts["created_at"] == NOW.isoformat()


def test_the_first_start_is_remembered(tmp_path: Path) -> None:
    """Opening a database again changes neither its age nor its epoch."""
    cipher = FakeCipher()
    path = tmp_path / "again.db"
    first = SqliteStore(path, cipher, lambda: NOW)
    first.raise_epoch(4, NOW)
    add(first)
    commit(first, envelopes=(put("e1"),))
    first.close()
    second = SqliteStore(path, cipher, lambda: LATER)
    assert (second.facts()["created_at"], second.epoch(), second.last_sequence()) == (NOW.isoformat(), 4, 1)
    second.close()
