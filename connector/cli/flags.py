"""Flags that commands of every program share, as decorators: how results are printed, and asking before something is done."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from connector.cli.output import Output
from connector.errors import UserError


class UsageRefused(UserError):
    """The command can't be carried out the way it was called."""

    exit_code = 2


def output_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json, --quiet, --no-color and --debug; it gets an Output as ``out``."""

    @click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")
    @click.option("--quiet", is_flag=True, help="Print results, warnings and errors only.")
    @click.option("--no-color", is_flag=True, help="Print without colours.")
    @click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of a fault.")
    @functools.wraps(command)
    def printing(*, as_json: bool, quiet: bool, no_color: bool, **arguments: Any) -> Any:
        return command(out=Output(json=as_json, quiet=quiet, color=not no_color), **arguments)

    return printing


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether something that deletes or mails may be done."""

    yes: bool
    dry_run: bool

    def given(self, out: Output, deed: str) -> bool:
        """Ask whether ``deed`` ("erase 3 mailboxes") shall be done; a dry run only says that it would be.

        Raises UsageRefused when nobody is there to answer.
        """
        if self.dry_run:
            out.say(f"dry run: would {deed}")
            return False
        if self.yes:
            return True
        if not sys.stdin.isatty():
            raise UsageRefused(f"this would {deed}; add --yes, or --dry-run to see what would happen")
        return click.confirm(f"{deed[:1].upper()}{deed[1:]}?", default=False, err=True)


def asks_first(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --yes and --dry-run; it gets a Consent as ``consent``."""

    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    @functools.wraps(command)
    def asking(*positional: Any, yes: bool, dry_run: bool, **arguments: Any) -> Any:
        return command(*positional, consent=Consent(yes=yes, dry_run=dry_run), **arguments)

    return asking
