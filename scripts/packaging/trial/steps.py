"""What is done to the appliance, in this order. Each step raises MachineError when the machine is not as it should be."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.site import (
    ANSWERS_PATH,
    HUB_UNIT,
    INSTANCE,
    UNIT,
    Site,
    facts,
    listing,
    packages,
    wait,
)

EXPOSURE = {UNIT: 12, HUB_UNIT: 12}
"""Tenths: what `systemd-analyze security` may say at most."""
CREDENTIAL = "/etc/credstore.encrypted/calendar-connector.master"
STATE = "/var/lib/calendar-connector"

_KEPT = re.compile(
    r"/(var/(log|cache|lib/(dpkg|apt|systemd|ucf)|tmp)|run|tmp|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?)(/.*)?"
)
"""What package management, the journal and systemd keep for themselves; looked through by name instead."""

Step = tuple[str, Callable[[], object]]


class Trial:
    """The steps; ``site`` is booted, nothing is installed yet."""

    def __init__(self, site: Site, folder: Path, hub_address: str) -> None:
        self._site = site
        self._machine = site.appliance
        self._packages = packages(folder)
        self._hub_address = hub_address
        site.name_hosts(hub_address)
        self._before = listing(self._machine)

    def first_meeting(self) -> Iterator[Step]:
        """From the bare machine to the first sealed meeting."""
        yield "install without network", lambda: self._install(self._machine, UNIT)
        yield "nothing runs and nothing failed", self._idle
        yield "setup from a file of answers: doctor, start, first mailbox", self._set_up
        yield "a meeting arrives sealed at the hub", lambda: self._site.meet("Quarterly figures")

    def hub(self) -> Iterator[Step]:
        """The hub on its machine."""
        yield "hub: install without network", lambda: self._install(self._site.hub, UNIT, HUB_UNIT)
        yield "hub: certificate, settings, start", self._start_hub

    def life(self) -> Iterator[Step]:
        """What may happen to it while it runs."""
        yield "sandbox: exposure and verify", self._sandbox
        yield "owners and rights of its files", self._owners
        yield "the two groups without root", self._groups
        yield "the audit trail names the login behind sudo", self._sudo
        yield "completion", self._complete
        yield "reload takes a change over", self._reload
        yield "reload refuses nonsense and goes on", self._refuse
        yield "watchdog ends a stuck daemon", self._watchdog
        yield "kill -9", self._kill
        yield "commands while it is stopped", self._stopped
        yield "no restart after a wrong configuration", self._wrong
        yield "journal: fields, catalogue", self._journal
        yield "journal: no secret, no meeting text", self._searched
        yield "disks: no secret, no meeting text", self._read

    def end(self) -> Iterator[Step]:
        """Taking it away."""
        yield "remove keeps the state", self._remove
        yield "install again: it goes on by itself", self._return
        yield "purge leaves nothing", self._purge
        yield "hub: purge", lambda: self._site.hub.do("dpkg", "--purge", HUB_UNIT, UNIT)

    # --- installing

    def _install(self, machine: Machine, *names: str) -> None:
        for name in names:
            target = f"/srv/{self._packages[name].name}"
            (machine.root / target[1:]).write_bytes(self._packages[name].read_bytes())
            machine.do("apt-get", "install", "--yes", "--quiet", target)
            (machine.root / target[1:]).unlink()

    def _idle(self) -> None:
        self._expect("systemctl --failed lists a unit", self._failed(), "")
        self._expect("the unit's state", self._machine.show(UNIT, "ActiveState"), "inactive")
        again = self._machine.try_("systemctl", "restart", UNIT)
        self._expect("systemctl restart without a configuration", again.returncode, 0)
        self._expect("systemctl --failed lists a unit", self._failed(), "")

    def _failed(self) -> str:
        return self._machine.do("systemctl", "--failed", "--no-legend", "--plain").strip()

    def _start_hub(self) -> None:
        self._site.furnish_hub(self._hub_address)
        self._site.hub.do("systemctl", "start", HUB_UNIT)
        wait(lambda: self._site.hub.try_(HUB_UNIT, "status").returncode == 0, "the hub to run")

    def _set_up(self) -> None:
        token = self._site.token_for("--enrolment", INSTANCE)
        self._site.furnish_appliance(token)
        self._machine.do(UNIT, "setup", "--answers", ANSWERS_PATH)
        self._expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        self._expect("files of root in the state directory", self._of_root(), "")
        self._machine.do(UNIT, "setup", "--answers", ANSWERS_PATH)
        self._site.tidy()
        self._site.take_keys()

    # --- as it runs

    def _sandbox(self) -> None:
        for (unit, limit), machine in zip(EXPOSURE.items(), (self._machine, self._site.hub), strict=True):
            path = machine.show(unit, "FragmentPath")
            verified = machine.try_("systemd-analyze", "verify", "--man=no", path)
            self._expect(f"systemd-analyze verify {unit}", verified.stderr + verified.stdout, "")
            machine.do("systemd-analyze", "security", "--offline=true", f"--threshold={limit}", path)

    def _owners(self) -> None:
        self._expect(f"owner of {STATE}", facts(self._machine, STATE), f"{UNIT}:{UNIT} 700")
        self._expect(
            "owner of the run-time directory", facts(self._machine, f"/run/{UNIT}"), f"{UNIT}:{UNIT} 755"
        )
        self._expect("rights of the credential", facts(self._machine, CREDENTIAL), "root:root 400")
        self._expect("files of root in the state directory", self._of_root(), "")

    def _of_root(self) -> str:
        return self._machine.do("find", STATE, "!", "-user", UNIT)

    def _groups(self) -> None:
        for person, group in (("helpdesk", "view"), ("engineer", "admin"), ("visitor", "")):
            extra = ("--groups", f"{UNIT}-{group}") if group else ()
            self._machine.do("useradd", "--no-create-home", *extra, person)
        tried = {
            person: tuple(
                self._as(person, *words) for words in (("status",), ("mailbox", "resync", self._site.owner))
            )
            for person in ("helpdesk", "engineer", "visitor")
        }
        self._expect(
            "what the groups may do", tried, {"helpdesk": (0, 1), "engineer": (0, 0), "visitor": (1, 1)}
        )
        for person in tried:
            self._machine.do("userdel", person)

    def _as(self, person: str, *words: str) -> int:
        return self._machine.try_(UNIT, *words, user=person).returncode

    def _sudo(self) -> None:
        self._machine.do("useradd", "--no-create-home", "ada")
        as_sudo = f'echo $(id -u ada) > /proc/self/loginuid && exec {UNIT} mailbox pause "$0"'
        self._machine.do("sh", "-c", as_sudo, self._site.owner)
        rows = json.loads(self._machine.do(UNIT, "audit", "list", "--json"))
        actors = {
            row["actor"] for row in rows if self._site.owner in json.dumps(row) and "pause" in row["action"]
        }
        self._expect("who paused the mailbox", actors, {"ada"})
        self._machine.do(UNIT, "mailbox", "resume", self._site.owner)
        self._machine.do("userdel", "ada")

    def _complete(self) -> None:
        asked = (
            "COMP_WORDS=calendar-connector mail",
            "COMP_CWORD=1",
            "_CALENDAR_CONNECTOR_COMPLETE=bash_complete",
        )
        self._expect("what follows mail", self._machine.do("env", *asked, UNIT).strip(), "plain,mailbox")

    def _reload(self) -> float:
        self._site.configure(level="debug")
        self._machine.do("systemctl", "reload", UNIT)
        wait(lambda: "configuration taken over" in self._said(), "the reload")
        return self._site.meet("After the reload")

    def _refuse(self) -> float:
        self._machine.write("/etc/calendar-connector/conf.d/nonsense.yaml", "mode: perhaps\n")
        self._machine.do("systemctl", "reload", UNIT)
        wait(lambda: "configuration not taken over" in self._said(), "the refusal")
        took = self._site.meet("After the refused reload")
        (self._machine.root / "etc/calendar-connector/conf.d/nonsense.yaml").unlink()
        self._machine.do("systemctl", "reload", UNIT)
        return took

    def _said(self) -> str:
        self._machine.do("journalctl", "--sync")
        return self._machine.do("journalctl", "--unit", UNIT, "--output=cat")

    def _watchdog(self) -> float:
        self._machine.write(
            f"/etc/systemd/system/{UNIT}.service.d/trial.conf",
            "[Service]\nWatchdogSec=4s\nTimeoutAbortSec=1s\nRestartSec=100ms\n",
        )
        self._machine.do("systemctl", "daemon-reload")
        self._machine.do("systemctl", "restart", UNIT)
        self._restarted(
            lambda: self._machine.do("systemctl", "kill", "--kill-whom=main", "--signal=STOP", UNIT)
        )
        self._expect("what the journal says of it", "Watchdog timeout" in self._all_said(), True)
        return self._site.meet("After the watchdog")

    def _all_said(self) -> str:
        return self._machine.do("journalctl", "--boot", "--output=cat")

    def _kill(self) -> float:
        self._restarted(
            lambda: self._machine.do("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
        )
        return self._site.meet("After kill -9")

    def _restarted(self, act: Callable[[], object]) -> None:
        before = self._machine.show(UNIT, "MainPID")
        act()
        wait(
            lambda: (
                self._machine.show(UNIT, "MainPID") not in {before, "0"}
                and self._machine.show(UNIT, "ActiveState") == "active"
            ),
            "the daemon to be restarted",
        )

    def _stopped(self) -> float:
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do(UNIT, "mailbox", "list")
        self._machine.do(UNIT, "audit", "verify")
        self._machine.do(UNIT, "secret", "set", "exchange/hq/a", stdin=self._site.exchange.password)
        self._machine.do(UNIT, "secret", "rekey")
        self._expect("files of root in the state directory", self._of_root(), "")
        self._machine.do("systemctl", "start", UNIT)
        return self._site.meet("After a new master key")

    def _wrong(self) -> None:
        self._machine.write("/etc/calendar-connector/conf.d/nonsense.yaml", "mode: perhaps\n")
        failed = self._machine.try_("systemctl", "restart", UNIT)
        self._expect("starting with nonsense", failed.returncode != 0, True)
        self._expect("exit status", self._machine.show(UNIT, "ExecMainStatus"), "2")
        self._expect("state", self._machine.show(UNIT, "ActiveState"), "failed")
        (self._machine.root / "etc/calendar-connector/conf.d/nonsense.yaml").unlink()
        self._machine.do("systemctl", "reset-failed", UNIT)
        self._machine.do("systemctl", "start", UNIT)

    # --- the journal

    def _journal(self) -> None:
        self._expect("a field of ours", "CC_INSTANCE=" in self._site.appliance.journal(), True)
        explained = self._machine.do("journalctl", "--catalog", "--unit", UNIT, "--output=short")
        self._expect("an alarm explained", "Subject: Alarm 504, reload-refused" in explained, True)
        dropped = re.search(r"Suppressed \d+ messages from " + UNIT, self._all_said())
        self._expect("messages dropped", dropped, None)

    def _searched(self) -> None:
        for machine in (self._machine, self._site.hub):
            self._nothing_in(machine.journal().encode(), f"the journal of {machine.name}")

    def _read(self) -> None:
        places = (
            (self._machine, "var/lib"),
            (self._machine, "etc"),
            (self._machine, "tmp"),
            (self._site.hub, "var/lib"),
        )
        for machine, place in places:
            for path in (machine.root / place).rglob("*"):
                if path.is_file() and not path.is_symlink():
                    self._nothing_in(path.read_bytes(), f"{path.relative_to(machine.root)} on {machine.name}")

    def _nothing_in(self, content: bytes, where: str) -> None:
        words = [text for one in self._site.meetings for text in (one.subject, one.location, one.body)]
        for secret in (*words, *self._site.secrets):
            clear = secret.encode()
            for form in (clear, secret.encode("utf-16-le"), base64.b64encode(clear).rstrip(b"=")):
                if form in content:
                    raise MachineError(f"{where} holds {secret!r}")

    # --- the end

    def _remove(self) -> None:
        self._machine.do("apt-get", "remove", "--yes", "--quiet", UNIT)
        self._expect("the unit", self._machine.show(UNIT, "ActiveState"), "inactive")
        self._expect("the database", facts(self._machine, f"{STATE}/connector.db"), f"{UNIT}:{UNIT} 600")
        self._expect("the credential", facts(self._machine, CREDENTIAL), "root:root 400")

    def _return(self) -> float:
        self._install(self._machine, UNIT)
        self._expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        return self._site.meet("After the return")

    def _purge(self) -> None:
        self._machine.do("apt-get", "purge", "--yes", "--quiet", UNIT)
        left = {path for path in listing(self._machine) - self._before if not _KEPT.fullmatch(path)}
        named = self._machine.do(
            "find", "/etc", "/var", "/run", "/usr", "-xdev", "-name", f"*{UNIT}*", "!", "-path", "/var/log/*"
        )
        self._expect("new paths after the purge", (sorted(left), named), ([], ""))
        people = self._machine.do("cat", "/etc/passwd", "/etc/group")
        self._expect("users and groups", UNIT in people, False)

    @staticmethod
    def _expect(what: str, found: object, wanted: object) -> None:
        if found != wanted:
            raise MachineError(f"{what}: expected {wanted!r}, found {found!r}")
