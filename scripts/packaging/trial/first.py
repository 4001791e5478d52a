"""The hub's machine, and the appliance from the bare machine to the first sealed meeting."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.packaging.trial.checks import Step, expect, expect_in, install, owned, try_install, variant
from scripts.packaging.trial.site import ANSWERS_PATH, HUB_UNIT, INSTANCE, UNIT, Site, listing, wait


class First:
    """``packages`` by name; ``site`` is booted, nothing is installed yet."""

    def __init__(self, site: Site, packages: dict[str, Path], hub_address: str) -> None:
        self._site = site
        self._machine = site.appliance
        self._packages = packages
        self._hub_address = hub_address

    def hub(self) -> Iterator[Step]:
        """The hub on its machine."""
        yield "hub: install without network", self._install_hub
        yield "hub: certificate, settings, start", self._start_hub

    def refused(self) -> Iterator[Step]:
        """Packages that are not for this machine."""
        yield "packages of another release and architecture are refused", self._refuse

    def meeting(self) -> Iterator[Step]:
        """From the bare machine to the first sealed meeting."""
        yield "install without network", lambda: install(self._packages[UNIT], self._machine)
        yield "nothing runs and nothing failed", self._idle
        yield "setup from a file of answers: doctor, start, first mailbox", self._set_up
        yield "a meeting arrives sealed at the hub", lambda: self._site.meet("Quarterly figures")

    def _install_hub(self) -> None:
        for name in (UNIT, HUB_UNIT):
            install(self._packages[name], self._site.hub)

    def _start_hub(self) -> None:
        self._site.furnish_hub(self._hub_address)
        self._site.hub.do("systemctl", "start", HUB_UNIT)
        wait(lambda: self._site.hub.try_(HUB_UNIT, "status").returncode == 0, "the hub to run")

    def _refuse(self) -> None:
        """By apt for want of a Python, by dpkg with our own sentence; each time nothing is left half-installed."""
        release = {r"3\.1[0-9]\b": "3.99", r"python3 \(<< 3\.\d+\)": "python3 (<< 3.100)"}
        with tempfile.TemporaryDirectory() as folder:
            newer = variant(self._packages[UNIT], Path(folder), release)
            foreign = variant(
                self._packages[UNIT], Path(folder), {"^Architecture: .*": "Architecture: arm64"}
            )
            before = listing(self._machine)
            for package, command, words in (
                (newer, (), "python3 (>= 3.99)"),
                (newer, ("dpkg", "--install"), "this package is for"),
                (foreign, (), "arm64"),
                (foreign, ("dpkg", "--install"), "does not match system (amd64)"),
            ):
                done = try_install(package, self._machine, *command)
                expect(f"{words}: refused", done.returncode != 0, True)
                expect_in("the refusal", words, done.stderr + done.stdout)
                expect("half-installed", self._machine.do("dpkg", "--audit"), "")
                known = self._machine.try_("dpkg-query", "--show", "--showformat=${Status}", UNIT).stdout
                expect("its state", known.rpartition(" ")[2] in {"", "not-installed"}, True)
        new = {path for path in listing(self._machine) - before if UNIT in path}
        expect("what a refused package left", new, set())

    def _idle(self) -> None:
        expect("systemctl --failed lists a unit", self._failed(), "")
        expect("the unit's state", self._machine.show(UNIT, "ActiveState"), "inactive")
        again = self._machine.try_("systemctl", "restart", UNIT)
        expect("systemctl restart without a configuration", again.returncode, 0)
        expect("systemctl --failed lists a unit", self._failed(), "")

    def _failed(self) -> str:
        return self._machine.do("systemctl", "--failed", "--no-legend", "--plain").strip()

    def _set_up(self) -> None:
        token = self._site.token_for("--enrolment", INSTANCE)
        self._site.furnish_appliance(token)
        self._machine.do(UNIT, "setup", "--answers", ANSWERS_PATH)
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        owned(self._machine)
        self._machine.do(UNIT, "setup", "--answers", ANSWERS_PATH)
        self._site.tidy()
        self._site.take_keys()
