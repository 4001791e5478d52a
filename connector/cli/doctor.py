"""calendar-connector doctor: look at every link, and say what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from connector.app import doctor as checks
from connector.app.ground import STATE_KEY, Ground, open_keystore, open_store
from connector.cli.office import as_owner
from connector.cli.options import Frame, common_options
from connector.cli.output import Output
from connector.config import Loaded
from connector.control.client import DaemonNotRunning, call, follow
from connector.doctor.firewall import COLUMNS

PATIENCE = 300.0
"""Seconds that one check may take: a server that never answers is waited for several times over."""
STYLES = {"pass": "green", "fail": "red", "skip": "yellow"}


@click.command()
@click.argument("addresses", nargs=-1)
@click.option("--source", default="", metavar="NAME", help="Look at this source only.")
@click.option(
    "--firewall", is_flag=True, help="Print which hosts and ports have to be open; connects to nothing."
)
@common_options
def doctor(frame: Frame, addresses: Sequence[str], source: str, *, firewall: bool) -> int:
    """Look at every link from here to Exchange and the hub, in order; say of each what is wrong and the lines that mend it.

    Activated mailboxes only are opened, a few of them when no ADDRESS is given. Nothing is written, and a password that was
    refused before is not tried again.
    """
    loaded = frame.load()
    if firewall:
        rows = _firewall(loaded, source)
        frame.out.table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
        return 0
    return _tell(frame.out, _findings(loaded, list(addresses), source))


def examine(frame: Frame, loaded: Loaded) -> bool:
    """Look at everything and tell it; whether nothing failed."""
    return _tell(frame.out, _findings(loaded, [], "")) == 0


def _findings(loaded: Loaded, addresses: list[str], source: str) -> Iterator[dict[str, Any]]:
    """From the running daemon, whose network and rights they then are; else made here."""
    try:
        yield from follow(
            loaded.config.runtime, "doctor", timeout=PATIENCE, addresses=addresses, source=source
        )
    except DaemonNotRunning:
        with _opened(loaded) as ground:
            yield from (one.plain() for one in checks.examine(ground, addresses, source))


def _firewall(loaded: Loaded, source: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = call(loaded.config.runtime, "doctor.firewall", source=source)
    except DaemonNotRunning:
        with _opened(loaded) as ground:
            return [dict(zip(COLUMNS, one.row(), strict=True)) for one in checks.openings(ground, source)]
    return rows


@contextmanager
def _opened(loaded: Loaded) -> Iterator[Ground]:
    keystore = open_keystore(loaded.config)
    keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
    with as_owner(loaded.config.state):
        ground = Ground(loaded, keystore, open_store(loaded.config, keystore))
        try:
            yield ground
        finally:
            ground.store.close()


def _tell(out: Output, findings: Iterable[dict[str, Any]]) -> int:
    """Print each as it comes; 1 when one failed."""
    found = []
    for finding in findings:
        found.append(finding)
        if not out.json:
            _show(out, finding)
    fine = all(finding["mark"] != "fail" for finding in found)
    if out.json:
        out.data({"healthy": fine, "findings": found})
    return 0 if fine else 1


def _show(out: Output, finding: dict[str, Any]) -> None:
    mark = click.style(finding["mark"], fg=STYLES[finding["mark"]]) if out.color else finding["mark"]
    click.echo(f"{mark}  {finding['check']:<15} {finding['subject']}: {finding['sentence']}")
    if finding["advice"]:
        click.echo(f"      {finding['advice']}")
    for line in finding["paste"]:
        click.echo(f"        {line}")
