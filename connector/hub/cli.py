"""The program ``calendar-connector-hub``."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import structlog

from connector.cli.main import run as run_program
from connector.cli.output import Output
from connector.hub import serve, settings, tokens
from connector.hub.database import Database

NAME = "calendar-connector-hub"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="calendar-connector", prog_name=NAME)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALENDAR_CONNECTOR_HUB_CONFIG",
    help=f"Settings (TOML). [default: {settings.DEFAULT_PATH} if it is there]",
)
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    envvar="CALENDAR_CONNECTOR_HUB_DATABASE",
    help=f"The database. [default: {settings.DEFAULT_DATABASE}]",
)
@click.pass_context
def cli(context: click.Context, config: Path | None, database: Path | None) -> None:
    """Keep sealed calendars, show them to their users, and pass their commands on."""
    loaded = settings.load(config)
    context.obj = replace(loaded, database=database) if database else loaded


@cli.command("run")
@click.option("--listen", envvar="CALENDAR_CONNECTOR_HUB_LISTEN", help="HOST:PORT; port 0 is any free one.")
@click.option(
    "--certificate", type=click.Path(path_type=Path), envvar="CALENDAR_CONNECTOR_HUB_CERTIFICATE", help="PEM."
)
@click.option("--key", type=click.Path(path_type=Path), envvar="CALENDAR_CONNECTOR_HUB_KEY", help="PEM.")
@click.pass_obj
def run(given: settings.Settings, listen: str | None, certificate: Path | None, key: Path | None) -> None:
    """Serve until told to end; a line of JSON says when it is ready."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    chosen = replace(
        given,
        listen=listen or given.listen,
        certificate=certificate or given.certificate,
        key=key or given.key,
    )
    serve.run(chosen)


@cli.group()
def token() -> None:
    """Credentials of connectors and users."""


@token.command("create")
@click.option("--connector", help="The connector's instance name.")
@click.option(
    "--user", "subjects", multiple=True, metavar="INDEX", help="Mailbox id or blind index; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON.")
@click.pass_obj
def create(given: settings.Settings, connector: str | None, subjects: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's
    """Print a new token; it is shown this once."""
    if bool(connector) == bool(subjects):
        raise click.UsageError("give either --connector NAME or --user INDEX")
    database = Database(given.database, readers=1)
    try:
        now = datetime.now(UTC)
        made = (
            tokens.for_connector(database, connector, now)
            if connector
            else tokens.for_user(database, subjects, now)
        )
    finally:
        database.close()
    out = Output(json=as_json)
    out.data({"token": made}) if as_json else out.text(made)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run_program(cli, arguments, name=NAME)
