"""``python -m scripts.packaging.trial FOLDER TREE BUILDER``: try the packages of a folder on machines made of a tree."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.packaging.trial import network, wallclock
from scripts.packaging.trial.checks import Step
from scripts.packaging.trial.farewell import Farewell
from scripts.packaging.trial.first import First
from scripts.packaging.trial.forest import Forest
from scripts.packaging.trial.further import Further
from scripts.packaging.trial.keys import KMS, Keys
from scripts.packaging.trial.life import Life
from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.mishaps import Mishaps
from scripts.packaging.trial.searched import Searched
from scripts.packaging.trial.site import MAIL_NAME, UNIT, Site, listing, packages
from tests.lab.exchange.launch import LabExchange

APPLIANCE, HUB, CLONE, FOREST = "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"


@dataclass(frozen=True, slots=True)
class Trees:
    """What machines are made of: the bare release, one with a C compiler, and one with Samba where it is to be had."""

    bare: Path
    builder: Path
    samba: Path | None


def go(steps: Iterable[Step]) -> float:
    """Take steps and print how long each took; a step that measures something prints that too. The sum in seconds."""
    total = 0.0
    for title, act in steps:
        begun = time.monotonic()
        measured = act()
        took = time.monotonic() - begun
        total += took
        note = f"   (at the hub after {measured:.2f} s)" if isinstance(measured, float) else ""
        print(f"{took:7.2f} s  {title}{note}", flush=True)
    return total


def attempt(found: dict[str, Path], trees: Trees) -> None:
    """All of it."""
    begun = time.monotonic()
    network.lay({"appliance": APPLIANCE, "hub": HUB, "clone": CLONE, "forest": FOREST})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trial-")))
        shim = wallclock.build(trees.builder, folder)
        exchange = stack.enter_context(
            LabExchange(mailboxes=3, auth="ntlm,negotiate", listen=network.OUTSIDE, hosts=MAIL_NAME)
        )
        appliance = stack.enter_context(Machine("appliance", trees.bare, "appliance", limits=True))
        hub = stack.enter_context(Machine("hub", trees.bare, "hub"))
        clone = stack.enter_context(Machine("clone", trees.bare, "clone"))
        print(f"{time.monotonic() - begun:7.2f} s  lab Exchange and three machines up", flush=True)
        site = Site(appliance, hub, exchange, folder)
        forest = None
        if trees.samba:
            forest = Forest(site, stack.enter_context(Machine("dc1", trees.samba, "forest")), FOREST, folder)
            forest.found()
        try:
            tell(site, found, [Life(site), Mishaps(site, shim), *([forest] if forest else [])], clone)
        except MachineError:
            print(appliance.try_("journalctl", "--boot", "--lines=25", "--no-pager").stdout, file=sys.stderr)
            raise
    print(f"{time.monotonic() - begun:7.2f} s  in all")


class Part(Protocol):
    """Some steps of the story."""

    def steps(self) -> Iterator[Step]:
        """In their order."""


def tell(site: Site, found: dict[str, Path], days: Sequence[Part], clone: Machine) -> None:
    """The appliance's life from the first day to the last."""
    site.name_hosts(HUB)
    before = listing(site.appliance)
    first = First(site, found, HUB)
    go([*first.hub(), *first.refused()])
    took = go(first.meeting())
    print(f"{took:7.2f} s  = from the bare machine to the first sealed meeting", flush=True)
    package = found[UNIT]
    for part in (
        Keys(site.hub, found[KMS]),
        *days,
        Further(site, package, clone),
        Searched(site),
        Farewell(site, package, before),
    ):
        go(part.steps())


def main() -> int:
    """Exit code 0 when every step went well."""
    parser = argparse.ArgumentParser(prog="scripts/install-test")
    parser.add_argument("packages", type=Path)
    parser.add_argument("tree", type=Path)
    parser.add_argument("builder", type=Path, help="a tree of the same release with a C compiler")
    parser.add_argument("--samba", type=Path, help="a tree with Samba, for a domain of Active Directory")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # machines are switched off whoever ends it
    try:
        attempt(packages(given.packages), Trees(given.tree, given.builder, given.samba))
    except MachineError as error:
        print(f"scripts/install-test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
