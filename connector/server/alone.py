"""One server to a database: its lock file, whether somebody holds it, and whom commands act as beside it."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.errors import ConfigError, Problem, UserError

_FLOCK = "hhqqi"
"""struct flock of fcntl(2) on 64-bit Linux: type, whence, start, length, process."""


@contextmanager
def only_one(database: Path, what: str) -> Iterator[None]:
    """Hold the database's lock file. Raises UserError while another ``what`` does, ConfigError where the file can't be made."""
    try:
        held = os.open(lock_path(database), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = Problem(f"The {what}'s database {database} can't be used: {error}")
        raise ConfigError((problem,)) from error
    try:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"Another {what} is running on {database}.") from error
        yield
    finally:
        os.close(held)


def lock_path(database: Path) -> Path:
    """The file that a running server holds locked."""
    return database.with_name(database.name + ".lock")


def is_running(database: Path) -> bool:
    """Whether a server holds the lock of that database. Asks without taking it, which could keep one from starting."""
    try:
        asked = os.open(lock_path(database), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer: int = struct.unpack(_FLOCK, fcntl.fcntl(asked, fcntl.F_GETLK, question))[0]
    finally:
        os.close(asked)
    return answer != fcntl.F_UNLCK


def become_owner(database: Path) -> None:
    """Root takes the database's owner upon itself, so that no file is left that the server can't write to."""
    if os.geteuid() != 0:
        return
    owner = (database if database.exists() else database.parent).stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
