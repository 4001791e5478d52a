"""What never gets into the log."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import UserError
from connector.log.masking import HIDDEN, Hidden, Masking

PASSWORD = 'p@ss "word"/ü?'


def _masked(entry: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return dict(Masking(hidden=settings.pop("hidden", Hidden()), **settings)(None, "info", entry))


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Password",
        "hub_token",
        "client_secret",
        "Authorization",
        "proxy-authorization",
        "Set-Cookie",
        "api_key",
        "session_key",
        "credential",
        "passphrase",
        "subject",
        "body",
        "headers",
    ],
)
def test_fields_named_like_secrets(name: str) -> None:
    """Whatever such a field holds is hidden, at the top and deep inside."""
    value = {"a": PASSWORD}
    assert _masked({"event": "x", name: value, "deep": {"er": {name: PASSWORD}}}) == {
        "event": "x",
        name: HIDDEN,
        "deep": {"er": {name: HIDDEN}},
    }


@pytest.mark.parametrize(
    "name", ["secret_name", "token_id", "key", "key_uri", "subjects", "monkey", "version", "passed"]
)
def test_fields_that_only_sound_alike(name: str) -> None:
    """Names, ids and versions of secrets may be logged."""
    assert _masked({name: "exchange/hq/a"}) == {name: "exchange/hq/a"}


@pytest.mark.parametrize(
    "spelling",
    [PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(PASSWORD.encode()).decode()],
    ids=["plain", "percent", "base64"],
)
def test_registered_values_are_blacked_out(spelling: str) -> None:
    """A known secret is taken out wherever it stands: event, list, exception, traceback, key of a map."""
    hidden = Hidden()
    hidden.add(PASSWORD.encode())
    entry = {
        "event": f"logon with {spelling} failed",
        "list": [1, (spelling,)],
        "error": ValueError(spelling),
        "exception": f"Traceback\n{spelling}",
        "map": {spelling: 1},
    }
    text = str(_masked(entry, hidden=hidden))
    assert spelling not in text
    assert text.count(HIDDEN) == 5


def test_short_values_are_left() -> None:
    """A value of a few letters is not looked for, or every line would be full of holes."""
    hidden = Hidden()
    hidden.add("on")
    assert hidden.out_of("connection") == "connection"


def test_the_longer_secret_first() -> None:
    """Where one secret begins like another no tail of it is left."""
    hidden = Hidden()
    for value in ("abcdefgh", "abcdefgh-longer"):
        hidden.add(value)
    assert hidden.out_of("x abcdefgh-longer y") == f"x {HIDDEN} y"


def test_memory_of_values_is_bounded() -> None:
    """The oldest values are forgotten first."""
    hidden = Hidden()
    for number in range(1100):
        hidden.add(f"value-{number:04}")
    assert hidden.out_of("value-0000") == "value-0000"
    assert hidden.out_of("value-1099") == HIDDEN


def test_addresses_by_pseudonym() -> None:
    """With a pseudonym every address, whatever its case and place, is replaced by the same word."""
    entry = {"event": "Ada@Example.com moved", "mailbox": "ada@example.com", "list": ["bob@example.se"]}
    masked = _masked(entry, pseudonym=lambda address: f"~{len(address)}:{address[0]}")
    assert masked == {"event": "~15:a moved", "mailbox": "~15:a", "list": ["~14:b"]}
    assert _masked(entry) == entry


def test_values_become_plain() -> None:
    """Bytes are counted, times spelt, exceptions named, objects shown as text."""
    entry = {
        "bytes": b"secret bytes",
        "at": datetime(2026, 11, 2, tzinfo=UTC),
        "error": ValueError("v"),
        "sentence": UserError("Do this."),
        "flag": True,
        "nothing": None,
    }
    assert _masked(entry) == {
        "bytes": "[12 bytes]",
        "at": "2026-11-02T00:00:00+00:00",
        "error": "ValueError: v",
        "sentence": "Do this.",
        "flag": True,
        "nothing": None,
    }


def test_values_are_bounded() -> None:
    """Long texts, long lists and deep nests are cut."""
    nest: list[Any] = []
    for _ in range(50):
        nest = [nest]
    masked = _masked({"text": "x" * 100_000, "list": list(range(1000)), "nest": nest})
    assert len(json.dumps(masked)) < 10_000
    assert len(masked["list"]) == 100


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=15,
)


@given(_VALUES, st.text(min_size=6, max_size=12), st.integers(0, 3))
def test_no_registered_value_survives_anywhere(value: Any, secret: str, depth: int) -> None:
    """Whatever is logged, a registered value is not in it and the rest can be written as JSON."""
    hidden = Hidden()
    hidden.add(secret)
    planted: Any = [value, f"…{secret}…", {secret: secret}]
    for _ in range(depth):
        planted = {"in": planted}
    masked = _masked({"event": "x", "planted": planted}, hidden=hidden)
    json.dumps(masked)
    leaves = HIDDEN.join(_strings(masked))
    assert secret not in leaves.replace(HIDDEN, "\0")


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in _strings(part)]
    return [value] if isinstance(value, str) else []
