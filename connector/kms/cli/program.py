"""``run`` and ``status``, and the group that all commands hang on."""

from __future__ import annotations

from collections.abc import Sequence

import click

from connector.cli import main as manners
from connector.daemon.hardening import give_up_privileges
from connector.kms import audit, hierarchy, production, serve
from connector.kms.cli.custody import key, rotate
from connector.kms.cli.options import Frame, common_options
from connector.kms.cli.safety import backup, practise, restore, trail
from connector.kms.house import House
from connector.server.alone import is_running

NAME = "calendar-connector-kms"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="calendar-connector", prog_name=NAME)
def cli() -> None:
    """Keep the keys that calendars are sealed with, and hand them to whom they belong."""


for _command in (key, rotate, backup, restore, practise, trail):
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return manners.run(cli, arguments, name=NAME)


@cli.command()
@common_options
def run(frame: Frame) -> None:
    """Serve until SIGTERM; a line of JSON says when. SIGHUP reads the settings anew."""
    give_up_privileges()
    with frame.house(make=True) as house:
        serve.run(house, frame.again)


@cli.command()
@common_options
def status(frame: Frame) -> int:
    """Say how the key server is; 1 when it does not run, or something is not as it should be."""
    with frame.house() as house:
        wrong = list(production.shortcomings(house))
        facts = _facts(house)
        warnings = list(house.hierarchy.provider.warnings())
    running = is_running(frame.settings.database)
    facts = {
        "running": running,
        "mode": frame.settings.mode,
        **facts,
        "warnings": warnings,
        "not for production": wrong,
    }
    frame.out.record(
        {name.replace(" ", "_") if frame.out.json else name: fact for name, fact in facts.items()}
    )
    return 0 if running and not (wrong and frame.settings.production) else 1


def _facts(house: House) -> dict[str, object]:
    with house.database.reading() as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM keys GROUP BY state").fetchall())
        number, chain = audit.head(connection)
        drill = production.last_drill(connection)
        return {
            "cluster": house.names.cluster,
            "database": str(house.settings.database),
            "kek provider": house.hierarchy.provider.kind,
            "kek version": hierarchy.active_version(connection),
            "keys to rewrap": hierarchy.left_to_rewrap(connection),
            **{
                f"keys {state}": states.get(state, 0)
                for state in ("active", "no-encrypt", "disabled", "destroyed")
            },
            "resources": connection.execute("SELECT count(*) FROM resources").fetchone()[0],
            "last drill": drill.isoformat(timespec="seconds") if drill else None,
            "audit head": f"{number} {chain}",
        }
