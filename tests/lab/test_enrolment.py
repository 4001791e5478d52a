"""Enrolment through the real commands, daemon and hub."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.app.enrolment import RENEW_AFTER
from connector.app.ground import open_keystore
from connector.app.relay import HUB_SECRET, far_end_of
from connector.config import load
from connector.enrolment import client
from connector.errors import CredentialRefused
from connector.hub import enrolment, registry
from connector.hub.database import Database
from tests.lab.site import INSTANCE, Site

pytestmark = pytest.mark.lab


@pytest.fixture
def site() -> Iterator[Site]:
    """A site whose daemon is not started yet."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        yield made


def one_time(site: Site, name: str = INSTANCE, **span: float) -> str:
    with closing(Database(site.hub.database, readers=1)) as database:
        return enrolment.offer(database, name, datetime.now(UTC), timedelta(**(span or {"hours": 1})))


def test_enrolled_before_the_first_start(site: Site, tmp_path: Path) -> None:
    """A token from a file, no daemon yet: afterwards the daemon reaches the hub by its own key, and no token is left."""
    file = tmp_path / "token"
    file.write_text(one_time(site) + "\n")
    site.cli("enroll", "--token-file", str(file))
    site.start()
    site.activate(site.exchange.address(1))
    with closing(sqlite3.connect(site.hub.database)) as hub:
        assert hub.execute("SELECT count(*) FROM tokens WHERE connector IS NOT NULL").fetchone()[0] == 0
        assert hub.execute("SELECT count(*) FROM keys").fetchone()[0] == 1


def test_enrolled_anew_while_the_daemon_runs(site: Site) -> None:
    """The running daemon enrols by itself, goes on with the new key at once; revoked, it says so."""
    site.start()
    site.activate(site.exchange.address(1))
    site.cli("enroll", stdin=one_time(site))
    site.activate(site.exchange.address(2))
    with closing(Database(site.hub.database, readers=1)) as database:
        registry.revoke(database, INSTANCE, erase=False)
    site.wait(lambda: not site.status()["hub"]["up"], "the daemon to notice")
    assert "302" in str(site.json("alarm", "list")) or not site.status()["healthy"]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ("used", "This enrolment token was used already; have a new one made at the hub"),
        ("expired", "This enrolment token has expired; have a new one made at the hub"),
        ("other", "this enrolment token is for cal-99.example.com, and this connector is"),
        ("nonsense", "this is no enrolment token"),
        ("away", "can't be asked: The server can't be reached."),
    ],
)
def test_a_token_that_is_no_good(site: Site, spoil: str, sentence: str) -> None:
    """Each is one sentence, and the credential there was stays in force."""
    token = one_time(site, "cal-99.example.com" if spoil == "other" else INSTANCE)
    if spoil == "used":
        site.cli("enroll", stdin=token)
    if spoil == "expired":
        with closing(sqlite3.connect(site.hub.database)) as hub, hub:
            hub.execute("UPDATE enrolments SET expires_at = created_at")
    if spoil == "away":
        site.hub.stop()
    before = site.cli("secret", "list")
    refused = site.try_cli("enroll", stdin="hello" if spoil == "nonsense" else token)
    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert site.cli("secret", "list") == before


def test_taking_leave(site: Site) -> None:
    """Both ends forget; without the hub it takes --force, which says what is left to do there."""
    site.cli("enroll", stdin=one_time(site))
    site.cli("unenroll", "--yes")
    assert "missing" in site.cli("secret", "list")
    site.cli("enroll", stdin=one_time(site))
    site.hub.stop()
    refused = site.try_cli("unenroll", "--yes")
    assert (refused.returncode, "Nothing was changed" in refused.stderr) == (1, True)
    assert "connector revoke" in site.try_cli("unenroll", "--yes", "--force").stderr


def keys_at(site: Site) -> list[str]:
    """Names of the public keys that the hub knows."""
    with closing(sqlite3.connect(site.hub.database)) as hub:
        return [str(row[0]) for row in hub.execute("SELECT id FROM keys")]


def age(site: Site, span: timedelta) -> str:
    """Let the appliance's key have been made so long ago; the private key."""
    config = load(site.config).config
    key = open_keystore(config).get(HUB_SECRET).text
    open_keystore(config, lambda: datetime.now(UTC) - span).set(HUB_SECRET, key.encode())
    return key


def test_a_key_that_has_had_its_time_is_renewed_by_the_daemon(site: Site) -> None:
    """Nobody asks for it: the next key is made here, the hub takes it and refuses the one before; work goes on."""
    site.cli("enroll", stdin=one_time(site))
    first = age(site, RENEW_AFTER + timedelta(hours=1))
    (before,) = keys_at(site)
    site.start()
    site.wait(lambda: len(keys_at(site)) == 1 and keys_at(site) != [before], "the next key at the hub")
    site.activate(site.exchange.address(1))
    assert site.status()["hub"]["up"]
    assert "hub.key-renewed" in {row["action"] for row in site.json("audit", "list")}
    config = load(site.config).config
    far_end = far_end_of(config, open_keystore(config), lambda: datetime.now(UTC))
    with pytest.raises(CredentialRefused):
        client.confirm(far_end, first, datetime.now(UTC))


def test_a_young_key_is_left_alone(site: Site) -> None:
    """The day before its time nothing happens."""
    site.cli("enroll", stdin=one_time(site))
    age(site, RENEW_AFTER - timedelta(days=1))
    before = keys_at(site)
    site.start()
    site.activate(site.exchange.address(1))
    assert keys_at(site) == before


def test_what_the_hub_keeps_opens_nothing(site: Site) -> None:
    """Neither the one-time token nor the private key is in any of its files: who steals them can't speak for us."""
    token = one_time(site)
    site.cli("enroll", stdin=token)
    private = open_keystore(load(site.config).config).get(HUB_SECRET).text
    secret = "".join(line for line in private.splitlines() if not line.startswith("-----"))
    assert not site.hub_holds(token)
    assert not site.hub_holds(secret)
