"""A Debian machine with a booted systemd, on a throw-away layer above a tree; root only.

It is a container of systemd-nspawn with a network namespace of its own. What it writes is gone when it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

BOOT_SECONDS = 180.0
COMMAND_SECONDS = 180.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.05
SAID = 1000
"""So many characters of what a failed command said are shown."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_CGROUPS = Path("/sys/fs/cgroup")
_HIERARCHIES = ("systemd", "unified")
"""Where the older layout of control groups is mounted, each needs a group of its own for the container."""
_CONTROLLERS = ("memory", "pids", "cpu", "cpuacct")
"""There these are hierarchies of their own, which a container gets only when it is to limit its units."""


class MachineError(Exception):
    """The machine did not boot, or a command on it failed."""


class Machine:
    """Use as a context manager. ``root`` is its file system seen from outside; with ``limits`` MemoryMax= holds in it."""

    def __init__(self, name: str, tree: Path, network: str, *, limits: bool = False) -> None:
        self.name = name
        self._hierarchies = (*_HIERARCHIES, *_CONTROLLERS) if limits and _older_layout() else _HIERARCHIES
        self._tree = tree
        self._network = network
        self._folder = Path(tempfile.mkdtemp(prefix=f"machine-{name}-", dir=_memory()))
        self.root = self._folder / "root"
        self._log = self._folder / "boot.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Self:
        """Lay the layer, boot, and wait until systemd says that it runs."""
        try:
            self._mount()
            self._boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Power it off and leave nothing behind."""
        if self._process is not None:
            _end(self._process)
        _quietly("umount", str(self.root))
        for group in self._groups():
            for below in sorted(group.rglob("*"), reverse=True):
                if below.is_dir():
                    below.rmdir()
            group.rmdir()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _groups(self) -> list[Path]:
        """Its control groups, on hosts of the older layout."""
        mounted = [
            _CGROUPS / name for name in self._hierarchies if (_CGROUPS / name / "cgroup.procs").exists()
        ]
        return [one / self._folder.name for one in mounted if (one / self._folder.name).exists()]

    def _mount(self) -> None:
        upper, work = self._folder / "upper", self._folder / "work"
        for folder in (upper, work, self.root):
            folder.mkdir()
        options = f"lowerdir={self._tree},upperdir={upper},workdir={work}"
        _must("mount", "-t", "overlay", "overlay", "-o", options, str(self.root))
        (self.root / "var/log/journal").mkdir(parents=True, exist_ok=True)

    def _boot(self) -> None:
        for name in self._hierarchies:
            if (_CGROUPS / name / "cgroup.procs").exists():
                (_CGROUPS / name / self._folder.name).mkdir()
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in self._groups())
        boot = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.root}",
            f"--machine={self._folder.name.replace('_', '')}",
            f"--hostname={self.name}",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--console=pipe",
            "--resolv-conf=off",
            f"--network-namespace-path=/run/netns/{self._network}",
            # Without these two systemd can't enforce IPAddressDeny= and says nothing about it.
            "--capability=CAP_BPF,CAP_PERFMON",
            "--system-call-filter=bpf",
        ]
        unified = {} if self._limited() else {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", f'{enter}exec "$@"', "boot", *boot],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": PATH, **unified},
            )
        self._await_boot()
        if self._limited():
            self._hand_over()

    def _limited(self) -> bool:
        return len(self._hierarchies) > len(_HIERARCHIES)

    def _hand_over(self) -> None:
        """The container shows controllers read-only; its systemd is to use them."""
        for name in _CONTROLLERS:
            again = ("mount", "--options", "remount,rw,bind", f"{_CGROUPS}/{name}")
            _must("nsenter", "-t", str(self._leader), "-m", *again)
        self.do("systemctl", "daemon-reexec")

    def _await_boot(self) -> None:
        process = self._process
        ends = time.monotonic() + BOOT_SECONDS
        while process is not None and process.poll() is None and time.monotonic() < ends:
            self._leader = _child_of(process.pid)  # the first one it forks is not the last
            if self._leader:
                state = self.try_("systemctl", "is-system-running").stdout.strip()
                if state in {"running", "degraded"}:
                    return
            time.sleep(LOOK_SECONDS)
        raise MachineError(f"{self.name} did not boot: {self._log.read_text(errors='replace')[-2000:]}")

    # --- work on it

    def try_(
        self, *command: str, stdin: str = "", user: str = "", seconds: float = COMMAND_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root, or as a user with that user's groups, whatever comes of it."""
        inside = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        environment = ["env", "-i", f"PATH={PATH}", "LANG=C.UTF-8", "HOME=/root"]
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", *environment, *inside, *command],
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )

    def do(self, *command: str, stdin: str = "", user: str = "") -> str:
        """Run a command that must work; what it printed. Raises MachineError."""
        done = self.try_(*command, stdin=stdin, user=user)
        if done.returncode:
            said = f"{done.stderr}{done.stdout}"[-SAID:]
            raise MachineError(f"{self.name}: {' '.join(command)} ended with {done.returncode}: {said}")
        return done.stdout

    def write(self, path: str, text: str) -> None:
        """A file of root's, 0644."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        target.chmod(0o644)

    def show(self, unit: str, what: str) -> str:
        """One property of a unit."""
        return self.do("systemctl", "show", "--value", f"--property={what}", unit).strip()

    def journal(self) -> str:
        """Everything in the journal, every field."""
        self.do("journalctl", "--sync")
        return self.do("journalctl", "--boot", "--output=export")


def _memory() -> str | None:
    """A layer in memory is fast; else the usual place for temporary files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - made by mkdtemp, readable for us alone


def _older_layout() -> bool:
    """Whether the host has its controllers in hierarchies of their own."""
    return (_CGROUPS / "memory" / "cgroup.procs").exists()


def _child_of(parent: int) -> int:
    """The container's first process; 0 while there is none."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _must(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{' '.join(command)}: {done.stderr.strip()}")


def _quietly(*command: str | Sequence[str]) -> None:
    subprocess.run([str(one) for one in command], capture_output=True, check=False)
