"""calendar-connector run: the unit's command."""

from __future__ import annotations

import click

from connector.cli.options import Frame, common_options
from connector.daemon import daemon


@click.command()
@click.option(
    "--take-over",
    is_flag=True,
    help="Go on even though another copy of this appliance had replaced this one.",
)
@common_options
def run(frame: Frame, *, take_over: bool) -> None:
    """Run the connector in the foreground; systemd does this."""
    daemon.run(frame.config_path, take_over=take_over)
