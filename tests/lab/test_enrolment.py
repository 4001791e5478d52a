"""Enrolment through the real commands, daemon and hub."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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
