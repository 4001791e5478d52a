"""Options that the connector's commands share, as decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from connector.cli.flags import Consent, UsageRefused, asks_first, output_flags
from connector.cli.output import Output
from connector.config import DEFAULT_PATH, Loaded, load

__all__ = ["Consent", "Frame", "UsageRefused", "asks_first", "common_options"]


@dataclass(frozen=True, slots=True)
class Frame:
    """What every command gets first: which configuration, and where its words go."""

    config_path: Path
    out: Output

    def load(self) -> Loaded:
        """Read the configuration. Raises ConfigError."""
        return load(self.config_path)


def common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --config, --json, --quiet and --no-color; it is called with a Frame first."""

    @click.option(
        "--config",
        "config_path",
        type=click.Path(readable=False, path_type=Path),
        default=DEFAULT_PATH,
        show_default=True,
        metavar="PATH",
        help="The configuration file; conf.d beside it belongs to it.",
    )
    @output_flags
    @functools.wraps(command)
    def framed(*, config_path: Path, out: Output, **arguments: Any) -> Any:
        return command(Frame(config_path, out), **arguments)

    return framed
