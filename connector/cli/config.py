"""``calendar-connector config``: is it right, what is in force, what would a reload change, what may be written."""

from __future__ import annotations

import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from connector.app.contents import examine
from connector.cli.options import Frame, UsageRefused, common_options
from connector.config import Config, Loaded, diff, load, load_text, sample, show, values
from connector.control.client import DaemonNotRunning, call
from connector.errors import ConfigError
from connector.keystore import Keystore, master_key


@click.group()
def config() -> None:
    """Check, show and compare the configuration."""


@config.command()
@click.option("--offline", is_flag=True, help="Look at the files alone, not at the keystore.")
@common_options
def check(frame: Frame, *, offline: bool) -> int:
    """Name everything that is wrong, with file and line."""
    try:
        loaded = frame.load()
        examine(loaded)
    except ConfigError as error:
        return _refused(frame, error)
    missing = () if offline else _missing_secrets(loaded.config)
    if frame.out.json:
        frame.out.data(
            {"ok": not missing, "digest": loaded.digest, "notes": loaded.notes, "missing_secrets": missing}
        )
    for note in loaded.notes:
        frame.out.warn(note)
    for name in missing:
        frame.out.warn(_missing(loaded, name))
    frame.out.say(f"{frame.config_path} is right: {_summary(loaded)}")
    return 1 if missing else 0


def _refused(frame: Frame, error: ConfigError) -> int:
    if not frame.out.json:
        raise error
    frame.out.data({"ok": False, "problems": [asdict(problem) for problem in error.problems]})
    return error.exit_code


def _missing(loaded: Loaded, name: str) -> str:
    """The sentence begins with the line of what needs the secret."""
    origin = loaded.origin(loaded.config.secrets()[name])
    where = f"{origin}: " if origin else ""
    return f"{where}secret {name} is missing; set it with: calendar-connector secret set {name}"


def _summary(loaded: Loaded) -> str:
    config = loaded.config
    return f"mode {config.mode}, sources {', '.join(config.sources)}, policies {', '.join(config.policies)}"


def _missing_secrets(config: Config) -> tuple[str, ...]:
    """Look into the keystore by name alone; that needs no master key. Raises KeystoreError."""
    key = master_key(config.keystore.master_key, config.state, os.environ)
    held = {entry.name for entry in Keystore(config.keystore_path, key, lambda: datetime.now(UTC)).entries()}
    return tuple(name for name in config.secret_names() if name not in held)


@config.command("show")
@common_options
def show_(frame: Frame) -> None:
    """Print every value in force, and the line it comes from."""
    loaded = frame.load()
    if frame.out.json:
        frame.out.data({"digest": loaded.digest, "values": values(loaded)})
    else:
        frame.out.text(f"{show(loaded)}# digest {loaded.digest}")


@config.command("diff")
@click.argument("oldfile", required=False, type=click.Path(readable=False, path_type=Path))
@common_options
def diff_(frame: Frame, *, oldfile: Path | None) -> None:
    """Say what a reload would change: the file against OLDFILE, or against what the daemon has in force."""
    new = frame.load()
    sentences = diff(load(oldfile) if oldfile else _in_force(new.config), new)
    if frame.out.json:
        frame.out.data(sentences)
    else:
        for sentence in sentences:
            frame.out.text(sentence)
        if not sentences:
            frame.out.say("nothing changes")


def _in_force(config: Config) -> Loaded:
    """What the running daemon works by. Raises UsageRefused when none runs."""
    try:
        text: str = call(config.runtime, "config.effective")
    except DaemonNotRunning:
        raise UsageRefused(
            "the daemon is not running, so nothing is in force to compare with;"
            " name a file: calendar-connector config diff OLDFILE"
        ) from None
    return load_text(text, "configuration in force", with_files=False)


@config.command("sample")
@common_options
def sample_(frame: Frame) -> None:
    """Print a commented sample to begin with."""
    frame.out.text(sample().removesuffix("\n"))
