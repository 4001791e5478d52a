"""``run`` and ``status``, and the group that all commands hang on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.cli import main as manners
from connector.hub import registry, serve
from connector.hub.cli.credentials import connectors, token
from connector.hub.cli.options import PREFIX, Frame, common_options
from connector.server.alone import is_running

NAME = "calendar-connector-hub"

_FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="calendar-connector", prog_name=NAME)
def cli() -> None:
    """Keep sealed calendars, show them to their users, and pass their commands on."""


cli.add_command(token)
cli.add_command(connectors)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return manners.run(cli, arguments, name=NAME)


@cli.command()
@click.option("--listen", envvar=f"{PREFIX}LISTEN", metavar="HOST:PORT", help="Port 0 is any free one.")
@click.option("--certificate", type=_FILE, envvar=f"{PREFIX}CERTIFICATE", metavar="PEM")
@click.option("--key", type=_FILE, envvar=f"{PREFIX}KEY", metavar="PEM")
@common_options
def run(frame: Frame, *, listen: str | None, certificate: Path | None, key: Path | None) -> None:
    """Serve until SIGTERM; a line of JSON says when and where. SIGHUP reads the certificate anew."""
    given = frame.settings
    serve.run(
        replace(
            given,
            listen=listen or given.listen,
            certificate=certificate or given.certificate,
            key=key or given.key,
        )
    )


@cli.command()
@common_options
def status(frame: Frame) -> int:
    """Say how the hub is; 1 when it does not run or a connector is silent."""
    with frame.database() as database, database.reading() as connection:
        summary = registry.summary(connection, datetime.now(UTC), frame.settings.times.silent_after)
    running = is_running(frame.settings.database)
    facts = {"running": running, "database": str(frame.settings.database), **summary}
    frame.out.record(
        {name.replace(" ", "_") if frame.out.json else name: fact for name, fact in facts.items()}
    )
    return 0 if running and not summary["silent connectors"] else 1
