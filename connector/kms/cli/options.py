"""Options that the key server's commands share, as decorators."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from connector.cli.flags import output_flags
from connector.cli.output import Output
from connector.errors import NotFound
from connector.kms import settings
from connector.kms.house import House, open_house
from connector.kms.keks.opening import open_provider
from connector.kms.settings import Settings
from connector.server.alone import become_owner

PREFIX = "CALENDAR_CONNECTOR_KMS_"
"""Of environment variables; a flag wins over one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every command gets first: the settings, and where its words go."""

    settings: Settings
    out: Output
    config: Path | None = None

    def again(self) -> Settings:
        """The settings as the file holds them now. Raises ConfigError."""
        return settings.load(self.config)

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
    @output_flags
    @functools.wraps(command)
    def framed(*, config: Path | None, out: Output, **arguments: Any) -> Any:
        return command(Frame(settings.load(config), out, config), **arguments)

    return framed
