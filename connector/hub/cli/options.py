"""Options that the hub's commands share, as decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from connector.cli.flags import output_flags
from connector.cli.output import Output
from connector.errors import NotFound
from connector.hub import settings
from connector.hub.database import Database
from connector.hub.settings import Settings
from connector.server.alone import become_owner

PREFIX = "CALENDAR_CONNECTOR_HUB_"
"""Of environment variables; a flag wins over one, and one over the file."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every command gets first: the settings, and where its words go."""

    settings: Settings
    out: Output

    @contextmanager
    def database(self, *, make: bool = False) -> Iterator[Database]:
        """The hub's database, touched as its owner. Raises NotFound when there is none and none is to be made."""
        path = self.settings.database
        if not make and not path.exists():
            raise NotFound(f"There is no database {path}; name the hub's own with --database.")
        become_owner(path)
        database = Database(path, readers=1)
        try:
            yield database
        finally:
            database.close()


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config, --database, --json, --quiet and --no-color; it is called with a Frame first."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        envvar=f"{PREFIX}CONFIG",
        metavar="PATH",
        help=f"Settings as TOML. [default: {settings.DEFAULT_PATH}, if it is there]",
    )
    @click.option(
        "--database",
        type=click.Path(path_type=Path),
        envvar=f"{PREFIX}DATABASE",
        metavar="PATH",
        help=f"The database. [default: {settings.DEFAULT_DATABASE}]",
    )
    @output_flags
    @functools.wraps(command)
    def framed(*, config: Path | None, database: Path | None, out: Output, **arguments: Any) -> Any:
        loaded = settings.load(config)
        chosen = replace(loaded, database=database) if database else loaded
        return command(Frame(chosen, out), **arguments)

    return framed
