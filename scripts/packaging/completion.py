"""Completion for bash and zsh, as click writes it; it asks the program itself at each press of the key."""

from __future__ import annotations

from typing import Literal

import click
from click.shell_completion import ShellComplete, get_completion_class

Shell = Literal["bash", "zsh"]


def script(name: str, command: click.Command, shell: Shell) -> str:
    """The script for one shell to source."""
    kind = get_completion_class(shell)
    if kind is None:
        raise LookupError(f"click knows no shell {shell}")
    variable = f"_{name.replace('-', '_').upper()}_COMPLETE"
    # The base class's source(): bash's own would look for the builder's bash first, to learn its version.
    return ShellComplete.source(kind(command, {}, name, variable)).strip() + "\n"
