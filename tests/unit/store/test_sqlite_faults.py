"""Damage, a full disk, locks and read-only files: one sentence, nothing lost, and usable again afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from connector.errors import StoreError
from connector.store.base import Store
from connector.store.sqlite import SqliteStore, database
from tests.contract.store_nouns import NOW, add, commit, entry, event, put, row
from tests.fakes.cipher import FakeCipher

BULK = {"text": "x" * 20_000}


def _open(path: Path, patience: float = 15) -> SqliteStore:
    return SqliteStore(path, FakeCipher(bytes(32)), lambda: NOW, patience=timedelta(seconds=patience))


def _commit_bulk(store: Store, number: int) -> None:
    bulk = event(f"e{number}", meeting_id=f"k{number}", data=BULK)
    commit(store, rows=(row(f"k{number}"),), envelopes=(bulk,), audit=(entry("step"),))


def _commit_until_refused(store: Store) -> tuple[int, StoreError]:
    """How many commits were acknowledged before one was refused, and how."""
    for number in range(10_000):
        try:
            _commit_bulk(store, number)
        except StoreError as error:
            return number, error
    pytest.fail("the disk never got full")


def _assert_whole(store: Store, acknowledged: int) -> None:
    session = store.session("m1")
    assert session is not None
    assert session.version == acknowledged
    assert store.count_rows("m1") == acknowledged
    assert store.outbox().waiting == store.last_sequence() == acknowledged
    assert len(store.audit_rows(limit=10_000)) == acknowledged + 1
    assert store.verify_audit() is None


# --- a full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "disk"
    mount.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], check=False)
    if done.returncode:
        pytest.skip("this machine does not let us mount")
    mount.chmod(0o700)
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_loses_nothing_and_heals(small_disk: Path) -> None:
    """Every acknowledged step is there while the disk is full, after a restart, and when there is room again."""
    path = small_disk / "connector.db"
    store = _open(path)
    add(store)
    acknowledged, error = _commit_until_refused(store)
    assert acknowledged > 10
    assert f"The disk that holds the database {path} is full" in str(error)
    _assert_whole(store, acknowledged)
    with pytest.raises(StoreError, match="full"):
        _commit_bulk(store, acknowledged)
    _assert_whole(store, acknowledged)
    subprocess.run(["mount", "-o", "remount,size=30m", str(small_disk)], check=True)
    _commit_bulk(store, acknowledged)
    _assert_whole(store, acknowledged + 1)
    store.close()
    again = _open(path)
    _assert_whole(again, acknowledged + 1)
    again.close()


def test_a_disk_that_was_filled_by_others_heals(small_disk: Path) -> None:
    """Also when not one byte is left and the daemon starts anew in the meantime."""
    path = small_disk / "connector.db"
    store = _open(path)
    add(store)
    _commit_bulk(store, 0)
    store.close()
    filler = small_disk / "filler"
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={filler}", "status=none"], check=False, stderr=subprocess.DEVNULL
    )
    assert shutil.disk_usage(small_disk).free == 0
    with pytest.raises(StoreError) as refused:
        _open(path)
    assert "\n" not in str(refused.value)
    filler.unlink()
    store = _open(path)
    _assert_whole(store, 1)
    store.close()


def test_a_full_database_loses_nothing_and_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where no disk can be mounted: SQLite's own bound on pages stands for the disk's end."""
    path = tmp_path / "connector.db"
    pragmas = database._PRAGMAS
    monkeypatch.setattr(database, "_PRAGMAS", (*pragmas, "PRAGMA max_page_count = 200"))
    store = _open(path)
    add(store)
    acknowledged, error = _commit_until_refused(store)
    assert acknowledged > 10
    assert "is full" in str(error)
    _assert_whole(store, acknowledged)
    monkeypatch.setattr(database, "_PRAGMAS", (*pragmas, "PRAGMA max_page_count = 10000"))
    _commit_bulk(store, acknowledged)
    _assert_whole(store, acknowledged + 1)
    store.close()


# --- damage


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """One sentence naming the file; nothing of it is overwritten."""
    path = tmp_path / "connector.db"
    path.write_bytes(b"These are notes, not a database. " * 200)
    path.chmod(0o600)
    with pytest.raises(StoreError, match=f"{path} is damaged: restore it"):
        _open(path)
    assert path.read_bytes().startswith(b"These are notes")


def test_a_damaged_beginning_is_found_at_the_start(tmp_path: Path) -> None:
    """A database whose pages are garbage does not open, and its lock is given back."""
    path = tmp_path / "connector.db"
    _open(path).close()
    _scribble(path, first_page=1)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            _open(path)


