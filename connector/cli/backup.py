"""calendar-connector backup, restore: the whole state in one sealed file, and back."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from connector.app import backup as work
from connector.app.ground import DATABASE, STATE_KEY, open_keystore
from connector.backup.sealing import RECIPIENTS, Key, NeedsPassword, opener, recipient
from connector.cli.office import login
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.config import Config
from connector.control.client import DaemonNotRunning, call
from connector.errors import UserError

PEM_LIMIT = 65536
_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--to", "target", type=_PATH, required=True, metavar="FILE", help="The file to write.")
@click.option(
    "--recipient",
    "recipients",
    type=_PATH,
    multiple=True,
    required=True,
    metavar="PEM",
    help="A public key or certificate that may open it (RSA or EC). Give it as often as you need.",
)
@common_options
def backup(frame: Frame, *, target: Path, recipients: Sequence[Path]) -> None:
    """Write database, secrets and configuration into one file that only the recipients can open. The daemon may run."""
    if len(recipients) > RECIPIENTS:
        raise UsageRefused(f"a backup is sealed to {RECIPIENTS} recipients at most")
    keys = [recipient(_pem(path), str(path)) for path in recipients]
    loaded = frame.load()
    keystore = open_keystore(loaded.config)
    keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
    size = work.back_up(loaded.config, frame.config_path.parent, keystore, target, keys)
    frame.out.say(f"{target} is written: {size / 1e6:.1f} MB, sealed to {len(keys)} recipients")


@click.command()
@click.argument("source", type=_PATH, required=False, metavar="[FILE]")
@click.option("--key", "key_path", type=_PATH, metavar="PEM", help="The private key of a recipient.")
@click.option(
    "--before-upgrade",
    is_flag=True,
    help="Put back what was kept before the last upgrade, to go back to that version.",
)
@asks_first
@common_options
def restore(
    frame: Frame, source: Path | None, consent: Consent, *, key_path: Path | None, before_upgrade: bool
) -> int:
    """Put a backup back, here or on another machine; the daemon must be stopped.

    The restored copy begins a new epoch: every mailbox is read again and its list at the hub compared; no mail is sent for it. What was there is kept beside it, named
    .before-restore. Files of the configuration that are there already are kept.
    """
    if before_upgrade == bool(source):
        raise UsageRefused("give either a FILE with --key, or --before-upgrade")
    if source is None:
        return _go_back(frame, consent)
    if key_path is None:
        raise UsageRefused("--key names the private key of a recipient of this backup")
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        content = work.unpack(source, _private(key_path), Path(folder))
        made = content.manifest
        deed = f"put back the state of {made.instance} as it was at {made.made_at}"
        if not consent.given(frame.out, deed):
            return 0 if consent.dry_run else 1
        written = work.lay_configuration(content, frame.config_path)
        loaded = frame.load()
        _refuse_running(loaded.config)
        work.put_back(loaded, content, Path(folder) / DATABASE, login())
    if written:
        frame.out.say(f"configuration: {', '.join(written)}")
    frame.out.say("the state is put back; start it: systemctl start calendar-connector")
    return 0


@click.command(hidden=True)
@click.argument("version")
@common_options
def snapshot(frame: Frame, version: str) -> None:
    """Keep the state for the way back to a version; the package does this before it upgrades."""
    if not frame.config_path.exists():
        return
    if work.snapshot(frame.load().config, version):
        frame.out.say(f"the state is kept for the way back to {version}")


def _go_back(frame: Frame, consent: Consent) -> int:
    config = frame.load().config
    _refuse_running(config)
    if not consent.given(
        frame.out, "put back the state as it was before the last upgrade; what happened since is read anew"
    ):
        return 0 if consent.dry_run else 1
    version = work.restore_snapshot(config)
    frame.out.say(f"the state of {version} is put back; now install the package of that version")
    return 0


def _refuse_running(config: Config) -> None:
    try:
        call(config.runtime, "status")
    except DaemonNotRunning:
        return
    raise UserError("the daemon is running; stop it first: systemctl stop calendar-connector")


def _private(path: Path) -> Key:
    pem = _pem(path)
    try:
        return opener(pem, str(path))
    except NeedsPassword:
        if not sys.stdin.isatty():
            raise
        password = click.prompt(f"Password of {path}", hide_input=True, err=True)
        return opener(pem, str(path), str(password).encode())


def _pem(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PEM_LIMIT)
    except OSError as error:
        raise UsageRefused(f"{path} can't be read: {error.strerror}") from None
