"""The rarer days of an appliance: a backup put back, an upgrade and the way back, a clone. Steps as in ``checks``."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.packaging.trial.checks import (
    CONFIGURATION,
    CREDENTIAL,
    STATE,
    Step,
    expect,
    expect_in,
    install,
    owned,
    try_install,
    variant,
    version_of,
)
from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.site import UNIT, Site, wait

NEWER = "99.0-1"
"""The version of the package that is made to be upgraded to."""
TAKE_OVER = f"/etc/systemd/system/{UNIT}.service.d/take-over.conf"


class Further:
    """``package`` is installed on the site's appliance and runs; ``clone`` is a bare machine."""

    def __init__(self, site: Site, package: Path, clone: Machine) -> None:
        self._site = site
        self._machine = site.appliance
        self._package = package
        self._clone = clone

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "backup and restore on the same machine", self._back_up
        yield "upgrade to a version with another layout", self._upgrade
        yield "a downgrade is refused with a sentence", self._refuse
        yield "the way back to the version before", self._go_back
        yield "a clone takes over, the original stops", self._take_over
        yield "the original is taken back", self._take_back

    def _back_up(self) -> float:
        key = ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout")
        pem = subprocess.run(key, check=True, capture_output=True, text=True).stdout
        public = subprocess.run(
            ("openssl", "ec", "-pubout"), input=pem, check=True, capture_output=True, text=True
        ).stdout
        self._machine.write("/srv/officer.key", pem)
        self._machine.write("/srv/officer.pem", public)
        self._machine.do(UNIT, "backup", "--to", "/srv/state.sealed", "--recipient", "/srv/officer.pem")
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do(UNIT, "restore", "/srv/state.sealed", "--key", "/srv/officer.key", "--yes")
        owned(self._machine)
        self._machine.do("systemctl", "start", UNIT)
        for name in ("officer.key", "officer.pem", "state.sealed"):
            (self._machine.root / "srv" / name).unlink()
        self._machine.do("sh", "-c", f"rm -f {STATE}/*.before-restore")
        return self._site.meet("After the restore")

    def _upgrade(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            install(newer(self._package, Path(folder)), self._machine)
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        kept = self._machine.do("cat", f"{STATE}/before-upgrade/VERSION").strip()
        expect("kept for the way back", kept in self._package.name, True)
        owned(self._machine)
        return self._site.meet("After the upgrade")

    def _refuse(self) -> float:
        done = try_install(self._package, self._machine)
        expect("the downgrade", done.returncode != 0, True)
        expect_in("its sentence", "restore --before-upgrade", done.stderr + done.stdout)
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        return self._site.meet("After the refused downgrade")

    def _go_back(self) -> float:
        self._machine.do("systemctl", "stop", UNIT)
        self._machine.do(UNIT, "restore", "--before-upgrade", "--yes")
        install(self._package, self._machine)
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        owned(self._machine)
        self._machine.do("sh", "-c", f"rm -rf {STATE}/*.before-restore {STATE}/before-upgrade")
        return self._site.meet("After the way back")

    def _take_over(self) -> None:
        """The clone is the original's disk, started a second time."""
        self._clone.write("/etc/hosts", (self._machine.root / "etc/hosts").read_text())
        install(self._package, self._clone)
        for place in (
            CONFIGURATION[1:],
            STATE[1:],
            CREDENTIAL[1:],
            "var/lib/systemd/credential.secret",
        ):
            self._copy(place)
        self._clone.do("chown", "-R", f"{UNIT}:", STATE)
        # What systemd-creds seals is bound to the machine's id too, which a cloned disk brings along.
        self._clone.do("tee", "/etc/machine-id", stdin=self._machine.do("cat", "/etc/machine-id"))
        self._clone.do("systemctl", "daemon-reexec")
        started = self._clone.try_("systemctl", "start", UNIT)
        if started.returncode:
            said = self._clone.do("journalctl", "--unit", UNIT, "--output=cat", "--lines=5")
            raise MachineError(f"the clone did not start: {said}")
        wait(lambda: self._machine.show(UNIT, "ActiveState") == "failed", "the original to stop", 60)
        expect("its exit status", self._machine.show(UNIT, "ExecMainStatus"), "2")
        expect("the clone", self._clone.show(UNIT, "ActiveState"), "active")

    def _copy(self, place: str) -> None:
        source, target = self._machine.root / place, self._clone.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)

    def _take_back(self) -> float:
        """As docs/operate.md says: the other one off, then this one with --take-over, once."""
        self._clone.do("systemctl", "stop", UNIT)
        self._machine.write(TAKE_OVER, f"[Service]\nExecStart=\nExecStart=/usr/bin/{UNIT} run --take-over\n")
        self._machine.do("systemctl", "daemon-reload")
        self._machine.do("systemctl", "reset-failed", UNIT)
        self._machine.do("systemctl", "start", UNIT)
        (self._machine.root / TAKE_OVER[1:]).unlink()
        self._machine.do("systemctl", "daemon-reload")
        return self._site.meet("After the clone")


def newer(package: Path, folder: Path) -> Path:
    """The same package under a higher version, whose database has one table more."""
    return variant(package, folder, {re.escape(version_of(package)): NEWER}, _another_layout)


def _another_layout(tree: Path) -> None:
    (schema,) = tree.glob("usr/lib/*/lib/python3*/site-packages/connector/store/schema")
    number = len(list(schema.glob("*.sql"))) + 1
    (schema / f"{number:03d}_trial.sql").write_text("CREATE TABLE trial (x INTEGER) STRICT;\n")
