"""What the trial left in journals and on disks: fields and explanations are there, no secret and no meeting is."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from scripts.packaging.trial.checks import Step, expect, expect_in
from scripts.packaging.trial.machine import MachineError
from scripts.packaging.trial.site import UNIT, Site


class Searched:
    """``site`` has lived through its steps."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._machine = site.appliance

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "journal: fields, catalogue", self._journal
        yield "journal: no secret, no meeting text", self._journals
        yield "disks: no secret, no meeting text", self._disks

    def _journal(self) -> None:
        expect_in("a field of ours", "CC_INSTANCE=", self._machine.journal())
        explained = self._machine.do("journalctl", "--catalog", "--unit", UNIT, "--output=short")
        expect_in("an alarm explained", "Subject: Alarm 504, reload-refused", explained)
        everything = self._machine.do("journalctl", "--boot", "--output=cat")
        expect("messages dropped", re.search(r"Suppressed \d+ messages from " + UNIT, everything), None)

    def _journals(self) -> None:
        for machine in (self._machine, self._site.hub):
            self._nothing_in(machine.journal().encode(), f"the journal of {machine.name}")

    def _disks(self) -> None:
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
