"""The control socket, both ends of it over a real socket."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.control import SOCKET, Caller, ControlServer, Verb
from connector.control.client import (
    DaemonNotRunning,
    NotPermitted,
    Refusal,
    VerbUnknown,
    call,
    follow,
)
from connector.control.server import CONNECTIONS
from connector.control.wire import REQUEST_LIMIT
from connector.errors import ConfigError, NotFound, Problem, UserError
from tests.unit.log_bench import heard


@contextmanager
def serving(runtime: Path, verbs: Mapping[str, Verb]) -> Iterator[ControlServer]:
    """A server that answers while the block runs."""
    server = ControlServer(runtime / SOCKET, verbs, lookup=lambda _: None)
    server.open()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
        assert not thread.is_alive()


def echo(caller: Caller, **arguments: Any) -> dict[str, Any]:
    return {"uid": caller.uid, "pid": caller.pid, **arguments}


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a verb may return."""

    at: datetime
    places: frozenset[str]


def test_a_verb_is_called_with_its_arguments(tmp_path: Path) -> None:
    """The verb gets who calls, as the kernel says, and the arguments by name; the result comes back."""
    with serving(tmp_path, {"echo": Verb(echo)}):
        answer = call(tmp_path, "echo", word="så", numbers=[1, 2])
    assert answer == {"uid": os.geteuid(), "pid": os.getpid(), "word": "så", "numbers": [1, 2]}


def test_results_become_json(tmp_path: Path) -> None:
    """Times, durations, paths, sets and dataclasses may be returned as they are."""
    fact = Fact(datetime(2026, 11, 2, tzinfo=UTC), frozenset({"b", "a"}))
    result = {"fact": fact, "for": timedelta(minutes=1), "path": Path("/x")}
    with serving(tmp_path, {"facts": Verb(lambda _: result)}):
        answer = call(tmp_path, "facts")
    assert answer == {
        "fact": {"at": "2026-11-02T00:00:00+00:00", "places": ["a", "b"]},
        "for": 60.0,
        "path": "/x",
    }


def test_followed_answers(tmp_path: Path) -> None:
    """A verb that follows gives one answer after the other, and the end is known as such."""
    with serving(tmp_path, {"count": Verb(lambda _, to: iter(range(to)), follow=True)}):
        assert list(follow(tmp_path, "count", to=3)) == [0, 1, 2]
        assert list(follow(tmp_path, "count", to=0)) == []


def test_a_follower_that_leaves_ends_the_verb(tmp_path: Path) -> None:
    """When the caller has gone, the verb's generator is closed."""
    closed = threading.Event()

    def endless(_: Caller) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    with serving(tmp_path, {"endless": Verb(endless, follow=True)}):
        answers = follow(tmp_path, "endless")
        assert next(answers) == 1
        answers.close()  # type: ignore[attr-defined]
        assert closed.wait(10)


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        (NotFound("There is no such mailbox."), "There is no such mailbox.", 2),
        (UserError("It failed."), "It failed.", 1),
        (ConfigError((Problem("wrong", "f", 3), Problem("too"))), "f:3: wrong\ntoo", 2),
    ],
)
def test_a_sentence_with_its_exit_code(tmp_path: Path, error: UserError, sentence: str, code: int) -> None:
    """What an administrator can mend arrives as it was said, before and within a followed answer."""

    def failing(_: Caller) -> None:
        raise error

    def failing_late(_: Caller) -> Iterator[int]:
        yield 1
        raise error

    with serving(tmp_path, {"fail": Verb(failing), "late": Verb(failing_late, follow=True)}):
        with pytest.raises(Refusal) as caught:
            call(tmp_path, "fail")
        assert (str(caught.value), caught.value.exit_code) == (sentence, code)
        answers = follow(tmp_path, "late")
        assert next(answers) == 1
        with pytest.raises(Refusal) as caught:
            next(answers)
        assert (str(caught.value), caught.value.exit_code) == (sentence, code)


def test_a_fault_is_a_number(tmp_path: Path) -> None:
    """A fault of ours gives the caller an incident number, and the log that number and the traceback."""

    def broken(_: Caller) -> object:
        raise RuntimeError("inner words")

    verbs = {"broken": Verb(broken), "unsayable": Verb(lambda _: object())}
    with heard() as logged, serving(tmp_path, verbs):
        for verb in verbs:
            with pytest.raises(Refusal, match="incident") as caught:
                call(tmp_path, verb)
            assert "inner words" not in str(caught.value)
            incident = next(entry for entry in reversed(logged) if "incident" in entry)
            assert incident["incident"] in str(caught.value)
            assert incident["exc_info"]


def test_arguments_are_not_logged(tmp_path: Path) -> None:
    """A call that changes something is logged by verb and caller, without its arguments; reading is not logged."""
    verbs = {"set": Verb(echo), "look": Verb(echo, read_only=True)}
    with heard() as logged, serving(tmp_path, verbs):
        call(tmp_path, "set", value="very secret")
        call(tmp_path, "look", value="very secret")
    assert [entry["verb"] for entry in logged] == ["set"]
    assert "very secret" not in str(logged)


def test_an_unknown_verb(tmp_path: Path) -> None:
    """A command of another version is told so, and how to mend it."""
    with serving(tmp_path, {}), pytest.raises(VerbUnknown, match="systemctl restart calendar-connector"):
        call(tmp_path, "new.thing")


