"""Rooms of a Jitsi server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from connector.conference.jitsi import JitsiRooms, room_name
from connector.conference.settings import JitsiSettings, JitsiToken
from connector.errors import CredentialRefused
from connector.model import Kind
from tests.unit.conference.orders import START, order

URL = "https://meet.example.com"
SECRET = "a shared secret of forty characters or so"


def rooms(token: JitsiToken | None = None, secret: str = SECRET, key: bytes = b"k" * 32) -> JitsiRooms:
    return JitsiRooms("jitsi", JitsiSettings(URL, token), lambda: key, lambda _name: secret)


def test_the_same_order_gives_the_same_room() -> None:
    """A retry after a kill makes no second room, whatever happened to the process in between."""
    made = rooms().make(order("a"))
    assert made.kind is Kind.ONE_TIME
    assert made.details.url == f"{URL}/{made.details.meeting_id}"
    assert rooms().make(order("a")) == made
    assert rooms().find(order("a")) == made


@given(st.text(max_size=30), st.text(max_size=30), st.binary(min_size=32, max_size=32))
def test_a_room_is_guessed_by_nobody(one: str, other: str, key: bytes) -> None:
    """A name is 26 letters and digits of five bits each, differs with the tag, and can't be had without the key."""
    name = room_name(key, one)
    assert len(name) == 26
    assert name.isascii()
    assert name.isalnum()
    assert (room_name(key, other) == name) is (one == other)
    assert room_name(key + b"x", one) != name


def test_a_token_names_the_room_and_nobody() -> None:
    """The link goes to every invitee, so its token holds server, room and end, and no person."""
    token = JitsiToken("my-app", "conference/jitsi", audience="my-server")
    made = rooms(token).make(order())
    link, _, encoded = made.details.url.partition("?jwt=")
    read = jwt.decode(encoded, OctKey.import_key(SECRET), algorithms=["HS256"])
    assert read.claims == {
        "aud": "my-server",
        "iss": "my-app",
        "sub": "meet.example.com",
        "room": link.rpartition("/")[2],
        "exp": int((START + timedelta(hours=1, days=1)).timestamp()),
    }
    assert rooms(token).make(order()) == made


def test_a_token_may_be_signed_with_a_private_key() -> None:
    """RS256 with a key id, as hosted Jitsi asks for; a series' token lives longer."""
    pair = RSAKey.generate_key(2048)
    token = JitsiToken("app", "conference/jitsi", "RS256", key_id="app/1", subject="tenant")
    provider = rooms(token, pair.as_pem(private=True).decode())
    encoded = provider.make(order(rule="FREQ=DAILY")).details.url.partition("?jwt=")[2]
    read = jwt.decode(encoded, pair, algorithms=["RS256"])
    assert read.header["kid"] == "app/1"
    assert read.claims["sub"] == "tenant"
    assert read.claims["exp"] == int((START + timedelta(hours=1, days=366)).timestamp())


def test_a_missing_secret_is_said() -> None:
    """Without its secret no link is made that would not open."""
    with pytest.raises(CredentialRefused, match="conference-credential-missing: conference/jitsi"):
        rooms(JitsiToken("app", "conference/jitsi"), secret="").make(order())


def test_a_wrong_key_is_said_without_showing_it() -> None:
    """A secret that is no RSA key is named by its name, never by its content."""
    with pytest.raises(CredentialRefused) as caught:
        rooms(JitsiToken("app", "conference/jitsi", "RS256"), secret="hunter2").make(order())
    assert caught.value.code == "conference-key-unusable"
    assert "hunter2" not in str(caught.value)


def test_a_moved_meeting_keeps_its_room() -> None:
    """Invitees who saved the link find each other; ending asks nobody."""
    provider = rooms()
    made = provider.make(order())
    assert provider.move(made, order()) == made
    provider.end(made, order(), START)
    provider.close()
