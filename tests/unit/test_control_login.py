"""Who logged in, proved by the caller's own entry of /proc."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connector.control import SOCKET, Caller, ControlServer, Verb
from connector.control.client import call
from connector.control.login import NO_LOGIN, Unproven, login_of, own_entry
from connector.control.peer import Peer, caller_of

LOGIN = Path("/proc/self/loginuid")


@contextmanager
def entry_of(path: Path) -> Iterator[int]:
    """A directory, opened."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture
def logged_in() -> int:
    """What the kernel says of this very process."""
    if not LOGIN.exists():
        pytest.skip("the kernel keeps no logins")
    return int(LOGIN.read_text())


def test_our_own_entry_tells_our_login(logged_in: int) -> None:
    """What is read through the descriptor is what the kernel says; nobody's login is None."""
    entry = own_entry()
    assert entry is not None
    try:
        assert login_of(entry, os.getpid()) == (None if logged_in == NO_LOGIN else logged_in)
    finally:
        os.close(entry)


def test_another_process_is_not_believed(logged_in: int) -> None:
    """The entry of a process that is not the peer is refused, however readable it is."""
    with entry_of(Path(f"/proc/{os.getppid()}")) as entry:
        with pytest.raises(Unproven):
            login_of(entry, os.getpid())
        assert caller_of(Peer(os.getpid(), 0, frozenset()), entry).name == "root"


def test_a_made_up_directory_is_not_believed(tmp_path: Path) -> None:
    """Files that look like the kernel's are refused: they are on another file system."""
    (tmp_path / "status").write_text(f"Tgid:\t{os.getpid()}\n")
    (tmp_path / "loginuid").write_text("0")
    with entry_of(tmp_path) as entry, pytest.raises(Unproven):
        login_of(entry, os.getpid())


def test_a_descriptor_that_is_no_directory() -> None:
    """A pipe, and a file of procfs itself, prove nothing."""
    reading, writing = os.pipe()
    os.close(writing)
    with closing(os.fdopen(reading, "rb")), pytest.raises(Unproven):
        login_of(reading, os.getpid())
    with LOGIN.open("rb") as file, pytest.raises(Unproven):
        login_of(file.fileno(), os.getpid())


BOUND_OVER = """
import os, sys
from connector.control.login import Unproven, login_of, own_entry
from pathlib import Path
entry = own_entry()
try:
    print(login_of(entry, os.getpid()))
except Unproven as error:
    print("unproven:", error)
"""


def test_a_login_bound_over_is_not_believed(tmp_path: Path) -> None:
    """Another's loginuid, mounted over one's own, is on another mount and refused."""
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root can mount")
    script = tmp_path / "ask.py"
    script.write_text(BOUND_OVER)
    bound = f'mount --bind /proc/1/loginuid /proc/$$/loginuid && exec {sys.executable} "$0"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", bound, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    if "mount:" in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert done.stdout == "unproven: bound over\n", done.stderr


# --- over a real socket


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Path]:
    """A served socket whose verb says who called."""
    server = ControlServer(tmp_path / SOCKET, {"who": Verb(_who)}, lookup=lambda _: None)
    server.open()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield tmp_path
    server.close()
    thread.join(10)


def _who(caller: Caller) -> str:
    return caller.name


SUDO = """
import sys
from pathlib import Path
Path("/proc/self/loginuid").write_text("65534")
from connector.control.client import call
print(call(Path(sys.argv[1]), "who"))
"""


def test_the_login_behind_sudo_is_named(runtime: Path) -> None:
    """A process of root's that somebody else logged in for is named after that person."""
    if os.geteuid() != 0 or not LOGIN.exists():
        pytest.skip("only root can stand for another's login")
    done = subprocess.run(
        [sys.executable, "-c", SUDO, str(runtime)], capture_output=True, text=True, check=False, timeout=60
    )
    if "Error" in done.stderr:
        pytest.skip("the kernel lets nobody change a login here")
    assert done.stdout.strip() == pwd.getpwuid(65534).pw_name


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_what_came_along_is_closed(runtime: Path) -> None:
    """However many descriptors a caller sends, none stays open in the daemon."""
    call(runtime, "who")
    before = _open_files()
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as connection, Path("/dev/zero").open("rb") as file:
            connection.connect(str(runtime / SOCKET))
            socket.send_fds(connection, [b'{"verb": "who"'], [file.fileno()] * 20)
            socket.send_fds(connection, [b', "arguments": {}}\n'], [file.fileno()] * 20)
            assert b"result" in connection.recv(4096)
    for _ in range(50):  # the thread of the last connection may not have ended yet
        call(runtime, "who")
        if _open_files() <= before + 1:
            return
    pytest.fail(f"{_open_files()} files are open, {before} were before")
