"""``key`` and ``rotate``: what becomes of keys."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import click

from connector.cli.flags import Consent, UsageRefused, asks_first
from connector.kms import custody, upkeep
from connector.kms.audit import Entry
from connector.kms.cli.options import Frame, actor, common_options
from connector.kms.custody import Choice

_CHOOSING = (
    click.argument("keys", metavar="[KEY]...", nargs=-1),
    click.option("--resource", default="", metavar="URI", help="All keys of this resource."),
    click.option("--user", default="", metavar="NAME", help="All keys that this user or connector made."),
)


def _chooses(command: Callable[..., None]) -> Callable[..., None]:
    for decorate in reversed(_CHOOSING):
        command = decorate(command)
    return command


@click.group()
def key() -> None:
    """Content keys: which there are, and taking them back."""


@key.command("list")
@_chooses
@click.option("--limit", default=1000, show_default=True, help="So many at most, the newest.")
@common_options
def list_keys(frame: Frame, *, keys: tuple[str, ...], resource: str, user: str, limit: int) -> None:
    """Show keys, newest first; never what they are."""
    with frame.house() as house:
        found = custody.held(house, Choice(keys, resource, user), limit)
    rows = [
        (
            one.uri,
            one.state,
            one.owner,
            one.resource or None,
            one.created.isoformat(timespec="seconds"),
            one.destroy_at.isoformat(timespec="seconds") if one.destroy_at else None,
            one.kek_version,
        )
        for one in found
    ]
    frame.out.table(("key", "state", "user", "resource", "created", "destroy from", "kek"), rows)


@key.command()
@_chooses
@click.option(
    "--state",
    type=click.Choice(custody.STATES),
    default="disabled",
    show_default=True,
    help="disabled: not handed out. no-encrypt: handed out as expired. active: in use again.",
)
@common_options
@asks_first
def revoke(
    frame: Frame,
    *,
    keys: tuple[str, ...],
    resource: str,
    user: str,
    state: str,
    consent: Consent,
) -> None:
    """Take keys back, or give them free again with --state active. Connectors send what they sealed anew, under new keys."""
    choice = _said(keys, resource, user)
    with frame.house() as house:
        count = len(custody.held(house, choice))
        if consent.given(frame.out, f"set {count} keys to {state}"):
            frame.out.say(f"{custody.revoke(house, choice, state, actor())} keys are {state} now")


@key.command()
@_chooses
@common_options
@asks_first
def destroy(frame: Frame, *, keys: tuple[str, ...], resource: str, user: str, consent: Consent) -> None:
    """Erase keys for ever, in two steps: the first disables them, the second is possible a day later."""
    choice = _said(keys, resource, user)
    with frame.house() as house:
        count = len(custody.held(house, choice))
        if consent.given(frame.out, f"destroy {count} keys, and what is sealed with them"):
            marked, erased = custody.destroy(house, choice, actor())
            after = house.settings.times.destroy_after
            if marked:
                frame.out.say(f"{marked} keys are disabled; call this again after {after} to erase them")
            if erased:
                frame.out.say(f"{erased} keys are destroyed")


@click.command()
@common_options
def rotate(frame: Frame) -> None:
    """Make a new key encryption key and wrap every content key under it; the server may run meanwhile."""
    with frame.house() as house:
        with house.database.writing() as connection:
            version = house.hierarchy.add_version(connection, house.clock())
            reason = f"version {version}"
            entry = Entry("rotate", 200, user=actor(), reason=reason, via="command")
            house.trail.append(connection, house.clock(), entry)
        count = upkeep.rewrap(house, Event())
    frame.out.say(f"KEK {version} is active; {count} keys are wrapped under it")


def _said(keys: tuple[str, ...], resource: str, user: str) -> Choice:
    choice = Choice(keys, resource, user)
    if choice.empty:
        raise UsageRefused("name keys, or --resource URI, or --user NAME")
    return choice
