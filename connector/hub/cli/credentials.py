"""``token`` and ``connector``: who may speak to the hub."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from connector.cli.flags import Consent, UsageRefused, asks_first
from connector.hub import enrolment, registry, tokens
from connector.hub.cli.options import Frame, common_options


@click.group()
def token() -> None:
    """Credentials of connectors and users."""


@token.command()
@click.option(
    "--enrolment",
    "enrolment_for",
    metavar="NAME",
    help="A one-time token for the connector of that name to enrol with.",
)
@click.option("--hours", default=24, type=click.IntRange(1, 24 * 31), help="How long it is good for.")
@click.option("--connector", metavar="NAME", help="The connector's instance name.")
@click.option(
    "--user",
    "subjects",
    multiple=True,
    metavar="INDEX",
    help="A mailbox that a user may read, by its id or by the blind index of its address. Give it as often as you need.",
)
@common_options
def create(
    frame: Frame, *, enrolment_for: str | None, hours: int, connector: str | None, subjects: tuple[str, ...]
) -> None:
    """Print a new token. It is shown this once; the hub keeps a digest."""
    if sum(map(bool, (enrolment_for, connector, subjects))) != 1:
        raise UsageRefused("give either --enrolment NAME, --connector NAME or --user INDEX")
    now = datetime.now(UTC)
    with frame.database(make=True) as database:
        if enrolment_for:
            made = enrolment.offer(database, enrolment_for, now, timedelta(hours=hours))
        elif connector:
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
        offers = enrolment.offers(connection)
    rows: list[tuple[object, ...]] = [
        (one.id, one.connector, list(one.subjects), one.created_at.isoformat(timespec="seconds"))
        for one in found
    ]
    rows += [
        (one.id, one.connector, [_enrolment(one)], one.created_at.isoformat(timespec="seconds"))
        for one in offers
    ]
    frame.out.table(("id", "connector", "opens", "created"), rows)


def _enrolment(one: enrolment.Offer) -> str:
    return "enrolment, used" if one.used else f"enrolment until {one.expires_at:%Y-%m-%d %H:%M} UTC"


@token.command("revoke")
@click.argument("token_ids", metavar="ID...", nargs=-1, required=True)
@common_options
def revoke_token(frame: Frame, *, token_ids: tuple[str, ...]) -> None:
    """Make tokens worthless, at once."""
    with frame.database() as database:
        for token_id in token_ids:
            if not enrolment.withdraw(database, token_id):
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
        "credentials",
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
            one.credentials,
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
def revoke_connector(frame: Frame, *, name: str, erase: bool, consent: Consent) -> None:
    """Take a connector's tokens and keys away; with --erase its lists too."""
    with frame.database() as database:
        deed = f"revoke {name}" + (" and erase its lists" if erase else "")
        registry.known(database, name)
        if consent.given(frame.out, deed):
            registry.revoke(database, name, erase=erase)
            frame.out.say(f"connector {name} is revoked")
