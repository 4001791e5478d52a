"""calendar-connector support-bundle: what support needs, shown before it is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from connector.app import bundle
from connector.app.ground import open_keystore
from connector.cli.office import ask
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.errors import UserError


@click.command("support-bundle")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), default=Path("support-bundle.txt"), show_default=True
)
@click.option(
    "--mailbox", default="", metavar="ADDRESS", help="Add what concerns this mailbox, and its log lines only."
)
@asks_first
@common_options
def support_bundle(frame: Frame, consent: Consent, *, target: Path, mailbox: str) -> int:
    """Gather versions, configuration, status and log into one text file, without secrets, people or meetings.

    The text is shown before it is written: read it. Addresses are replaced by names that mean nothing elsewhere.
    """
    loaded = frame.load()

    def said(verb: str) -> str:
        arguments = {"address": mailbox} if verb == "mailbox.show" else {}
        try:
            return json.dumps(ask(frame, verb, **arguments), indent=1, ensure_ascii=False, default=str)
        except UserError as error:
            return str(error)

    secrets = (
        list(open_keystore(loaded.config).entries())
        if os.access(loaded.config.keystore_path, os.R_OK)
        else []
    )
    text = bundle.whole(bundle.parts(loaded, secrets, said, mailbox), bundle.Masked())
    frame.out.text(text)
    if not consent.given(frame.out, f"write this ({len(text) >> 10} kB) to {target}"):
        return 0 if consent.dry_run else 1
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageRefused(f"{target} can't be written: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    frame.out.say(f"{target} is written")
    return 0
