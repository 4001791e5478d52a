"""An ordinary day of the appliance: its sandbox, who may do what, reloads. Steps as in ``checks``."""

from __future__ import annotations

import json
from collections.abc import Iterator

from scripts.packaging.trial.checks import CREDENTIAL, STATE, Step, expect, owned, said
from scripts.packaging.trial.site import HUB_UNIT, UNIT, Site, facts, wait

EXPOSURE = {UNIT: 12, HUB_UNIT: 12}
"""Tenths: what `systemd-analyze security` may say at most."""
NONSENSE = "/etc/calendar-connector/conf.d/nonsense.yaml"


class Life:
    """The appliance of ``site`` is set up and runs."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._machine = site.appliance

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "sandbox: exposure and verify", self._sandbox
        yield "owners and rights of its files", self._owners
        yield "the two groups without root", self._groups
        yield "the audit trail names the login behind sudo", self._sudo
        yield "completion", self._complete
        yield "reload takes a change over", self._reload
        yield "reload refuses nonsense and goes on", self._refuse
        yield "commands while it is stopped", self._stopped

    def _sandbox(self) -> None:
        for (unit, limit), machine in zip(EXPOSURE.items(), (self._machine, self._site.hub), strict=True):
            path = machine.show(unit, "FragmentPath")
            verified = machine.try_("systemd-analyze", "verify", "--man=no", path)
            expect(f"systemd-analyze verify {unit}", verified.stderr + verified.stdout, "")
            machine.do("systemd-analyze", "security", "--offline=true", f"--threshold={limit}", path)

    def _owners(self) -> None:
        expect(f"owner of {STATE}", facts(self._machine, STATE), f"{UNIT}:{UNIT} 700")
        expect("owner of the run-time directory", facts(self._machine, f"/run/{UNIT}"), f"{UNIT}:{UNIT} 755")
        expect("rights of the credential", facts(self._machine, CREDENTIAL), "root:root 400")
        owned(self._machine)

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
        expect("what the groups may do", tried, {"helpdesk": (0, 1), "engineer": (0, 0), "visitor": (1, 1)})
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
        expect("who paused the mailbox", actors, {"ada"})
        self._machine.do(UNIT, "mailbox", "resume", self._site.owner)
        self._machine.do("userdel", "ada")

    def _complete(self) -> None:
        asked = (
            "COMP_WORDS=calendar-connector mail",
            "COMP_CWORD=1",
            "_CALENDAR_CONNECTOR_COMPLETE=bash_complete",
        )
        expect("what follows mail", self._machine.do("env", *asked, UNIT).strip(), "plain,mailbox")

    def _reload(self) -> float:
        self._site.configure(level="debug")
        self._machine.do("systemctl", "reload", UNIT)
        wait(lambda: "configuration taken over" in said(self._machine), "the reload")
        return self._site.meet("After the reload")

    def _refuse(self) -> float:
        self._machine.write(NONSENSE, "mode: perhaps\n")
        self._machine.do("systemctl", "reload", UNIT)
        wait(lambda: "configuration not taken over" in said(self._machine), "the refusal")
        took = self._site.meet("After the refused reload")
        (self._machine.root / NONSENSE[1:]).unlink()
        self._machine.do("systemctl", "reload", UNIT)
        return took

    def _stopped(self) -> float:
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do(UNIT, "mailbox", "list")
        self._machine.do(UNIT, "audit", "verify")
        self._machine.do(UNIT, "secret", "set", "exchange/hq/a", stdin=self._site.exchange.password)
        self._machine.do(UNIT, "secret", "rekey")
        owned(self._machine)
        self._machine.do("systemctl", "start", UNIT)
        return self._site.meet("After a new master key")
