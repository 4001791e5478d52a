"""An issuer's keys: fetched when needed, kept when it is away, bounded always."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.kms.rates import Retrievals
from connector.kms.refusal import Refusal
from connector.kms.settings import Alarms, IssuerSettings
from connector.kms.who.jwks import AGAIN_AFTER, MOST_BYTES, Jwks, fetcher
from connector.seal.kmswire import jose
from tests.fakes.clock import ManualClock
from tests.unit.kms.site import Site, jwks, token

HOUR = timedelta(hours=1)


class Issuer:
    """Answers, or does not; counts."""

    def __init__(self) -> None:
        self.body = jwks()
        self.away = False
        self.asked = 0

    def __call__(self) -> bytes:
        self.asked += 1
        if self.away:
            raise OSError("away")
        return self.body


@pytest.fixture
def issuer() -> Issuer:
    """There."""
    return Issuer()


@pytest.fixture
def clock() -> ManualClock:
    """Moved by the test."""
    return ManualClock()


def test_keys_are_fetched_once_an_hour(issuer: Issuer, clock: ManualClock) -> None:
    """However many tokens come."""
    kept = Jwks(issuer, HOUR, clock)
    for _ in range(3):
        assert kept.keys("one").keys
    clock.forward(HOUR)
    kept.keys("one")
    assert issuer.asked == 2


def test_an_unknown_key_is_asked_for_once_in_a_while(issuer: Issuer, clock: ManualClock) -> None:
    """A new key is found at once; whoever invents kids can't make us ask without end."""
    kept = Jwks(issuer, HOUR, clock)
    kept.keys("one")
    for number in range(5):
        kept.keys(f"invented {number}")
    assert issuer.asked == 1
    clock.forward(AGAIN_AFTER)
    kept.keys("new")
    assert issuer.asked == 2


def test_an_issuer_may_be_away(issuer: Issuer, clock: ManualClock) -> None:
    """What was fetched stays good; before the first time it is 503, and asked again a little later."""
    kept = Jwks(issuer, HOUR, clock)
    issuer.away = True
    for _ in range(2):
        with pytest.raises(Refusal) as caught:
            kept.keys("one")
        assert caught.value.status == 503
    assert issuer.asked == 1
    issuer.away = False
    clock.forward(AGAIN_AFTER)
    assert kept.keys("one").keys
    issuer.away = True
    clock.forward(HOUR)
    assert kept.keys("one").keys


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'{"keys": 1}',
        b'{"keys": [1]}',
        b"x" * (MOST_BYTES + 1),
        b'{"keys":[{"kty":"RSA"}]}',
    ],
)
def test_what_is_no_set_of_keys_is_none(issuer: Issuer, clock: ManualClock, body: bytes) -> None:
    """It is as if the issuer were away."""
    issuer.body = body
    with pytest.raises(Refusal):
        Jwks(issuer, HOUR, clock).keys("one")


def test_symmetric_keys_are_left_out(issuer: Issuer, clock: ManualClock) -> None:
    """A secret in a public set verifies nothing."""
    secret = {"kty": "oct", "k": "c2VjcmV0", "kid": "two"}
    issuer.body = json.dumps({"keys": [secret, *json.loads(jwks())["keys"]]}).encode()
    assert [key.kid for key in Jwks(issuer, HOUR, clock).keys("one").keys] == ["one"]


@pytest.mark.parametrize("where", ["http://idp.example.com/keys", "keys.json", "ftp://x/y"])
def test_keys_come_over_tls_or_from_a_file(where: str) -> None:
    """Never in clear."""
    with pytest.raises(ConfigError):
        fetcher(IssuerSettings("https://idp.example.com", where))


def test_a_file_of_keys_is_read_anew(tmp_path: Path) -> None:
    """An absolute path will do where there is no network."""
    (tmp_path / "k.json").write_bytes(b"one")
    fetch = fetcher(IssuerSettings("x", str(tmp_path / "k.json")))
    assert fetch() == b"one"


def test_an_ec_signed_token_is_no_rsa_one(site: Site) -> None:
    """The algorithm has to be the key's: ES256 in the header over an RSA key is refused."""
    head, body, signature = token(site.clock).split(".")
    header = jose.encode(json.dumps({"alg": "ES256", "kid": "one"}).encode())
    with pytest.raises(Refusal) as caught:
        next(iter(site.desk.authenticator.issuers.values())).user(
            f"{header}.{body}.{signature}", site.clock()
        )
    assert caught.value.status == 401
    assert head


def test_fetching_many_keys_raises_the_alarm_once_a_minute(clock: ManualClock) -> None:
    """A user's threshold is lower than a connector's."""
    counted = Retrievals(Alarms(user=3, connector=5))
    raised = [counted.count("ann", 1, clock()) for _ in range(6)]
    assert raised == [False, False, False, True, False, False]
    assert [counted.count("connector:a", 3, clock()) for _ in range(2)] == [False, True]
    assert counted.last == (clock(), "connector:a")
    clock.forward(timedelta(minutes=1))
    assert counted.count("ann", 4, clock())


def test_an_alarm_is_a_row_of_the_trail(site: Site) -> None:
    """Beside that of the request."""
    client = site.client()
    for _ in range(4):
        client.ask("create", "/keys", count=100)
    assert ("alarm retrieval-rate", 0) in site.audit()


def test_a_flood_of_nonsense_fills_no_disk(site: Site) -> None:
    """A transport can send what it likes: each gets its reset, but only so many a minute get a row."""
    most = site.settings.alarms.unreadable
    for _ in range(most + 5):
        assert site.desk.answer("a.b.c", "test").count(".") == 2
    assert len(site.rows()) == most
    site.clock.forward(timedelta(minutes=1))
    site.desk.answer("a.b.c", "test")
    assert len(site.rows()) == most + 1
