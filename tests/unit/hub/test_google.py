"""Google's notifications at the hub: registered, compared, passed on as nudges, and nothing else of them kept."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from connector.hub import times
from connector.hub.google import CHANNELS_PATH, FORGET_PATH, NOTIFY_PATH
from tests.contract.cloud import MAILBOX
from tests.unit.hub.asgi import Answer
from tests.unit.hub.office import START, House, code, house

CHANNEL = "channel-0123456789abcdef"
TOKEN = "the-secret-of-this-channel"
URI = "https://www.googleapis.com/calendar/v3/calendars/ada%40brand.example/events"
WEEK = 7 * 24 * 3600 * 1000


def register(hub: House, channel: str = CHANNEL, token: str = TOKEN, life: int = WEEK) -> Answer:
    digest = hashlib.sha256(token.encode()).hexdigest()
    told = {"id": channel, "mailbox": MAILBOX, "token": digest, "expires": times.stamp(START) + life}
    return hub.connector.post(CHANNELS_PATH, told)


def notify(hub: House, **changed: str) -> Answer:
    """What Google posts: no body, no credential of the hub's."""
    headers: Mapping[str, str] = {
        "X-Goog-Channel-ID": CHANNEL,
        "X-Goog-Channel-Token": TOKEN,
        "X-Goog-Resource-ID": "resource",
        "X-Goog-Resource-URI": URI,
        "X-Goog-Resource-State": "exists",
        "X-Goog-Message-Number": "2",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return hub.client.ask("POST", NOTIFY_PATH, headers)


def nudged(hub: House) -> list[str]:
    return list(hub.connector.poll().json()["nudge"])


def test_a_notification_is_one_nudge(hub: House) -> None:
    """Several messages before the connector looks are one; it comes down the way commands come."""
    assert register(hub).status == 204
    assert [notify(hub).status for _ in range(3)] == [204, 204, 204]
    assert nudged(hub) == [MAILBOX]
    assert nudged(hub) == []


def test_the_first_message_is_no_change(hub: House) -> None:
    """``sync`` only says that the channel is there."""
    register(hub)
    assert notify(hub, X_Goog_Resource_State="sync", X_Goog_Message_Number="1").status == 204
    assert nudged(hub) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"X_Goog_Channel_Token": "another"},
        {"X_Goog_Channel_Token": ""},
        {"X_Goog_Channel_Token": "x" * 257},
        {"X_Goog_Channel_ID": "channel-0000000000000000"},
        {"X_Goog_Channel_ID": "short"},
        {"X_Goog_Channel_ID": "a' OR 1=1 --aaaaaaaaaaa"},
    ],
)
def test_whoever_does_not_know_the_token_nudges_nobody(hub: House, changed: dict[str, str]) -> None:
    """An unknown channel and a wrong token are answered alike."""
    register(hub)
    assert code(notify(hub, **changed)) == (404, "not-found")
    assert nudged(hub) == []


def test_nobody_is_known_before_the_first_registration(hub: House) -> None:
    """A hub without connectors at Google answers the same."""
    assert notify(hub).status == 404


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30])
def test_a_message_without_a_number_is_none_of_googles(hub: House, number: str) -> None:
    """The header is always there."""
    register(hub)
    assert notify(hub, X_Goog_Message_Number=number).status == 400


def test_a_channel_ends(hub: House) -> None:
    """By its own expiry, or when its connector forgets it; forgetting twice is fine."""
    register(hub)
    hub.clock.advance(days=8)
    assert notify(hub).status == 404
    hub.clock.advance(days=-8)
    for _ in range(2):
        assert hub.connector.post(FORGET_PATH, {"id": CHANNEL}).status == 204
    assert notify(hub).status == 404


def test_a_channel_is_its_connectors(hub: House) -> None:
    """Another connector can neither take it over nor have it forgotten."""
    register(hub)
    other = hub.another_connector("other.example.com")
    taken = {"id": CHANNEL, "mailbox": "m9", "token": "0" * 64, "expires": times.stamp(START) + WEEK}
    assert other.post(CHANNELS_PATH, taken).status == 409
    assert other.post(FORGET_PATH, {"id": CHANNEL}).status == 204
    assert notify(hub).status == 204


def test_users_register_nothing(hub: House) -> None:
    """Only a connector's credential is taken."""
    told = {"id": CHANNEL, "mailbox": MAILBOX, "token": "0" * 64, "expires": 1}
    assert hub.user().post(CHANNELS_PATH, told).status == 403
    assert hub.client.ask("POST", CHANNELS_PATH, {}, b"{}").status == 401


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"id": "short", "mailbox": "m", "token": "0" * 64, "expires": 1},
        {"id": CHANNEL, "mailbox": "m m", "token": "0" * 64, "expires": 1},
        {"id": CHANNEL, "mailbox": "m", "token": "secret", "expires": 1},
        {"id": CHANNEL, "mailbox": "m", "token": "0" * 64, "expires": "soon"},
    ],
)
def test_a_registration_is_checked(hub: House, told: dict[str, object]) -> None:
    """Member by member."""
    assert hub.connector.post(CHANNELS_PATH, told).status == 400


def test_channels_outlive_a_restart(tmp_path: Path) -> None:
    """They are kept in the hub's database: with the token's digest alone, and never the address of what is watched."""
    with house(tmp_path) as before:
        register(before)
        assert notify(before).status == 204
    with house(tmp_path) as after:
        assert notify(after).status == 204
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert CHANNEL.encode() in held
    assert TOKEN.encode() not in held
    assert b"brand.example" not in held
