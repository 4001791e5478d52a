"""calendar-connector enroll, unenroll: become known to the hub, and be forgotten by it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from connector.app import enrolment
from connector.app.ground import STATE_KEY, Ground, open_keystore, open_store
from connector.cli.office import as_owner, login
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.config import Loaded
from connector.control.client import DaemonNotRunning, call

LONGEST = 1024
PATIENCE = 120.0


@click.command()
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the one-time token from a file; else it is asked for, or piped in.",
)
@common_options
def enroll(frame: Frame, *, token_file: Path | None) -> None:
    """Enrol at the hub: a key is made on this machine, and the hub takes its public half for a one-time token."""
    loaded = frame.load()
    done = carry_out(loaded, "hub.enrol", token=token_of(token_file))
    frame.out.say(f"{done['instance']} is enrolled at {done['hub']}; its key is renewed by itself")


@click.command()
@click.option("--force", is_flag=True, help="Forget the credential here even if the hub can't be told.")
@asks_first
@common_options
def unenroll(frame: Frame, consent: Consent, *, force: bool) -> int:
    """Have the hub forget this connector's credential, and forget it here. Lists at the hub end by its own clock."""
    loaded = frame.load()
    if not consent.given(
        frame.out, f"end the enrolment of {loaded.config.instance} at {loaded.config.hub.url}"
    ):
        return 0 if consent.dry_run else 1
    done = carry_out(loaded, "hub.unenrol", force=force)
    frame.out.say(f"no longer enrolled at {done['hub']} ({done['told']})")
    return 0


def carry_out(loaded: Loaded, verb: str, **arguments: Any) -> dict[str, str]:
    """By the running daemon, whose network and rights it has; else here, as the owner of the files."""
    try:
        done: dict[str, str] = call(loaded.config.runtime, verb, timeout=PATIENCE, **arguments)
    except DaemonNotRunning:
        return _here(loaded, verb, arguments)
    return done


def _here(loaded: Loaded, verb: str, arguments: dict[str, Any]) -> dict[str, str]:
    keystore = open_keystore(loaded.config)
    keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
    with as_owner(loaded.config.state):
        ground = Ground(loaded, keystore, open_store(loaded.config, keystore))
        try:
            return enrolment.VERBS[verb](ground, login(), **arguments)
        finally:
            ground.store.close()


def token_of(path: Path | None) -> str:
    """The token, from the file, typed without echo, or piped in. Raises UsageRefused."""
    if path is None and sys.stdin.isatty():
        return str(click.prompt("Enrolment token", hide_input=True, err=True)).strip()
    try:
        if path is None:
            return sys.stdin.read(LONGEST).strip()
        with path.open(encoding="utf-8") as file:
            return file.read(LONGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is no text"
        raise UsageRefused(f"{path} can't be read: {words}") from None
