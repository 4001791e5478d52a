"""The life of the process: ready, reloaded, drained, ended, and what each end says."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from connector.app.appliance import Appliance, Task
from connector.config import load
from connector.control import SOCKET
from connector.control.client import call
from connector.daemon import daemon as module
from connector.daemon.daemon import TICK, Daemon, Stopped
from connector.errors import StoreError, Superseded, UserError
from connector.model import AuditEntry, Mailbox, Phase, Session
from connector.notify import Heartbeat
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground, write
from tests.unit.log_bench import untouched

PATIENCE = 30.0


class Manager:
    """The service manager's end of $NOTIFY_SOCKET; keeps all it hears but repeated words."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(PATIENCE)
        self.heard: list[str] = []

    def until(self, word: str) -> str:
        """Listen until a message has that word; the message."""
        while True:
            message = self._socket.recv(65536).decode()
            state = message.split("\n")[0].partition("=")[0]
            if state in {"READY", "RELOADING", "STOPPING"}:
                self.heard.append(state)
            if word in message:
                return message

    def close(self) -> None:
        self._socket.close()


class Process:
    """A daemon run in the main thread, while ``play`` runs in another as soon as it is ready."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.manager = Manager(root / "notify")
        self.ground = ground(root)
        self.daemon: Daemon
        self._trouble: list[BaseException] = []

    def add(self, phase: Phase) -> Mailbox:
        mailbox = Mailbox("m1", "hq", "ada@example.com", "staff", "manual")
        now = self.ground.clock()
        self.ground.store.add_mailbox(mailbox, Session("m1", phase, now), AuditEntry(now, "t", "a"))
        return mailbox

    def run(self, play: Callable[[], None] | None = None) -> None:
        """Until it ends; SIGTERM follows the play."""
        self.daemon = Daemon(self.root / "connector.yaml", self.ground)
        actor = threading.Thread(target=self._act, args=(play or (lambda: None),))
        if play is not None:
            actor.start()
        try:
            self.daemon.run()
        finally:
            if play is not None:
                actor.join(PATIENCE)
        assert self._trouble == []

    def _act(self, play: Callable[[], None]) -> None:
        try:
            self.manager.until("READY=1")
            play()
        except BaseException as error:  # noqa: BLE001 - told in the main thread
            self._trouble.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    def reload(self, more: str = "", *, instead: tuple[str, str] | None = None) -> str:
        """Write the file, send SIGHUP, and wait for what is said of it."""
        write(self.root, more, instead=instead)
        os.kill(os.getpid(), signal.SIGHUP)
        self.manager.until("RELOADING=1")
        return self.manager.until("READY=1")

    def ask(self, verb: str, **arguments: Any) -> Any:
        return call(self.ground.loaded.config.runtime, verb, **arguments)


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    handlers = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    made = Process(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with untouched():
        yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)
    made.manager.close()


def only(monkeypatch: pytest.MonkeyPatch, *tasks: Task) -> None:
    """Let the appliance consist of these threads alone."""
    monkeypatch.setattr(Appliance, "tasks", lambda _self: list(tasks))


def waits(stop: threading.Event) -> None:
    stop.wait()


def raises(error: BaseException) -> Task:
    def run(_: threading.Event) -> None:
        raise error

    return Task("doomed", run)


# --- how it begins and ends


def test_it_is_ready_answers_and_drains(process: Process) -> None:
    """READY when the socket answers, STOPPING before the drain, nothing left behind."""
    seen: dict[str, Any] = {}

    def play() -> None:
        seen.update(process.ask("status"))

    process.run(play)
    process.manager.until("STOPPING=1")
    assert process.manager.heard == ["READY", "STOPPING"]
    assert (seen["running"], seen["instance"]) == (True, "cal-01.example.com")
    assert not (process.ground.loaded.config.runtime / SOCKET).exists()


def test_the_configuration_in_force_stands_in_the_trail(process: Process) -> None:
    """By its digest, once for each that comes into force."""
    rows: list[dict[str, Any]] = []

    def play() -> None:
        process.reload("mode: active\n")
        process.reload("mode: active\n# a comment\n")
        rows.extend(process.ask("audit.list"))

    process.run(play)
    digests = [row["facts"]["digest"] for row in rows if row["action"] == "config.in-force"]
    assert len(digests) == 2
    assert digests[0] == process.ground.loaded.digest


def test_a_dead_thread_ends_the_process(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own exception, after the others were stopped, and the manager told."""
    only(monkeypatch, Task("worker-0", waits), raises(RuntimeError("boom")))
    with pytest.raises(RuntimeError, match="boom"):
        process.run()
    process.manager.until("STOPPING=1")


