"""calendar-connector roster: who is activated by which place."""

from __future__ import annotations

from typing import Any

import click

from connector.cli.office import ask
from connector.cli.options import Consent, Frame, asks_first, common_options

COLUMNS = ("action", "address", "origin")


@click.group()
def roster() -> None:
    """See and carry out what the places under `roster:` say."""


@roster.command("list")
@common_options
def list_(frame: Frame) -> None:
    """Show who is activated, and by which place."""
    rows = ask(frame, "roster.list")
    frame.out.table(
        ("address", "origin", "policy", "left"),
        [[row["address"], row["origin"], row["policy"], row["left"]] for row in rows],
    )


@roster.command()
@common_options
def plan(frame: Frame) -> None:
    """Show what a run would change, without changing it."""
    planned = ask(frame, "roster.plan")
    _changes(frame, planned["changes"])
    if planned["too_much"]:
        frame.out.warn(f"{planned['too_much']}; it needs roster sync --force")


@roster.command()
@click.option("--force", is_flag=True, help="Change more than max_change allows; asks first.")
@asks_first
@common_options
def sync(frame: Frame, consent: Consent, *, force: bool) -> None:
    """Carry it out now instead of at the next `every:`."""
    if consent.dry_run or (force and not consent.given(frame.out, "carry out every change of roster plan")):
        _changes(frame, ask(frame, "roster.plan")["changes"])
        return
    _changes(frame, ask(frame, "roster.sync", force=force)["changes"])


def _changes(frame: Frame, changes: list[dict[str, Any]]) -> None:
    if not changes and not frame.out.json:
        frame.out.say("nothing to change")
        return
    frame.out.table(COLUMNS, [[row[column] for column in COLUMNS] for row in changes])
