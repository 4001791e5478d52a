"""Options that the key server's commands share, as decorators."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from connector.cli.output import Output
from connector.errors import NotFound, UserError
from connector.kms import settings
from connector.kms.house import House, open_house
from connector.kms.keks.opening import open_provider
from connector.kms.settings import Settings

PREFIX = "CALENDAR_CONNECTOR_KMS_"
"""Of environment variables; a flag wins over one."""


class UsageRefused(UserError):
    """The command can't be carried out the way it was called."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """What every command gets first: the settings, and where its words go."""

    settings: Settings
    out: Output

    @contextmanager
    def house(self, *, make: bool = False) -> Iterator[House]:
        """The database and its keys. The master secret is opened as root, the database as its owner.

        Raises NotFound when there is no database and none is to be made.
        """
        path = self.settings.database
        if not make and not path.exists():
            raise NotFound(f"There is no database {path}; the first calendar-connector-kms backup makes it.")
        provider = open_provider(self.settings, os.environ)
        become_owner(path)
        house = open_house(self.settings, provider, now)
        try:
            yield house
        finally:
            house.database.close()


def now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def actor() -> str:
    """Who runs this, for the audit trail: the login behind sudo where there is one (proc(5), loginuid)."""
    import pwd  # noqa: PLC0415 - needed by commands alone

    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        login = _NO_LOGIN
    uid = os.getuid() if login == _NO_LOGIN else login
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


_NO_LOGIN = 0xFFFF_FFFF


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config, --json, --quiet and --no-color; it is called with a Frame first."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar=f"{PREFIX}CONFIG",
        metavar="PATH",
        help=f"Settings as TOML. [default: {settings.DEFAULT_PATH}]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")
    @click.option("--quiet", is_flag=True, help="Print results, warnings and errors only.")
    @click.option("--no-color", is_flag=True, help="Print without colours.")
    @click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of a fault.")
    @functools.wraps(command)
    def framed(*, config: Path | None, as_json: bool, quiet: bool, no_color: bool, **arguments: Any) -> Any:
        out = Output(json=as_json, quiet=quiet, color=not no_color)
        return command(Frame(settings.load(config), out), **arguments)

    return framed


def asks_first(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --yes and --dry-run; it gets ``agreed``, a question that is put with the deed in words."""

    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    @functools.wraps(command)
    def asking(frame: Frame, *, yes: bool, dry_run: bool, **arguments: Any) -> Any:
        def agreed(deed: str) -> bool:
            if dry_run:
                frame.out.say(f"dry run: would {deed}")
                return False
            if yes:
                return True
            if not sys.stdin.isatty():
                raise UsageRefused(f"this would {deed}; add --yes, or --dry-run to see what would happen")
            return click.confirm(f"{deed[:1].upper()}{deed[1:]}?", default=False, err=True)

        return command(frame, agreed=agreed, **arguments)

    return asking


def become_owner(database: Path) -> None:
    """Root takes the database's owner upon itself, so that no file is left that the server can't write to."""
    if os.geteuid() != 0:
        return
    owner = (database if database.exists() else database.parent).stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
