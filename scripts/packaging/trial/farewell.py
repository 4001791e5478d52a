"""Taking the appliance away: removed, installed again, purged."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.packaging.trial.checks import CREDENTIAL, STATE, Step, expect, expect_in, install
from scripts.packaging.trial.site import HUB_UNIT, UNIT, Site, facts, listing, wait

REMOVE_SECONDS = 10.0
"""So long may giving the subscriptions back take at most."""
REST_SECONDS = 30.0
"""What stopping the daemon and deleting the files may take beside it, on a busy machine."""
_KEPT = re.compile(
    r"/(var/(log|cache|lib/(dpkg|apt|systemd|ucf)|tmp)|run|tmp|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?)(/.*)?"
)
"""What package management, the journal and systemd keep for themselves; looked through by name instead."""


class Farewell:
    """``before`` are the paths that were there before anything was installed."""

    def __init__(self, site: Site, package: Path, before: set[str]) -> None:
        self._site = site
        self._machine = site.appliance
        self._package = package
        self._before = before

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "remove gives the subscriptions back and keeps the state", self._remove
        yield "install again: it goes on by itself", self._return
        yield "purge leaves nothing", self._purge
        yield "hub: purge", lambda: self._site.hub.do("dpkg", "--purge", HUB_UNIT, UNIT)

    def _remove(self) -> None:
        wait(lambda: bool(self._site.exchange.subscriptions()), "a subscription at Exchange")
        self._machine.do("apt-get", "remove", "--yes", "--quiet", UNIT)
        expect("subscriptions at Exchange", self._site.exchange.subscriptions(), [])
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "inactive")
        expect("the database", facts(self._machine, f"{STATE}/connector.db"), f"{UNIT}:{UNIT} 600")
        expect("the credential", facts(self._machine, CREDENTIAL), "root:root 400")

    def _return(self) -> float:
        install(self._package, self._machine)
        expect("the unit", self._machine.show(UNIT, "ActiveState"), "active")
        return self._site.meet("After the return")

    def _purge(self) -> None:
        """Exchange leaves our asking without an answer meanwhile: the wait for it is bounded."""
        wait(lambda: bool(self._site.exchange.subscriptions()), "a subscription at Exchange")
        self._site.exchange.fault("Unsubscribe", "stalled", times=100)
        begun = time.monotonic()
        said = self._machine.do("sh", "-c", f"apt-get purge --yes --quiet {UNIT} 2>&1")
        took = time.monotonic() - begun
        self._site.exchange.clear_faults()
        expect_in("the removal", "they end by themselves", said)
        expect(f"{took:.0f} s is within the bound", took < REMOVE_SECONDS + REST_SECONDS, True)
        left = {path for path in listing(self._machine) - self._before if not _KEPT.fullmatch(path)}
        named = self._machine.do(
            "find", "/etc", "/var", "/run", "/usr", "-xdev", "-name", f"*{UNIT}*", "!", "-path", "/var/log/*"
        )
        expect("new paths after the purge", (sorted(left), named), ([], ""))
        people = self._machine.do("cat", "/etc/passwd", "/etc/group")
        expect("users and groups", UNIT in people, False)
