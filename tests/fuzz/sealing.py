"""Every parser of what is sealed field by field, of tokens and of backups, fed by atheris: a verdict, or a value, and nothing else.

``python -m tests.fuzz.sealing -max_total_time=20 DIRECTORY``; exits 0 when nothing was found. The directory is filled with seeds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import atheris  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec

with atheris.instrument_imports(include=["connector.seal", "connector.kms.who", "connector.kms.backup"]):
    from connector.kms.backup import container
    from connector.kms.who import bearer
    from connector.relay import carriage
    from connector.seal import commands, envelope, jwe, opening
    from connector.seal.fields import open_field, seal_field
    from connector.seal.kmswire.plain import load

from connector.errors import KeyWithheld, Refused, Transient, UserError
from connector.model import Command, Outcome, Presence, Result, SealedCommand
from tests.unit.seal.samples import DIGESTS, KEY, MAILBOX, MEETING, NOW, SENDS_ALL

OFFICER = ec.generate_private_key(ec.SECP256R1())
COMMAND = Command("c1", MAILBOX, "meeting.reply", "ann@example.com", NOW + timedelta(hours=1), {"a": 1})
MEETING_SEALED = envelope.seal_meeting(MEETING, KEY, MAILBOX, "m1", 1, SENDS_ALL, DIGESTS)
OTHERS = (
    envelope.seal_presence(Presence(away=True, since=NOW), KEY, MAILBOX, 1, SENDS_ALL),
    envelope.seal_outcome(Outcome("c1", Result.DONE, "", {}), KEY, MAILBOX, 1),
)
BACKUP = container.seal(b"clear", (OFFICER.public_key(),), {"at": "now"})


def _command(text: str) -> object:
    sealed = SealedCommand("c1", MAILBOX, text, datetime(2026, 11, 21, tzinfo=UTC))
    return commands.open_command(sealed, lambda _uri: KEY, NOW)


def _under_the_key(text: str) -> object:
    """A true command with any content: further in than noise gets."""
    header = {**jwe.read_header(commands.seal_command(COMMAND, KEY))}
    kept = {name: value for name, value in header.items() if name not in ("alg", "enc")}
    return _command(jwe.encrypt(text.encode("utf-8", "replace"), KEY.secret, kept))


TEXTS: tuple[Callable[[str], object], ...] = (
    lambda text: jwe.decrypt(text, KEY.secret),
    jwe.read_header,
    lambda text: open_field(text, KEY, "ctx", padded=True),
    _command,
    _under_the_key,
    bearer.issuer_of,
    carriage.read_patience,
)


def _object(read: Callable[[Mapping[str, Any], Any], object], raw: bytes) -> object:
    return read(load(raw), lambda _uri: KEY)


OBJECTS: tuple[Callable[[bytes], object], ...] = (
    partial(_object, opening.open_meeting),
    partial(_object, opening.open_presence),
    partial(_object, opening.open_outcome),
    lambda raw: container.open_sealed(raw, OFFICER),
)


def one(data: bytes) -> None:
    """One input for one parser; the first byte chooses which."""
    chosen = data[0] % (len(TEXTS) + len(OBJECTS)) if data else 0
    try:
        if chosen < len(TEXTS):
            TEXTS[chosen](data[1:].decode("utf-8", "replace"))
        else:
            OBJECTS[chosen - len(TEXTS)](data[1:])
    except (Refused, Transient, KeyWithheld, UserError):
        return


def seeds() -> list[bytes]:
    """Something of every form, so that mutation begins inside."""
    texts = (seal_field("text", KEY, "ctx"), commands.seal_command(COMMAND, KEY), '{"body":{}}', "wait=7")
    bodies = (*(json.dumps(sealed).encode() for sealed in (MEETING_SEALED, *OTHERS)), BACKUP)
    begun = [bytes([n]) + text.encode() for n in range(len(TEXTS)) for text in texts]
    return begun + [bytes([len(TEXTS) + n]) + body for n in range(len(OBJECTS)) for body in bodies]


def main() -> None:
    """Seeds first, then what atheris makes of them."""
    corpus = Path(sys.argv[-1])
    for number, seed in enumerate(seeds()):
        one(seed)
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
