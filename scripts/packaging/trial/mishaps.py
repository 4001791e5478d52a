"""What goes wrong on a machine: a stuck daemon, kills, files spoilt by hand, too little memory or disk, a clock that is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.packaging.trial import wallclock
from scripts.packaging.trial.checks import (
    CONFIGURATION,
    CREDENTIAL,
    STATE,
    Step,
    active,
    drop_in,
    expect,
    expect_in,
    mark,
    said,
)
from scripts.packaging.trial.site import UNIT, Site, wait

DISK = "24M"
ENOUGH, LITTLE = "400M", "48M"
"""Memory the daemon does well with, and less than it takes to start."""
WATCHED = "WatchdogSec=4s\nTimeoutAbortSec=1s\nRestartSec=100ms\n"
AHEAD = 3600
"""Seconds by which the clock is set wrong."""
CLOCK_SECONDS = 100.0


class Mishaps:
    """The appliance of ``site`` runs. ``shim`` is a library that moves a process's clock, None where none could be made."""

    def __init__(self, site: Site, shim: Path) -> None:
        self._site = site
        self._machine = site.appliance
        self._shim = shim

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "watchdog ends a stuck daemon", self._watchdog
        yield "kill -9", self._kill
        yield "no restart after a wrong configuration", self._wrong
        yield "a file of a wrong owner is named", self._owner
        yield "a damaged credential is told, and put back", self._credential
        yield "memory limit: lived within, killed beyond, back again", self._memory
        yield "full disk, and room again", self._fill
        yield "the clock is set an hour ahead, and back", self._clock

    # --- the process

    def _watchdog(self) -> float:
        with drop_in(self._machine, WATCHED):
            active(self._machine)
            self._restarted("STOP")
            expect_in(
                "the journal", "Watchdog timeout", self._machine.do("journalctl", "--boot", "--output=cat")
            )
        return self._site.meet("After the watchdog")

    def _kill(self) -> float:
        self._restarted("KILL")
        return self._site.meet("After kill -9")

    def _restarted(self, signal: str) -> None:
        before = self._machine.show(UNIT, "MainPID")
        self._machine.do("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", UNIT)
        wait(
            lambda: (
                self._machine.show(UNIT, "MainPID") not in {before, "0"}
                and self._machine.show(UNIT, "ActiveState") == "active"
            ),
            "the daemon to be restarted",
        )

    # --- files

    def _wrong(self) -> None:
        nonsense = f"{CONFIGURATION}/conf.d/nonsense.yaml"
        self._machine.write(nonsense, "mode: perhaps\n")
        self._does_not_start("mode", "2")
        (self._machine.root / nonsense[1:]).unlink()
        self._start()

    def _owner(self) -> None:
        path = f"{CONFIGURATION}/connector.yaml"
        self._machine.do("chown", "nobody", path)
        sentence = f"{path}: it belongs to nobody; run: chown root {path}"
        self._does_not_start(sentence, "2")
        for command in (("config", "check"), ("doctor",), ("status",)):
            told = self._machine.try_(UNIT, *command)
            expect(f"{command[0]}: one sentence", (told.returncode, len(told.stderr.splitlines())), (2, 1))
            expect_in(command[0], f"chown root {path}", told.stderr)
        self._machine.do("chown", "root", path)
        self._start()

    def _credential(self) -> float:
        """The unit is not started, and every command says where the trouble is."""
        sealed = self._machine.root / CREDENTIAL[1:]
        kept = sealed.read_bytes()
        sealed.write_bytes(kept[: len(kept) // 2] + b"AAAA" + kept[len(kept) // 2 + 4 :])
        self._does_not_start("", "243")
        refused = self._machine.try_(UNIT, "mailbox", "list")
        expect_in("the sentence", f"could not decrypt {CREDENTIAL}", refused.stderr)
        expect("one sentence", (refused.returncode, len(refused.stderr.splitlines())), (2, 1))
        sealed.write_bytes(kept)
        self._start()
        return self._site.meet("After the damaged credential")

    def _does_not_start(self, words: str, status: str) -> None:
        since = mark(self._machine)
        failed = self._machine.try_("systemctl", "restart", UNIT)
        expect("it started", failed.returncode != 0, True)
        expect("exit status", self._machine.show(UNIT, "ExecMainStatus"), status)
        expect_in("the journal", words, said(self._machine, since))

    def _start(self) -> None:
        self._machine.do("systemctl", "reset-failed", UNIT)
        self._machine.do("systemctl", "restart", UNIT)

    # --- the machine

    def _memory(self) -> float:
        with drop_in(self._machine, f"MemoryMax={ENOUGH}\n"):
            active(self._machine)
            self._site.meet("Within the memory limit")
        since = mark(self._machine)
        with drop_in(self._machine, f"MemoryMax={LITTLE}\nRestartSec=1s\n"):
            wait(lambda: int(self._machine.show(UNIT, "NRestarts") or 0) >= 1, "two starts beyond the limit")
            expect_in("the journal", "code=killed, status=9/KILL", said(self._machine, since))
        return self._site.meet("After the memory limit")

    def _fill(self) -> float:
        """The state on a small file system of its own, filled to the last byte and emptied again."""
        with self._small_disk():
            self._machine.do("sh", "-c", f"cat /dev/zero > {STATE}/filler 2>/dev/null || true")
            self._machine.try_(UNIT, "mailbox", "resync", self._site.owner)
            wait(
                lambda: "database" in said(self._machine, "--priority=warning"),
                "the full disk to be told",
                60,
            )
            self._machine.do("rm", f"{STATE}/filler")
            return self._site.meet("After the full disk")

    @contextmanager
    def _small_disk(self) -> Iterator[None]:
        aside = f"{STATE}.aside"
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do("cp", "-a", STATE, aside)
        self._machine.do("mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", STATE)
        self._machine.do("sh", "-c", f"chown {UNIT}: {STATE} && cp -a {aside}/. {STATE}/")
        self._machine.do("systemctl", "start", UNIT)
        yield
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do("sh", "-c", f"cp -a {STATE}/. {aside}/ && umount {STATE} && rm -rf {STATE}/*")
        self._machine.do("sh", "-c", f"cp -a {aside}/. {STATE}/ && rm -rf {aside}")
        self._machine.do("systemctl", "start", UNIT)

    def _clock(self) -> float:
        """The daemon's own: what its C library says the time is. The hub keeps the right time and refuses it."""
        wallclock.put(self._machine, self._shim)
        with drop_in(self._machine, wallclock.SETTINGS):
            active(self._machine)
            self._site.meet("Before the clock is set")
            wallclock.set_ahead(self._machine, AHEAD)
            self._told(lambda alarms: "601" in alarms and "302" not in alarms, "the wrong clock to be told")
            wallclock.set_ahead(self._machine, 0)
            self._told(lambda alarms: "601" not in alarms, "the clock to be right again")
            took = self._site.meet("After the clock was set back")
        wallclock.take_away(self._machine)
        return took

    def _told(self, right: Callable[[str], bool], what: str) -> None:
        wait(lambda: right(self._machine.try_(UNIT, "alarm", "list").stdout), what, CLOCK_SECONDS)
