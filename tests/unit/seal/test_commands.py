"""Commands are carried out only if sealed to the mailbox, in time and whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import KeyWithheld, Refused, Transient
from connector.model import Command, ContentKey, SealedCommand
from connector.seal import jwe
from connector.seal.commands import TYPE, open_command, seal_command
from tests.unit.seal.samples import KEY, MAILBOX, NOW, OTHER_KEY

COMMAND = Command(
    "c1", MAILBOX, "meeting.create", "anna@example.com", NOW + timedelta(hours=1), {"subject": "x"}
)


def key_of(uri: str) -> ContentKey:
    """As the key service answers for the mailbox."""
    if uri != KEY.uri:
        raise KeyWithheld("key-unknown", uri)
    return KEY


def arrived(token: str, **changes: Any) -> SealedCommand:
    return replace(SealedCommand("c1", MAILBOX, token, NOW), **changes)


def code_of(sealed: SealedCommand) -> str:
    with pytest.raises(Refused) as caught:
        open_command(sealed, key_of, NOW)
    return caught.value.code


def forged(**changes: Any) -> str:
    """A token of one who holds the key but keeps to nothing."""
    header = {
        "kid": KEY.uri,
        "typ": TYPE,
        "mailbox": MAILBOX,
        "command": "c1",
        "kind": "meeting.create",
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
    }
    body = changes.pop("clear", b'{"actor":"a@example.com","body":{}}')
    return jwe.encrypt(body, KEY.secret, {**header, **changes})


def test_a_sealed_command_opens() -> None:
    """All parts come back."""
    assert open_command(arrived(seal_command(COMMAND, KEY)), key_of, NOW) == COMMAND


@pytest.mark.parametrize(
    "sealed",
    [
        arrived(""),
        arrived('{"kind":"meeting.create"}'),
        arrived(seal_command(COMMAND, KEY), id="c2"),
        arrived(seal_command(COMMAND, KEY), mailbox_id="mb-2"),
        arrived(seal_command(COMMAND, OTHER_KEY)),
        arrived(seal_command(replace(COMMAND, mailbox_id="mb-2"), KEY)),
        arrived(seal_command(COMMAND, KEY)[:-2] + "AA"),
        arrived(forged(typ="other")),
        arrived(forged(clear=b"no json")),
    ],
)
def test_what_is_not_sealed_to_this_mailbox_and_id_is_not_opened(sealed: SealedCommand) -> None:
    """Clear text, another id, another mailbox, another key, a changed bit, another type: one answer."""
    assert code_of(sealed) == "command-not-sealed"


def test_a_command_is_refused_when_its_time_has_passed() -> None:
    """At the second of its expiry it is too late."""
    with pytest.raises(Refused) as caught:
        open_command(arrived(seal_command(COMMAND, KEY)), key_of, COMMAND.expires)
    assert caught.value.code == "command-expired"


@pytest.mark.parametrize(
    "token",
    [
        seal_command(replace(COMMAND, expires=NOW + timedelta(hours=24, minutes=6)), KEY),
        seal_command(replace(COMMAND, actor="nobody"), KEY),
        forged(exp=None),
        forged(exp=True),
        forged(exp=10**30),
        forged(kind="Bad Kind"),
        forged(kind=3),
        forged(clear=b'{"actor":"a@example.com","body":[]}'),
        forged(clear=b'{"actor":7,"body":{}}'),
    ],
)
def test_a_command_that_lacks_something_is_malformed(token: str) -> None:
    """More than 24 hours ahead, no acting user, no expiry, no word as kind, no body."""
    assert code_of(arrived(token)) == "command-malformed"


@settings(deadline=None)
@given(st.text())
def test_any_text_is_refused(token: str) -> None:
    """Nothing that comes down gives another exception."""
    assert code_of(arrived(token)) == "command-not-sealed"


def test_a_key_service_that_is_away_postpones() -> None:
    """The command is neither refused nor lost when the keys can't be had just now."""

    def away(uri: str) -> ContentKey:
        raise Transient("key-service-away", uri)

    with pytest.raises(Transient):
        open_command(arrived(seal_command(COMMAND, KEY)), away, NOW)
