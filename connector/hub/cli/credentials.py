"""``token`` and ``connector``: who may speak to the hub."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import click

from connector.hub import registry, tokens
from connector.hub.cli.options import Frame, UsageRefused, asks_first, common_options


@click.group()
def token() -> None:
    """Credentials of connectors and users."""


@token.command()
@click.option("--connector", metavar="NAME", help="The connector's instance name.")
@click.option(
    "--user",
    "subjects",
    multiple=True,
    metavar="INDEX",
    help="A mailbox that a user may read, by its id or by the blind index of its address. Give it as often as you need.",
)
@common_options
def create(frame: Frame, *, connector: str | None, subjects: tuple[str, ...]) -> None:
    """Print a new token. It is shown this once; the hub keeps a digest."""
    if bool(connector) == bool(subjects):
        raise UsageRefused("give either --connector NAME or --user INDEX")
    now = datetime.now(UTC)
    with frame.database(make=True) as database:
        if connector:
            made = tokens.for_connector(database, connector, now)
        else:
            made = tokens.for_user(database, subjects, now)
    if frame.out.json:
        frame.out.data({"token": made})
    else:
        frame.out.text(made)


@token.command("list")
@common_options
def list_tokens(frame: Frame) -> None:
    """Show all tokens by id, never their secrets."""
    with frame.database() as database, database.reading() as connection:
        found = tokens.issued(connection)
    rows = [
        (one.id, one.connector, list(one.subjects), one.created_at.isoformat(timespec="seconds"))
        for one in found
    ]
    frame.out.table(("id", "connector", "opens", "created"), rows)


@token.command("revoke")
@click.argument("token_ids", metavar="ID...", nargs=-1, required=True)
@common_options
def revoke_token(frame: Frame, *, token_ids: tuple[str, ...]) -> None:
    """Make tokens worthless, at once."""
    with frame.database() as database:
        for token_id in token_ids:
            tokens.revoke(database, token_id)
            frame.out.say(f"token {token_id} is revoked")


@click.group("connector")
def connectors() -> None:
    """The connectors that may send."""


@connectors.command("list")
@common_options
def list_connectors(frame: Frame) -> None:
    """Show connectors, when they spoke last and what they hold here."""
    now = datetime.now(UTC)
    with frame.database() as database, database.reading() as connection:
        found = registry.connectors(connection, now, frame.settings.times.silent_after)
    columns = (
        "name",
        "state",
        "seen",
        "version",
        "epoch",
        "sequence",
        "mailboxes",
        "waiting commands",
        "tokens",
    )
    rows = [
        (
            one.name,
            one.state,
            one.seen_at.isoformat(timespec="seconds") if one.seen_at else None,
            one.version or None,
            *one.mark,
            one.mailboxes,
            one.waiting,
            one.tokens,
        )
        for one in found
    ]
    frame.out.table(columns, rows)


@connectors.command("revoke")
@click.argument("name")
@click.option(
    "--erase", is_flag=True, help="Delete its lists too, now instead of when it has been silent for long."
)
@common_options
@asks_first
def revoke_connector(frame: Frame, *, name: str, erase: bool, agreed: Callable[[str], bool]) -> None:
    """Take a connector's tokens away; with --erase its lists too."""
    with frame.database() as database:
        deed = f"revoke {name}" + (" and erase its lists" if erase else "")
        registry.known(database, name)
        if agreed(deed):
            registry.revoke(database, name, erase=erase)
            frame.out.say(f"connector {name} is revoked")