def test_damage_of_one_table_is_told_when_it_is_met(tmp_path: Path) -> None:
    """Verbs that don't touch the damaged pages go on, those that do say so each time."""
    path = tmp_path / "connector.db"
    store = _open(path)
    add(store)
    commit(store, rows=(row("k"),))
    store.close()
    with sqlite3.connect(path) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'meetings'").fetchone()
    connection.close()
    _scribble(path, root - 1, count=1)
    store = _open(path)
    for _ in range(2):
        with pytest.raises(StoreError, match="damaged"):
            store.rows_of_series("m1", ["series-k"])
        with pytest.raises(StoreError, match="damaged"):
            commit(store, rows=(row("k2"),))
        session = store.session("m1")
        assert session is not None
        assert session.version == 1
    store.put_setting("still", "writable")
    store.close()


def _scribble(path: Path, first_page: int, count: int = 1000) -> None:
    with sqlite3.connect(path) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        pages = path.stat().st_size // size
        for page in range(first_page, min(first_page + count, pages)):
            file.seek(page * size)
            file.write(b"\xa5" * size)


def test_a_value_sealed_for_another_row_is_not_believed(tmp_path: Path) -> None:
    """Somebody who can write the file can't pass one setting off as another."""
    path = tmp_path / "connector.db"
    store = _open(path)
    store.put_setting("a", "allowed")
    store.put_setting("b", "refused")
    with store._database.write() as connection:
        connection.execute("UPDATE settings SET sealed = (SELECT sealed FROM settings WHERE name = 'a')")
    assert store.setting("a") == "allowed"
    with pytest.raises(StoreError):
        store.setting("b")
    store.close()


# --- locks, rights


def test_a_lock_that_does_not_come_free_is_one_sentence(tmp_path: Path) -> None:
    """Reading goes on beside it, and writing again afterwards."""
    store = _open(tmp_path / "connector.db", patience=0.05)
    add(store)
    intruder = sqlite3.connect(tmp_path / "connector.db", isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another program"):
        _commit_bulk(store, 0)
    assert store.outbox().waiting == 0
    intruder.execute("ROLLBACK")
    intruder.close()
    _commit_bulk(store, 0)
    _assert_whole(store, 1)
    store.close()


def test_a_writer_that_never_ends_holds_the_others_for_a_while_only(tmp_path: Path) -> None:
    """Threads wait for their turn as long as ``patience``, then they say so."""
    store = _open(tmp_path / "connector.db", patience=0.05)
    inside, leave = Event(), Event()

    def _dawdle() -> None:
        with store._database.write():
            inside.set()
            leave.wait(30)

    dawdler = Thread(target=_dawdle)
    dawdler.start()
    assert inside.wait(30)
    with pytest.raises(StoreError, match="did not come free"):
        store.put_setting("a", "b")
    leave.set()
    dawdler.join()
    store.put_setting("a", "b")
    store.close()


def test_a_read_only_disk_is_one_sentence(small_disk: Path) -> None:
    """The file system was mounted read-only, as after an error of the disk."""
    path = small_disk / "connector.db"
    _open(path).close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="read-only"):
        _open(path)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    _open(path).close()


def test_a_read_only_connection_is_one_sentence(tmp_path: Path) -> None:
    """SQLite's own refusal to write reads the same, and the next connection is a fresh one."""
    store = _open(tmp_path / "connector.db")
    assert store._database._writer is not None
    store._database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="is read-only"):
        store.put_setting("a", "b")
    store.put_setting("a", "b")
    store.close()


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: commit(store, envelopes=(put("e1"),)),
        lambda store: store.audit(entry()),
        lambda store: store.put_setting("a", "b"),
        lambda store: store.claim(1, NOW),
        lambda store: store.raise_epoch(7, NOW),
        lambda store: store.session("m1"),
        lambda store: store.outbox(),
    ],
)
def test_what_sqlite_does_not_explain_is_a_store_error_too(
    tmp_path: Path, verb: Callable[[SqliteStore], object]
) -> None:
    """A layout somebody tampered with ends in StoreError, never in an exception of sqlite3."""
    store = _open(tmp_path / "connector.db")
    add(store)
    with store._database.write() as connection:
        for table in ("life", "sessions", "outbox", "audit", "settings"):
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    with pytest.raises(StoreError, match="report this as a fault"):
        verb(store)
    store.close()
