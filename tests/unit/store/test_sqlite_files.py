"""The database file: ours alone, and one process's at a time."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from connector.errors import StoreError
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import NOW, add, commit, put, row
from tests.fakes.cipher import FakeCipher

HOLD = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from connector.store.sqlite import SqliteStore
from tests.fakes.cipher import FakeCipher
store = SqliteStore(Path(sys.argv[1]), FakeCipher(bytes(32)), lambda: datetime.now(UTC))
print("open", flush=True)
time.sleep(100)
"""


def _open(path: Path, key: bytes = bytes(32)) -> SqliteStore:
    return SqliteStore(path, FakeCipher(key), lambda: NOW)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_made_for_the_owner_alone(tmp_path: Path) -> None:
    """Directory 0700, database, log, index and lock 0600, whatever the umask."""
    before = os.umask(0)
    try:
        store = _open(tmp_path / "new" / "connector.db")
        add(store)
        commit(store, rows=(row("k"),), envelopes=(put("e1"),))
        modes = {path.name: _mode(path) for path in (tmp_path / "new").iterdir()}
        store.close()
    finally:
        os.umask(before)
    assert _mode(tmp_path / "new") == 0o700
    names = ("connector.db", "connector.db-wal", "connector.db-shm", "connector.db.lock")
    assert modes == dict.fromkeys(names, 0o600)


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_open_to_others_is_refused(tmp_path: Path, suffix: str, mode: int) -> None:
    """One sentence says which file and what to type."""
    path = tmp_path / "connector.db"
    _open(path).close()
    loose = path.with_name(path.name + suffix)
    loose.touch()
    loose.chmod(mode)
    with pytest.raises(StoreError, match=f"chmod 600 {loose}"):
        _open(path)
    loose.chmod(0o600)
    _open(path).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """Also when we are root and could read it: the daemon could not afterwards."""
    path = tmp_path / "connector.db"
    _open(path).close()
    os.chown(path, 12345, -1)
    with pytest.raises(StoreError, match="belongs to user 12345"):
        _open(path)


def test_only_a_plain_file_is_a_database(tmp_path: Path) -> None:
    """A link or a directory in its place is not followed."""
    _open(tmp_path / "real.db").close()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    (tmp_path / "dir.db").mkdir()
    for name in ("link.db", "dir.db"):
        with pytest.raises(StoreError, match="not a plain file"):
            _open(tmp_path / name)


def test_a_directory_that_can_not_be_made_is_one_sentence(tmp_path: Path) -> None:
    """A file where the directory should be ends in StoreError, not in a traceback of the system."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="can't be opened"):
        _open(tmp_path / "file" / "connector.db")


def test_two_stores_never_share_a_database(tmp_path: Path) -> None:
    """The second is told who has it, also inside one process, and gets it when the first is closed."""
    path = tmp_path / "connector.db"
    first = _open(path)
    with pytest.raises(StoreError, match=f"is in use by process {os.getpid()}"):
        _open(path)
    first.close()
    first.close()
    _open(path).close()


def test_another_process_is_named_and_its_death_frees_the_database(tmp_path: Path) -> None:
    """The lock is the kernel's: kill -9 leaves none behind."""
    path = tmp_path / "connector.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"open\n"
            with pytest.raises(StoreError, match=f"in use by process {holder.pid}\\."):
                _open(path)
        finally:
            holder.send_signal(signal.SIGKILL)
        holder.wait()
        _open(path).close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Using it after ``close`` is StoreError for reading and for writing."""
    store = _open(tmp_path / "connector.db")
    store.close()
    for verb in (store.epoch, store.release_all, store.sessions):
        with pytest.raises(StoreError, match="was closed"):
            verb()