def test_arguments_of_another_version(tmp_path: Path) -> None:
    """Arguments that the verb does not take, or that are missing, are a sentence and no fault."""
    with serving(tmp_path, {"count": Verb(lambda _, to: to)}):
        for arguments in ({}, {"to": 1, "more": 2}):
            with pytest.raises(Refusal, match="different versions"):
                call(tmp_path, "count", **arguments)


def test_no_daemon(tmp_path: Path) -> None:
    """Without a socket, and with one that nobody listens at, the daemon is said not to run."""
    with pytest.raises(DaemonNotRunning, match="systemctl start calendar-connector"):
        call(tmp_path, "status")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    with pytest.raises(DaemonNotRunning):
        call(tmp_path, "status")


def test_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed daemon left behind does not stop the next one; its own leavings are removed at the end."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    (tmp_path / "control.sock.new").touch()
    with serving(tmp_path, {"echo": Verb(echo)}):
        assert call(tmp_path, "echo", a=1)["a"] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_second_daemon_is_refused(tmp_path: Path) -> None:
    """A socket that somebody listens at is left alone, and goes on answering."""
    with serving(tmp_path, {"echo": Verb(echo)}):
        with pytest.raises(UserError, match="running already"):
            ControlServer(tmp_path / SOCKET, {}).open()
        assert call(tmp_path, "echo", a=1)["a"] == 1


def test_a_successor_keeps_its_socket(tmp_path: Path) -> None:
    """A daemon that ends late does not remove the socket of the one after it."""
    with serving(tmp_path, {}):
        (tmp_path / SOCKET).unlink()
        (tmp_path / SOCKET).touch()
    assert (tmp_path / SOCKET).exists()


def test_a_runtime_directory_that_can_not_be(tmp_path: Path) -> None:
    """A socket that can't be made is a sentence with its path, a path too long for sockets too."""
    (tmp_path / "file").touch()
    for runtime in (tmp_path / "file", tmp_path / ("x" * 120)):
        with pytest.raises(UserError, match=r"control\.sock can't be made"):
            ControlServer(runtime / SOCKET, {}).open()
    with pytest.raises(UserError, match="can't be reached"):
        call(tmp_path / ("x" * 120), "status")


def test_mode_of_the_socket(tmp_path: Path) -> None:
    """Others than owner and group can't even connect."""
    with serving(tmp_path, {}):
        assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o660


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"x\n",
        b"[]\n",
        b"{}\n",
        b'{"verb": 1}\n',
        b'{"verb": "echo", "arguments": 3}\n',
        b"\xff\n",
        b"[" * 100_000 + b"\n",
    ],
    ids=["empty", "word", "list", "nothing", "number", "no map", "no text", "deep"],
)
def test_what_is_no_request(tmp_path: Path, request_line: bytes) -> None:
    """Anything but a request is refused by a sentence, and the server goes on."""
    with serving(tmp_path, {"echo": Verb(echo)}):
        assert b"bad-request" in _raw(tmp_path, request_line)
        assert call(tmp_path, "echo", a=1)["a"] == 1


def _raw(runtime: Path, data: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(runtime / SOCKET))
        with contextlib.suppress(BrokenPipeError):  # it may hang up before it has heard all of it
            connection.sendall(data)
        return connection.recv(65536)


def test_requests_are_bounded(tmp_path: Path) -> None:
    """A request of more than 1 MB is refused on both sides."""
    with serving(tmp_path, {"echo": Verb(echo)}):
        with pytest.raises(UserError, match="longer than 1 MB"):
            call(tmp_path, "echo", a="x" * REQUEST_LIMIT)
        assert b"longer than 1 MB" in _raw(tmp_path, b"x" * (REQUEST_LIMIT + 65536))


def test_callers_are_bounded(tmp_path: Path) -> None:
    """One caller too many is told to come again, and finds a seat when one is free."""
    go = threading.Event()
    arrived = threading.Semaphore(0)

    def wait(_: Caller) -> bool:
        arrived.release()
        return go.wait(30)

    with serving(tmp_path, {"wait": Verb(wait)}):
        threads = [threading.Thread(target=call, args=(tmp_path, "wait")) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert arrived.acquire(timeout=30)
        with pytest.raises(Refusal, match="try again"):
            call(tmp_path, "wait")
        go.set()
        for thread in threads:
            thread.join(30)


def test_closing_hangs_up(tmp_path: Path) -> None:
    """A caller in the middle of a followed answer hears of the end at once."""
    server_at_work = threading.Event()

    def endless(_: Caller) -> Iterator[str]:
        while True:
            server_at_work.set()
            yield "x" * 10_000

    with serving(tmp_path, {"endless": Verb(endless, follow=True)}) as server:
        answers = follow(tmp_path, "endless")
        next(answers)
        assert server_at_work.wait(10)
        server.close()
        with pytest.raises(UserError, match="ended before"):
            list(answers)


def test_a_mute_daemon(tmp_path: Path) -> None:
    """A daemon that does not answer in time is called busy or stuck."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()
        with pytest.raises(UserError, match=r"within 0\.05 s"):
            call(tmp_path, "status", timeout=0.05)


def test_not_permitted_to_connect(tmp_path: Path) -> None:
    """Who may not open the socket is told which groups may."""
    if os.geteuid() == 0:
        pytest.skip("root may connect anywhere; tests/unit/test_control_peer.py does it as somebody else")
    (tmp_path / SOCKET).touch()
    (tmp_path / SOCKET).chmod(0)
    with pytest.raises(NotPermitted, match="calendar-connector-view"):
        call(tmp_path, "status")
