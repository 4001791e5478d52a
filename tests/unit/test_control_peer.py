"""Who may do what over the control socket."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.control import SOCKET, Access, Caller, ControlServer, Verb
from connector.control.peer import (
    ADMINS,
    VIEWERS,
    Peer,
    access_of,
    admit_groups,
    caller_of,
    group_id,
    peer_of,
)

SERVICE, SOMEBODY = 990, 1000
GROUPS = {ADMINS: 501, VIEWERS: 502}


@pytest.mark.parametrize(
    ("uid", "gids", "access"),
    [
        (0, (), Access.FULL),
        (SERVICE, (), Access.FULL),
        (SOMEBODY, (501,), Access.FULL),
        (SOMEBODY, (501, 502), Access.FULL),
        (SOMEBODY, (502,), Access.VIEW),
        (SOMEBODY, (0, 1000), Access.NONE),
    ],
)
def test_access(uid: int, gids: tuple[int, ...], access: Access) -> None:
    """Root, service and administrators do everything, the help desk looks, others do nothing."""
    assert access_of(Peer(1, uid, frozenset(gids)), SERVICE, GROUPS.get) is access


def test_a_member_of_very_many_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the kernel's list is too long to be fetched the user database is asked."""
    monkeypatch.setattr("connector.control.peer._GROUPS_BYTES", 1)
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        peer = peer_of(one)
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert peer.gids == frozenset(os.getgrouplist(me, os.getegid()))


def test_missing_groups_admit_nobody() -> None:
    """Where the groups do not exist they have no members."""
    assert access_of(Peer(1, SOMEBODY, frozenset({1000})), SERVICE, lambda _: None) is Access.NONE
    assert group_id("no-such-group-here") is None
    assert group_id("root") == 0


def test_the_kernel_says_who() -> None:
    """Process, user and groups of the other end come from the kernel."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        peer = peer_of(one)
    assert (peer.pid, peer.uid) == (os.getpid(), os.geteuid())
    assert peer.gids == frozenset(os.getgroups()) | {os.getegid()}


def test_without_an_entry_it_is_the_user_of_the_process() -> None:
    """A caller that hands nothing over is named by the user the kernel tells."""
    assert caller_of(Peer(77, 0, frozenset()), None) == Caller(0, "root", 77)
    assert caller_of(Peer(77, 3999999999, frozenset()), None).name == "uid 3999999999"


# --- over a real socket, as somebody else

SCRIPT = """
import os
import sys
from pathlib import Path
from connector.control.client import call
from connector.errors import UserError
os.setgroups([int(sys.argv[2])])
os.setgid(65534)
os.setuid(65534)
for verb in ("change", "look", "unknown"):
    try:
        print(call(Path(sys.argv[1]), verb))
    except UserError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def open_to_groups(tmp_path: Path) -> Iterator[Path]:
    """A served socket in a directory anybody may enter, on a file system with access lists."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    runtime = _short_directory(tmp_path)
    verbs = {"change": Verb(lambda _: "changed"), "look": Verb(lambda _: "seen", read_only=True)}
    server = ControlServer(runtime / SOCKET, verbs, lookup=GROUPS.get)
    server.open()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield runtime
    server.close()
    thread.join(10)


def _short_directory(tmp_path: Path) -> Path:
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    probe = tmp_path / "probe"
    probe.touch()
    if not admit_groups(probe, GROUPS.get):
        pytest.skip("the file system keeps no access lists")
    return tmp_path


@pytest.mark.parametrize(
    ("group", "answers"),
    [
        (501, ["changed", "seen", "VerbUnknown"]),
        (502, ["NotPermitted", "seen", "NotPermitted"]),
        (1000, ["NotPermitted"] * 3),
    ],
    ids=["administrator", "help desk", "neither"],
)
def test_as_somebody_else(open_to_groups: Path, group: int, answers: list[str]) -> None:
    """A member of each group, without root, reaches the socket and gets as far as the group may; others nowhere."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(open_to_groups), str(group)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == answers, done.stderr
