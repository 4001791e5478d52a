"""``calendar-connector secret``: passwords and tokens, typed or piped in, never an argument and never shown."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, BinaryIO

import click

from connector.app.google import secret_fault
from connector.app.ground import STATE_KEY, Ground, forget_refusals, open_keystore, open_store
from connector.app.keys import identity_of
from connector.cli.office import as_owner, login
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.config import Config, Loaded
from connector.control.client import DaemonNotRunning, VerbUnknown, call
from connector.errors import NotFound, UserError
from connector.keystore import Keystore

LIMIT = 64 * 1024
"""The longest secret in bytes; more is not read."""


@click.group()
def secret() -> None:
    """Set, list and delete passwords and tokens; they rest encrypted."""


@secret.command("set")
@click.argument("name")
@click.option(
    "--file",
    "source",
    type=click.File("rb"),
    metavar="FILE",
    help="Take the secret from a file, a key file for instance.",
)
@common_options
def set_(frame: Frame, name: str, source: BinaryIO | None) -> int:
    """Set a secret: typed twice without echo, or piped in; a running daemon takes it up at once."""
    loaded = frame.load()
    _refuse_unknown(name, loaded.config.secret_names())
    value = _value(name, source)
    if fault := secret_fault(loaded.config, name, value):
        raise UserError(f"{fault}; nothing was changed")
    return _change(frame, loaded, "set", name=name, value=value)


@secret.command("list")
@common_options
def list_(frame: Frame) -> None:
    """Show names, versions and dates of all secrets, the missing ones too."""
    config = frame.load().config
    held = {entry["name"]: entry for entry in _entries(config)}
    wanted = config.secret_names()
    rows = [_row(name, held.get(name), "missing") for name in wanted]
    rows += [_row(name, entry, "") for name, entry in held.items() if name not in wanted]
    frame.out.table(("name", "state", "version", "set at"), rows)


@secret.command()
@click.argument("name")
@asks_first
@common_options
def delete(frame: Frame, name: str, consent: Consent) -> int:
    """Delete a secret."""
    loaded = frame.load()
    _refuse_absent(name, [entry["name"] for entry in _entries(loaded.config)])
    if not consent.given(frame.out, f"delete the secret {name}"):
        return 0 if consent.dry_run else 1
    return _change(frame, loaded, "delete", name=name)


@secret.command()
@common_options
def rekey(frame: Frame) -> int:
    """Make a new master key and seal every secret under it."""
    return _change(frame, frame.load(), "rekey")


@secret.command()
@common_options
def fingerprint(frame: Frame) -> None:
    """Show what the key server enrols this connector by, and makes the key first if there is none yet."""
    config = frame.load().config
    shown = identity_of(config, open_keystore(config)).fingerprint
    if frame.out.json:
        frame.out.data({"connector": config.instance, "fingerprint": shown})
    else:
        frame.out.text(shown)


# --- names


def _refuse_unknown(name: str, wanted: Sequence[str]) -> None:
    if name not in wanted:
        raise NotFound(f"the configuration needs no secret {name}; {_proposal(name, wanted)}")


def _refuse_absent(name: str, held: Sequence[str]) -> None:
    if name not in held:
        raise NotFound(f"there is no secret {name}; {_proposal(name, held)}")


def _proposal(name: str, names: Sequence[str]) -> str:
    if not names:
        return "there is none at all"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"write {close[0]}" if close else f"write one of {', '.join(names)}"


# --- the value


def _value(name: str, source: BinaryIO | None) -> str:
    """The secret, without the line's end. A secret is text: passwords, tokens, PEM and JSON files."""
    if source is None and sys.stdin.isatty():
        return str(click.prompt(f"Secret {name}", hide_input=True, confirmation_prompt="Once more", err=True))
    data = (source or sys.stdin.buffer).read(LIMIT + 1)
    if len(data) > LIMIT:
        raise UsageRefused(f"the secret is longer than {LIMIT} bytes; nothing was changed")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageRefused("the secret is no UTF-8 text; nothing was changed") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageRefused("the secret is empty; nothing was changed")
    return value


# --- the change, by the daemon or without it


def _change(frame: Frame, loaded: Loaded, action: str, **arguments: Any) -> int:
    try:
        call(loaded.config.runtime, f"secret.{action}", **arguments)
    except DaemonNotRunning:
        return _change_here(frame, loaded, action, **arguments)
    frame.out.say(_done(action, arguments.get("name", "")) + "; the running daemon has taken it up")
    return 0


def _change_here(frame: Frame, loaded: Loaded, action: str, **arguments: str) -> int:
    keystore = open_keystore(loaded.config)
    keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
    _ACTIONS[action](keystore, **arguments)
    name = arguments.get("name", "")
    frame.out.say(_done(action, name))
    try:
        _record(loaded, keystore, action, name)
    except UserError as error:
        frame.out.warn(f"the audit trail has no row of it: {error}")
        return 1
    return 0


def _record(loaded: Loaded, keystore: Keystore, action: str, name: str) -> None:
    with as_owner(loaded.config.state):
        store = open_store(loaded.config, keystore)
        try:
            forget_refusals(store, name)
            desk = Ground(loaded, keystore, store).desk(login())
            store.audit(desk.entry(f"secret.{action}", secret_name=name))
        finally:
            store.close()


_ACTIONS: dict[str, Callable[..., object]] = {
    "set": lambda keystore, name, value: keystore.set(name, value.encode()),
    "delete": lambda keystore, name: keystore.delete(name),
    "rekey": lambda keystore: keystore.rekey(),
}


def _done(action: str, name: str) -> str:
    return {"set": f"secret {name} is set", "delete": f"secret {name} is deleted"}.get(
        action, "every secret is sealed under a new master key"
    )


# --- what is there


def _entries(config: Config) -> list[dict[str, Any]]:
    try:
        return list(call(config.runtime, "secret.list"))
    except (DaemonNotRunning, VerbUnknown):
        return [
            {"name": entry.name, "version": entry.version, "set_at": entry.set_at.isoformat()}
            for entry in open_keystore(config).entries()
        ]


def _row(name: str, entry: dict[str, Any] | None, otherwise: str) -> tuple[object, ...]:
    if entry is None:
        return name, otherwise, None, None
    set_at = datetime.fromisoformat(entry["set_at"]).isoformat(timespec="seconds")
    return name, "set" if otherwise else "not needed", entry["version"], set_at
