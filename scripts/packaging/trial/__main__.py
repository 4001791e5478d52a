"""``python -m scripts.packaging.trial FOLDER TREE``: try the packages of a folder on machines made of a tree."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from scripts.packaging.trial import network
from scripts.packaging.trial.further import Further
from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.site import MAIL_NAME, UNIT, Site
from scripts.packaging.trial.site import packages as found
from scripts.packaging.trial.steps import Step, Trial
from tests.lab.exchange.launch import LabExchange

APPLIANCE, HUB, CLONE = "192.0.2.2", "192.0.2.3", "192.0.2.4"


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


def attempt(packages: Path, tree: Path) -> None:
    """All of it."""
    begun = time.monotonic()
    network.lay({"appliance": APPLIANCE, "hub": HUB, "clone": CLONE})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trial-")))
        exchange = stack.enter_context(
            LabExchange(mailboxes=3, auth="ntlm,negotiate", listen=network.OUTSIDE, hosts=MAIL_NAME)
        )
        appliance = stack.enter_context(Machine("appliance", tree, "appliance"))
        hub = stack.enter_context(Machine("hub", tree, "hub"))
        clone = stack.enter_context(Machine("clone", tree, "clone"))
        print(f"{time.monotonic() - begun:7.2f} s  lab Exchange and three machines up", flush=True)
        site = Site(appliance, hub, exchange, folder)
        trial = Trial(site, packages, HUB)
        try:
            go(trial.hub())
            first = go(trial.first_meeting())
            print(f"{first:7.2f} s  = from the bare machine to the first sealed meeting", flush=True)
            go(trial.life())
            go(Further(site, found(packages)[UNIT], clone).steps())
            go(trial.end())
        except MachineError:
            print(appliance.try_("journalctl", "--boot", "--lines=25", "--no-pager").stdout, file=sys.stderr)
            raise
    print(f"{time.monotonic() - begun:7.2f} s  in all")


def main() -> int:
    """Exit code 0 when every step went well."""
    parser = argparse.ArgumentParser(prog="scripts/install-test")
    parser.add_argument("packages", type=Path)
    parser.add_argument("tree", type=Path)
    given = parser.parse_args()
    try:
        attempt(given.packages, given.tree)
    except MachineError as error:
        print(f"scripts/install-test: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
