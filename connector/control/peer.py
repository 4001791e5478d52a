"""Who is at the other end of the socket, and what that person may do.

The kernel says it (SO_PEERCRED and SO_PEERGROUPS, unix(7)), the person does not. The name for the audit trail is the
login behind sudo, which ``connector.control.login`` proves: unlike SUDO_USER nobody but the kernel can set it.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from connector.control.login import Unproven, login_of

ADMINS = "calendar-connector-admin"
VIEWERS = "calendar-connector-view"

_SO_PEERGROUPS = 59
_GROUPS_BYTES = 1024

_ACL = "system.posix_acl_access"
_OWNER, _GROUP, _NAMED_GROUP, _MASK, _OTHERS = 0x01, 0x04, 0x08, 0x10, 0x20
_READ_WRITE = 6
_NOBODY = 0xFFFF_FFFF

GroupId = Callable[[str], int | None]


class Access(IntEnum):
    """How far somebody may go."""

    NONE = 0
    VIEW = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a verb. ``name`` is the login behind sudo, for the audit trail; ``uid`` is the effective one."""

    uid: int
    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Peer:
    """What the kernel says of the other end."""

    pid: int
    uid: int
    gids: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel. Raises OSError when it does not say."""
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
        groups = struct.unpack(f"{len(packed) // 4}I", packed)
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        groups = _many_groups(uid, gid)
    return Peer(pid, uid, frozenset(groups) | {gid})


def _many_groups(uid: int, gid: int) -> tuple[int, ...]:
    """More groups than Python's getsockopt has room for are taken from the user database."""
    try:
        return tuple(os.getgrouplist(pwd.getpwuid(uid).pw_name, gid))
    except KeyError:
        return ()


def caller_of(peer: Peer, entry: int | None) -> Caller:
    """Name the person: by the login that ``entry`` proves, else by the user the process belongs to."""
    return Caller(peer.uid, name_of(_login(peer, entry)), peer.pid)


def _login(peer: Peer, entry: int | None) -> int:
    if entry is None:
        return peer.uid
    try:
        login = login_of(entry, peer.pid)
    except Unproven:
        return peer.uid
    return peer.uid if login is None else login


def name_of(uid: int) -> str:
    """The name of a user number; the number itself for one that has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def group_id(name: str) -> int | None:
    """The number of a group; None when there is no such group here."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def access_of(peer: Peer, service_uid: int, lookup: GroupId = group_id) -> Access:
    """Root, the service itself and administrators may do everything, the help desk may look."""
    if peer.uid in {0, service_uid} or lookup(ADMINS) in peer.gids:
        return Access.FULL
    return Access.VIEW if lookup(VIEWERS) in peer.gids else Access.NONE


def admit_groups(path: Path, lookup: GroupId = group_id) -> bool:
    """Let both groups connect, by an access list (acl(5)) that its owner may set; whether that worked.

    A socket has one group only, and the service user need not be a member of either.
    """
    gids = sorted({gid for name in (ADMINS, VIEWERS) if (gid := lookup(name)) is not None})
    entries = [
        (_OWNER, _READ_WRITE, _NOBODY),
        (_GROUP, _READ_WRITE, _NOBODY),
        *((_NAMED_GROUP, _READ_WRITE, gid) for gid in gids),
        (_MASK, _READ_WRITE, _NOBODY),
        (_OTHERS, 0, _NOBODY),
    ]
    packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    with contextlib.suppress(OSError):
        os.setxattr(path, _ACL, packed)
        return True
    return not gids
