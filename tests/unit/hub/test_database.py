"""The hub's file: its own, of one version, with transactions that are whole."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from connector.errors import StoreError, UserError
from connector.hub.database import Database
from connector.server import alone


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that is there."""
    made = tmp_path / "hub.db"
    Database(made).close()
    return made


def test_only_the_owner_reads_it(path: Path) -> None:
    """From the first moment, whatever the umask."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_committed_is_on_disk(path: Path) -> None:
    """WAL with synchronous=FULL: a commit returns after the disk has it."""
    with closing(Database(path)) as database, database.writing() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_block_that_raises_leaves_nothing(path: Path) -> None:
    """And the next one works."""
    with closing(Database(path)) as database:
        with pytest.raises(ZeroDivisionError):
            _insert_and_fail(database)
        with database.writing() as connection:
            connection.execute("INSERT INTO connectors (name) VALUES ('b')")
        with database.reading() as connection:
            assert [row["name"] for row in connection.execute("SELECT name FROM connectors")] == ["b"]


def _insert_and_fail(database: Database) -> None:
    with database.writing() as connection:
        connection.execute("INSERT INTO connectors (name) VALUES ('a')")
        raise ZeroDivisionError


def test_a_reader_sees_one_moment(path: Path) -> None:
    """What is committed meanwhile comes with its next view."""
    with closing(Database(path)) as database:
        with database.reading() as reader:
            counted = "SELECT count(*) FROM connectors"
            assert reader.execute(counted).fetchone()[0] == 0
            with database.writing() as connection:
                connection.execute("INSERT INTO connectors (name) VALUES ('a')")
            assert reader.execute(counted).fetchone()[0] == 0
        with database.reading() as reader:
            assert reader.execute(counted).fetchone()[0] == 1


def test_writers_stand_in_line(path: Path) -> None:
    """Blocks of several threads are one after the other."""
    with closing(Database(path)) as database:
        with database.writing() as connection:
            connection.execute("CREATE TABLE counter (n INTEGER)")
            connection.execute("INSERT INTO counter VALUES (0)")

        def rise() -> None:
            for _ in range(20):
                with database.writing() as connection:
                    n = connection.execute("SELECT n FROM counter").fetchone()[0]
                    connection.execute("UPDATE counter SET n = ?", (n + 1,))

        threads = [threading.Thread(target=rise) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        with database.reading() as connection:
            assert connection.execute("SELECT n FROM counter").fetchone()[0] == 80


def test_a_newer_version_is_not_touched(path: Path) -> None:
    """A sentence says which one to install."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        Database(path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """And a directory that is not there."""
    path = tmp_path / "hub.db"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(StoreError, match=str(path)):
        Database(path)
    with pytest.raises(StoreError, match="nowhere"):
        Database(tmp_path / "nowhere" / "hub.db")


def test_a_restored_older_copy_is_an_older_state(path: Path, tmp_path: Path) -> None:
    """The file alone is the hub: what came after the copy is forgotten."""
    with closing(Database(path)) as database, database.writing() as connection:
        connection.execute("INSERT INTO connectors (name) VALUES ('a')")
    copy = path.read_bytes()
    with closing(Database(path)) as database, database.writing() as connection:
        connection.execute("INSERT INTO connectors (name) VALUES ('b')")
    path.write_bytes(copy)
    with closing(Database(path)) as database, database.reading() as connection:
        assert [row["name"] for row in connection.execute("SELECT name FROM connectors")] == ["a"]


def test_the_lock_says_whether_a_hub_runs(path: Path) -> None:
    """Asking does not take it."""
    assert not alone.is_running(path)
    with alone.only_one(path, "hub"):
        assert alone.lock_path(path).exists()
    with pytest.raises(UserError), alone.only_one(path / "not-a-directory", "hub"):
        pass


def test_a_database_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    """What it holds stays, and what is new is there."""
    old = tmp_path / "hub.db"
    schema = (Path(__file__).resolve().parents[3] / "connector/hub/schema.sql").read_text()
    with closing(sqlite3.connect(old)) as made:
        made.executescript(schema)
        made.executescript("PRAGMA user_version = 1; INSERT INTO connectors (name) VALUES ('a');")
    with closing(Database(old)) as database, database.reading() as connection:
        assert connection.execute("SELECT name FROM connectors").fetchone()[0] == "a"
        assert connection.execute("SELECT count(*) FROM keys").fetchone()[0] == 0
