"""``backup``, ``restore``, ``drill`` and ``audit``: that nothing is lost, and that everything shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from connector.errors import UserError
from connector.kms import audit
from connector.kms.backup import container, drill
from connector.kms.cli.options import Frame, actor, common_options, now
from connector.kms.keks.opening import open_provider
from connector.kms.names import Names
from connector.server.alone import become_owner

_FILE = click.Path(path_type=Path)
_KEY = click.option(
    "--key", "key_file", type=_FILE, required=True, metavar="PEM", help="A recipient's private key."
)
_PASSWORD = click.option(
    "--password", is_flag=True, help="Ask for the private key's password (or read it from a pipe)."
)


@click.command()
@click.option(
    "--to", "target", type=_FILE, required=True, metavar="FILE", help="Where; not over a file that is there."
)
@click.option(
    "--recipient", "recipients", type=_FILE, multiple=True, required=True, metavar="PEM",
    help="A public key or certificate that may open it. Give at least two, kept in different places.",
)  # fmt: skip
@common_options
def backup(frame: Frame, *, target: Path, recipients: tuple[Path, ...]) -> None:
    """Copy database and keys into one file for the recipients; the server may run meanwhile."""
    publics = tuple(container.public_key(path) for path in recipients)
    if target.exists():
        raise UserError(f"There is a file {target} already; name another one.")
    handle = _made(target)
    with os.fdopen(handle, "wb") as file, frame.house(make=True) as house:
        raw = drill.back_up(house, publics, actor())
        file.write(raw)
        file.flush()
        os.fsync(handle)
    frame.out.say(f"{target}: {len(raw)} bytes for {len(publics)} recipients; now: drill {target}")


@click.command()
@click.argument("file", type=_FILE)
@_KEY
@_PASSWORD
@common_options
def restore(frame: Frame, *, file: Path, key_file: Path, password: bool) -> None:
    """Make the database from a backup, under this machine's own master secret; there must be none yet."""
    raw, key = container.read_file(file), container.private_key(key_file, _password(asked=password))
    provider = open_provider(frame.settings, os.environ)
    path = frame.settings.database
    become_owner(path)
    report = drill.restore(path, raw, key, provider, Names(frame.settings.host).cluster, actor(), now())
    frame.out.say(f"{report.keys} keys of {report.made.isoformat(timespec='seconds')} are in {path}")


@click.command("drill")
@click.argument("file", type=_FILE)
@_KEY
@_PASSWORD
@common_options
def practise(frame: Frame, *, file: Path, key_file: Path, password: bool) -> None:
    """Restore a backup for practice, in memory: open every key, verify the trail, compare with the database."""
    raw, key = container.read_file(file), container.private_key(key_file, _password(asked=password))
    with frame.house() as house:
        report = drill.drill(house, raw, key, actor())
    frame.out.say(f"the backup is good: {report.keys} keys, {report.rows} rows of the audit trail")


@click.group("audit")
def trail() -> None:
    """The audit trail."""


@trail.command("list")
@click.option("--after", default=0, metavar="NUMBER", help="Rows after this one; without it, the newest.")
@click.option("--limit", default=50, show_default=True)
@common_options
def list_rows(frame: Frame, *, after: int, limit: int) -> None:
    """Show rows, oldest first."""
    with frame.house() as house, house.database.reading() as connection:
        found = audit.rows(connection, after, limit) if after else audit.newest(connection, limit)
    columns = ("number", "at", "operation", "status", "user", "client", "via", "objects", "reason")
    rows = [
        (
            row.number,
            row.at.isoformat(timespec="seconds"),
            row.entry.operation,
            row.entry.status,
            row.entry.user or None,
            row.entry.client or None,
            row.entry.via or None,
            list(row.entry.objects),
            row.entry.reason or None,
        )
        for row in found
    ]
    frame.out.table(columns, rows)


@trail.command()
@common_options
def verify(frame: Frame) -> int:
    """Check the chain from end to end; 1 when a row is missing or was changed."""
    with frame.house() as house, house.database.reading() as connection:
        broken = house.trail.first_broken(connection)
        number, chain = audit.head(connection)
    if broken is not None:
        frame.out.warn(f"row {broken} is missing, was changed, or does not follow from the one before")
        return 1
    frame.out.say(f"{number} rows hold; the head is {chain}: compare it with the audit.head in the journal")
    return 0


def _made(path: Path) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}.") from error


def _password(*, asked: bool) -> bytes | None:
    if not asked:
        return None
    typed = (
        click.prompt("Password", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    )
    return str(typed).rstrip("\n").encode()
