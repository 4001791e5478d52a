"""Small private files: read within bounds, replaced whole, locked between processes.

Every function turns an OSError into a KeystoreError that names the file and says what to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from connector.errors import KeystoreError

_LOCK_TRIES = 200
_LOCK_PAUSE = 0.05
_UNREADABLE = "can't be read"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom new files belong to."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one state of a file from the next; a replaced file differs even within one clock tick."""

    inode: int
    modified_ns: int
    changed_ns: int
    size: int


def owner_of(directory: Path) -> Owner:
    """The owner of the state directory, who is to own what is written there; makes the directory if needed."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        _fail(directory, "can't be used as state directory", error)
    return Owner(found.st_uid, found.st_gid)


def identity(path: Path) -> Identity | None:
    """What the file is now; None when there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        _fail(path, _UNREADABLE, error)
    return Identity(found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)


def read_private(path: Path, limit: int, *, mode: int | None) -> bytes | None:
    """Read a regular file of at most ``limit`` bytes; None when there is none.

    With ``mode`` (0600, 0400) a file that group or others may touch is refused.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        _fail(path, _UNREADABLE, error)
    try:
        _inspect(path, os.fstat(descriptor), mode)
        data = _read(path, descriptor, limit + 1)
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise KeystoreError(
            f"{path} is larger than {limit} bytes and was not read; it is not what it should be."
        )
    return data


def _read(path: Path, descriptor: int, count: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(count)
    except OSError as error:
        _fail(path, _UNREADABLE, error)


def _inspect(path: Path, found: os.stat_result, mode: int | None) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeystoreError(f"{path} is no regular file; remove it or name another path.")
    if mode is not None and found.st_mode & 0o077:
        raise KeystoreError(f"{path} is open to others than its owner; run: chmod {mode:04o} {path}")


def replace(path: Path, data: bytes, *, mode: int, owner: Owner) -> None:
    """Put ``data`` at ``path``, whole or not at all, and durable on return.

    The caller holds the lock: the temporary name beside the file is always the same, so that a crash leaves at most one.
    """
    fresh = _write_beside(path, data, mode, owner)
    try:
        fresh.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        _fail(path, "can't be written", error)


def create(path: Path, data: bytes, *, mode: int, owner: Owner) -> None:
    """Like replace, but never over a file that is already there."""
    fresh = _write_beside(path, data, mode, owner)
    try:
        os.link(fresh, path)
        fresh.unlink()
        _sync_directory(path.parent)
    except OSError as error:
        _fail(path, "can't be created", error)


def rename(old: Path, new: Path) -> None:
    """Give a durable file another name, durably; whatever had that name is gone."""
    try:
        old.replace(new)
        _sync_directory(new.parent)
    except OSError as error:
        _fail(new, "can't be written", error)


def remove(path: Path) -> None:
    """Make sure that there is no such file, durably."""
    try:
        path.unlink(missing_ok=True)
        _sync_directory(path.parent)
    except OSError as error:
        _fail(path, "can't be removed", error)


def _write_beside(path: Path, data: bytes, mode: int, owner: Owner) -> Path:
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            _hand_over(descriptor, mode, owner)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        _fail(path, "can't be written", error)
    return fresh


def _hand_over(descriptor: int, mode: int, owner: Owner) -> None:
    os.fchmod(descriptor, mode)
    if os.geteuid() == 0:
        os.fchown(descriptor, owner.uid, owner.gid)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path, owner: Owner) -> Iterator[None]:
    """Hold the lock of the file at ``path`` against other processes and threads; given up after 10 s."""
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _fail(lock, "can't be written", error)
    try:
        _hand_over(descriptor, 0o600, owner)
        _acquire(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path) -> None:
    pause = threading.Event()
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(_LOCK_PAUSE)
        else:
            return
    raise KeystoreError(
        f"{path} is being changed by another process that does not come to an end; try again."
    )


def _fail(path: Path, what: str, error: OSError) -> NoReturn:
    if isinstance(error, PermissionError):
        way = "run this as root" if what == _UNREADABLE else "stop the daemon and run this as root"
        raise KeystoreError(f"{path} {what} by {_me()}; {way}: sudo calendar-connector ...") from None
    raise KeystoreError(f"{path} {what}: {error.strerror}.") from None


def _me() -> str:
    try:
        return f"user {pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"user id {os.geteuid()}"
