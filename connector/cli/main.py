"""The program ``calendar-connector``: finds the command, and turns whatever goes wrong into a sentence and a code.

0 done or healthy, 1 failed or unhealthy, 2 wrong usage or configuration.
"""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from typing import TextIO

import click

from connector.errors import UserError

COMMANDS: Mapping[str, str] = {
    "run": "connector.cli.run:run",
    "setup": "connector.cli.setup:setup",
    "enroll": "connector.cli.enroll:enroll",
    "unenroll": "connector.cli.enroll:unenroll",
    "status": "connector.cli.status:status",
    "doctor": "connector.cli.doctor:doctor",
    "support-bundle": "connector.cli.bundle:support_bundle",
    "backup": "connector.cli.backup:backup",
    "restore": "connector.cli.backup:restore",
    "snapshot": "connector.cli.backup:snapshot",
    "config": "connector.cli.config:config",
    "secret": "connector.cli.secret:secret",
    "source": "connector.cli.source:source",
    "roster": "connector.cli.roster:roster",
    "mailbox": "connector.cli.mailbox:mailbox",
    "join": "connector.cli.join:join",
    "meeting": "connector.cli.meeting:meeting",
    "writes": "connector.cli.upkeep:writes",
    "deadletter": "connector.cli.upkeep:deadletter",
    "alarm": "connector.cli.upkeep:alarm",
    "audit": "connector.cli.upkeep:audit",
}
"""Every command and where it is; imported only when it is called or helped with. Register new ones here."""


class _Commands(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        close = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if close and args[0] not in COMMANDS:
            ctx.fail(f"There is no command {args[0]}; did you mean {close[0]}?")
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="calendar-connector", prog_name="calendar-connector")
def cli() -> None:
    """Keep on-premises calendars sealed and up to date at the hub."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run(cli, arguments)


def run(
    program: click.Command, arguments: Sequence[str] | None = None, *, name: str = "calendar-connector"
) -> int:
    """Run ``program`` with the manners all our programs share; None takes the process's own arguments."""
    for stream in (sys.stdout, sys.stderr):
        _never_fail_on_a_letter(stream)
    called = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = program.main(called, prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quietly_cut_off()
    except (KeyboardInterrupt, click.Abort):
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UserError as error:
        _tell(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last line of defence; the traceback is kept
        return _unexpected(error, shown="--debug" in called)
    return code if isinstance(code, int) else 0


def _never_fail_on_a_letter(stream: TextIO) -> None:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def _quietly_cut_off() -> int:
    """Whoever read our output went away; give the interpreter something to flush into at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return 1


def _unexpected(error: Exception, *, shown: bool) -> int:
    trace = "".join(traceback.format_exception(error))
    if shown or "JOURNAL_STREAM" in os.environ:
        print(trace, file=sys.stderr)
        kept = "the traceback stands above"
    else:
        kept = f"the traceback is in {_kept(trace)}"
    _tell(f"this is a fault of the program ({type(error).__name__}); {kept}")
    return 1


def _tell(text: str) -> None:
    """Why it ended: to people as it stands, to the journal as errors, line by line (sd-daemon(3))."""
    weight = "<3>" if "JOURNAL_STREAM" in os.environ and _leads_to_the_journal(sys.stderr) else ""
    print("\n".join(f"{weight}{line}" for line in text.splitlines()), file=sys.stderr)


def _leads_to_the_journal(stream: TextIO) -> bool:
    from connector.log.journal import is_journal  # noqa: PLC0415 - commands that people type start without it

    return is_journal(stream, os.environ)


def _kept(trace: str) -> str:
    with tempfile.NamedTemporaryFile("w", prefix="calendar-connector-", suffix=".txt", delete=False) as file:
        file.write(trace)
        return file.name
