"""The files of a database: for us alone, and for one process at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from connector.errors import StoreError
from connector.store.sqlite.faults import store_error

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class ProcessLock:
    """Held from construction to ``release``; the kernel gives it free when the process dies.

    Raises StoreError when another process, or another store of this one, holds it.
    """

    def __init__(self, database: Path) -> None:
        path = database.with_name(database.name + ".lock")
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._handle, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            raise StoreError(f"The database {database} is in use by process {holder}.") from error
        try:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode("ascii"), 0)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give it free; the file stays, so that nobody ever locks a file that is being removed."""
        os.close(self._handle)


def prepare(database: Path) -> ProcessLock:
    """Make the directory (0700) and an empty file (0600) where missing, and lock them for this process.

    Raises StoreError when a file of the database belongs to or is open to anybody else.
    """
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = ProcessLock(database)
    except OSError as error:
        raise store_error(error, str(database)) from error
    try:
        for suffix in ("", "-wal", "-shm"):
            _refuse_shared(database.with_name(database.name + suffix))
        if not database.exists():
            os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        lock.release()
        raise store_error(error, str(database)) from error
    except StoreError:
        lock.release()
        raise
    return lock


def _refuse_shared(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path} is not a plain file; name another one for the database.")
    if found.st_uid != os.geteuid():
        raise StoreError(
            f"{path} belongs to user {found.st_uid}, but calendar-connector runs as {os.geteuid()}:"
            " run it as the owner, or change the owner."
        )
    if found.st_mode & _OTHERS:
        raise StoreError(f"{path} is open to other users: chmod 600 {path}")
