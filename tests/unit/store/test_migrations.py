"""Numbered layouts, each in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import StoreError
from connector.store.migrations import APPLICATION_ID, Migration, migrate, migrations
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import NOW, add
from tests.fakes.cipher import FakeCipher

ONE = Migration(1, "CREATE TABLE a (x)")
TWO = Migration(2, "CREATE TABLE b (x); INSERT INTO b VALUES (1); INSERT INTO a SELECT x FROM b")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    yield connection
    connection.close()


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def test_the_shipped_layouts_are_found() -> None:
    """The SQL files are packaged, numbered from 1 without a gap."""
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))
    assert "CREATE TABLE sessions" in migrations()[0].sql


def test_steps_are_applied_in_order_and_once(connection: sqlite3.Connection) -> None:
    """A new file gets all of them, an older one the rest, a present one none."""
    migrate(connection, "x", (ONE,))
    assert _version(connection) == 1
    migrate(connection, "x", (ONE, TWO))
    migrate(connection, "x", (ONE, TWO))
    assert _version(connection) == 2
    assert connection.execute("SELECT count(*) FROM a").fetchone() == (1,)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_a_step_that_fails_leaves_the_one_before(connection: sqlite3.Connection) -> None:
    """Nothing of the broken step is there, and the next try begins where it stood."""
    broken = Migration(2, "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x", (ONE, broken))
    connection.rollback()
    assert _version(connection) == 1
    migrate(connection, "x", (ONE, TWO))
    assert _version(connection) == 2


def test_a_newer_database_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """The sentence names the file, its layout and ours, and the file stays as it is."""
    path = tmp_path / "connector.db"
    cipher = FakeCipher()
    SqliteStore(path, cipher, lambda: NOW).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError) as refused:
        SqliteStore(path, cipher, lambda: NOW)
    sentence = str(refused.value)
    assert str(path) in sentence
    assert "99" in sentence
    assert f"up to {len(migrations())}" in sentence
    assert "\n" not in sentence


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A SQLite file that is not ours is not written into."""
    path = tmp_path / "connector.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(path, FakeCipher(), lambda: NOW)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    connection.close()


def test_a_refused_database_is_free_for_others(tmp_path: Path) -> None:
    """After a failed opening the lock is given back: the file can be opened once it is mended."""
    path = tmp_path / "connector.db"
    cipher = FakeCipher()
    store = SqliteStore(path, cipher, lambda: NOW)
    add(store)
    store.close()
    for version in (99, len(migrations())):
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        if version == 99:
            with pytest.raises(StoreError):
                SqliteStore(path, cipher, lambda: NOW)
    store = SqliteStore(path, cipher, lambda: NOW)
    assert store.session("m1") is not None
    store.close()
