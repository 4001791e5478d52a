"""Who logged in, proved by the caller's own entry of /proc.

The kernel keeps the login of every process (audit's loginuid, proc(5)); sudo does not change it. The service may not
see other people's processes, so a caller hands over its ``/proc/self`` as an open directory, and the service
believes only what it reads there itself:

- the directory and what is read of it are procfs, on one mount: nothing was bound over them;
- its process is the one that the kernel names as the peer;
- the number is read by a descriptor of our own, so that it is told in our users' numbers, not in those of a user
  namespace the caller may have made.
"""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path

SELF = Path("/proc/self")
NO_LOGIN = 0xFFFF_FFFF
"""What the kernel says of a process that nobody logged in for."""

_PROC_SUPER_MAGIC = 0x9FA0  # statfs(2)
_STATFS_BYTES = 512
_ENTRY_BYTES = 8192
_MOUNT = re.compile(rb"^mnt_id:\s*(\d+)$", re.MULTILINE)
_PROCESS = re.compile(rb"^Tgid:\s*(\d+)$", re.MULTILINE)


class Unproven(Exception):
    """What was handed over is not the caller's entry of /proc."""


def own_entry() -> int | None:
    """This process's entry, opened, to be handed over and closed; None where there is no /proc."""
    with suppress(OSError):
        return os.open(SELF, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return None


def login_of(entry: int, pid: int) -> int | None:
    """The user number of who logged in, told by the entry of process ``pid``; None when nobody did.

    Raises Unproven for anything that is not that entry.
    """
    try:
        mount = _mount_of(entry)
        told = _PROCESS.search(_read(entry, "status", mount))
        if told is None or int(told[1]) != pid:
            raise Unproven("another process's")
        login = int(_read(entry, "loginuid", mount))
    except (OSError, ValueError) as error:
        raise Unproven(type(error).__name__) from None
    return None if login == NO_LOGIN else login


def _read(entry: int, name: str, mount: int) -> bytes:
    found = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=entry)
    try:
        if _mount_of(found) != mount:
            raise Unproven("bound over")
        return os.read(found, _ENTRY_BYTES)
    finally:
        os.close(found)


def _mount_of(descriptor: int) -> int:
    """The number of the mount that a descriptor was opened on. Raises Unproven when that is not procfs."""
    if _file_system(descriptor) != _PROC_SUPER_MAGIC:
        raise Unproven("not of /proc")
    told = _MOUNT.search(Path(f"/proc/self/fdinfo/{descriptor}").read_bytes())
    if told is None:
        raise Unproven("of no mount")
    return int(told[1])


def _file_system(descriptor: int) -> int:
    """``f_type`` of fstatfs(2), its first word; Python has no call for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    told = ctypes.create_string_buffer(_STATFS_BYTES)
    if libc.fstatfs(descriptor, told) != 0:
        raise OSError(ctypes.get_errno(), "fstatfs")
    return ctypes.c_long.from_buffer(told).value