def test_a_dead_control_thread_ends_it_too(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon nobody can talk to is none."""

    def broken(_: object) -> None:
        raise OSError("accept")

    only(monkeypatch, Task("worker-0", waits))
    monkeypatch.setattr("connector.control.ControlServer.serve", broken)
    with pytest.raises(OSError, match="accept"):
        process.run()


def test_a_newer_copy_ends_this_one_for_good(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with both ways on, and the exit code after which systemd does not restart."""
    only(monkeypatch, raises(Superseded("superseded")))
    with pytest.raises(Stopped) as caught:
        process.run()
    assert caught.value.exit_code == 2
    assert "Another copy of this appliance has taken over" in str(caught.value)
    assert "run --take-over" in str(caught.value)


def test_a_second_daemon_is_refused(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the socket; the first goes on, and a restart of the second would find the same."""
    answers: list[str] = []

    def play() -> None:
        second = Daemon(process.root / "connector.yaml", process.ground)
        second._catch_signals = lambda: None  # type: ignore[method-assign]
        with pytest.raises(Stopped, match="running already") as caught:
            second.run()
        assert caught.value.exit_code == 2
        answers.append(process.ask("status")["instance"])

    process.run(play)
    assert answers == ["cal-01.example.com"]


def test_a_start_that_fails_says_why(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause, not what the clean-up met; the socket is gone."""

    def broken(_: object, *, resync: bool) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr("connector.sync.engine.Engine.start", broken)
    with pytest.raises(StoreError, match="The disk is full"):
        process.run()
    assert not (process.ground.loaded.config.runtime / SOCKET).exists()


@pytest.mark.parametrize(
    ("passing", "code"), [(True, 1), (False, 2)], ids=["trouble of the disk", "newer layout"]
)
def test_what_a_restart_may_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passing: bool, code: int
) -> None:
    """A full disk ends with 1 and is tried again by systemd; a database of a newer version ends with 2, for good."""
    write(tmp_path)

    def failing(_loaded: object) -> None:
        raise StoreError("It can't be used.", passing=passing)

    monkeypatch.setattr(module, "open_ground", failing)
    monkeypatch.setattr("connector.daemon.hardening.give_up_privileges", lambda: None)
    with untouched(), pytest.raises(UserError, match="It can't be used") as ended:
        module.run(write(tmp_path))
    assert ended.value.exit_code == code


def test_a_job_that_fails_ends_it(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job can't handle nobody should go on without."""

    def broken(_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("connector.daemon.jobs.Jobs.look", broken)
    with pytest.raises(RuntimeError, match="boom"):
        process.run()


def test_work_that_does_not_end_is_cut_off(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain has a bound; what was cut off is repeated at the next start."""
    release = threading.Event()

    def stubborn(_: threading.Event) -> None:
        release.wait(PATIENCE)

    only(monkeypatch, Task("stubborn", stubborn))
    monkeypatch.setattr(module, "DRAIN", 0.2)
    process.run(lambda: None)
    assert not release.is_set()
    release.set()


# --- reload


def test_a_reload_swaps_everything(process: Process) -> None:
    """New rules reach the lists: a live mailbox is read anew, although steps go on meanwhile."""
    process.add(Phase.PAUSED)
    store = process.ground.store

    def play() -> None:
        session = store.session("m1")
        assert session is not None
        store.change_session(replace(session, resume=Phase.LIVE))
        process.reload(instead=("staff: {}", "staff: {send: [subject]}"))
        assert process.ask("status")["mode"] == "observe"
        assert process.daemon.appliance.context.rules.policy("staff").send == {"subject"}
        after = store.session("m1")
        assert after is not None
        assert (after.phase, after.resume) == (Phase.PAUSED, None)

    process.run(play)
    assert process.daemon.appliance.context.rules.version == 2


@pytest.mark.parametrize(
    "instead",
    [
        ("workers: 2", "wokers: 2"),
        ('stream: "off"', "ca: /nowhere.pem"),
        ("instance: cal-01", "instance: cal-02"),
    ],
    ids=["misspelt", "no CA file", "needs a restart"],
)
def test_a_reload_that_can_not_be_carried_out_changes_nothing(
    process: Process, instead: tuple[str, str]
) -> None:
    """The old appliance goes on untouched, an alarm stands until a good file is taken over."""

    def play() -> None:
        before = process.daemon.appliance
        assert "the old one is in force" in process.reload(instead=instead)
        assert process.daemon.appliance is before
        assert 504 in [one["number"] for one in process.ask("status")["alarms"]]
        process.reload("mode: active\n")
        assert process.ask("status")["mode"] == "active"
        assert 504 not in [one["number"] for one in process.ask("status")["alarms"]]

    process.run(play)
    assert process.manager.heard == ["READY", "RELOADING", "READY", "RELOADING", "READY"]


def test_a_clock_that_is_set_back_plans_everything_anew(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs and mailboxes would wait until it is as late again; set forward, nothing has to wait."""
    begun: list[Appliance] = []
    again = threading.Event()
    remember = Appliance.remember

    def counted(appliance: Appliance) -> None:
        begun.append(appliance)
        if len(begun) > 1:
            again.set()
        remember(appliance)

    monkeypatch.setattr(Appliance, "remember", counted)
    clock = process.ground.clock
    assert isinstance(clock, ManualClock)

    def play() -> None:
        clock.forward(timedelta(hours=2))
        assert not again.wait(2 * TICK)
        clock.forward(-timedelta(hours=1))
        assert again.wait(PATIENCE)

    process.run(play)
    assert len(begun) == 2


def test_a_new_log_level_needs_no_restart(process: Process) -> None:
    """It is in force with the rest."""
    process.run(lambda: cast("None", process.reload("log: {level: error}\n")))
    assert process.daemon.appliance.ground.loaded.config.log.level == "error"
    assert load(process.root / "connector.yaml").config.log.level == "error"


# --- progress


class Work:
    """A scheduler as the watchdog sees it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.turns = 0
        self.busy = 0
        self.due = clock()

    def next_due(self) -> object:
        return self.due

    def load(self) -> tuple[int, int]:
        return 1, self.busy


class Stub:
    """An appliance that is nothing but its scheduler."""

    def __init__(self, work: Work) -> None:
        self.engine = self
        self.scheduler = work


class Seconds:
    """A monotonic clock moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_finished_steps_count_as_progress(process: Process) -> None:
    """Hours of nothing to do are fine; five minutes with something overdue and no step finished are not."""
    clock, seconds = cast("ManualClock", process.ground.clock), Seconds()
    heart, work = Heartbeat("scheduler", module.STUCK, seconds), Work(clock)
    made = Daemon(process.root / "connector.yaml", process.ground)
    made.appliance = cast("Appliance", Stub(work))
    made._turns = -1

    def after(span: float) -> bool:
        """Whether a beat is overdue, the daemon having looked all the time."""
        for _ in range(10):
            seconds.now += span / 10
            made._beat(heart)
        return heart.late()

    work.due = clock.now.replace(year=2030)
    assert not after(10 * module.STUCK)
    work.due, work.busy = clock(), 2
    assert after(2 * module.STUCK)
    work.turns += 1
    made._beat(heart)
    assert not heart.late()
    process.ground.store.close()
