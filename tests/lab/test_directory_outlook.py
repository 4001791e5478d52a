"""What ends before long, by what a directory says and shows: passwords of service accounts, its own certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from connector.alarms import Alarms
from connector.app.appliance import Appliance
from connector.app.ground import open_ground
from connector.app.outlook import Outlook
from connector.config import load
from connector.roster.ldapexpiry import moment
from tests.lab.site import Site
from tests.lab.slapd import BASE, BIND, PASSWORD, SLAPD, Slapd

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(SLAPD is None, reason="slapd is not installed (apt-get install slapd)"),
]

NEVER = 0x7FFF_FFFF_FFFF_FFFF
DAYS = 20


def filetime(when: datetime) -> int:
    """As Active Directory writes it."""
    return round((when - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site whose daemon is not started, and a directory that knows its service account."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        yield made


def directory(site: Site, ends: int) -> Slapd:
    server = Slapd()
    server.fill({}, {}, {site.exchange.upn: ends, "other@example.com": filetime(datetime.now(UTC))})
    return server


def causes(site: Site, server: Slapd, warning: str, number: int) -> dict[str, str]:
    """Alarms of one number that a look raises, by cause with their sentences and remedies."""
    site.write_config(
        site.configuration()
        + f'directories: {{ad: {{servers: ["{server.url}"], base: "{BASE}", bind: "{BIND}", ca: {server.ca}}}}}\n'
        + f"alarms: {{expiry_warning: {warning}}}\n"
    )
    site.cli("secret", "set", "directory/ad", stdin=PASSWORD)
    ground = open_ground(load(site.config))
    made = Appliance(ground, Alarms(ground.clock))
    with closing(ground.store):
        try:
            Outlook(made).look()
        finally:
            made.close()
    return {
        one.cause: f"{one.sentence} {one.remedy}"
        for one in made.alarms.current()
        if one.kind.number == number
    }


def test_a_password_that_ends_before_long(site: Site) -> None:
    """The account of the configuration is named, with the day and the secret; accounts of others are not."""
    ends = datetime.now(UTC) + timedelta(days=DAYS)
    with directory(site, filetime(ends)) as server:
        (sentence,) = causes(site, server, "30d", 107).values()
        assert sentence.startswith(f"The password of {site.exchange.upn} expires on {ends:%Y-%m-%d}.")
        assert sentence.endswith("calendar-connector secret set exchange/hq/a")
        assert causes(site, server, "10d", 107) == {}


def test_a_password_that_never_ends(site: Site) -> None:
    """The greatest number stands for never."""
    with directory(site, NEVER) as server:
        assert causes(site, server, "365d", 107) == {}


def test_a_directory_without_that_knowledge_or_away(site: Site) -> None:
    """No alarm, and the look goes on."""
    server = Slapd()
    server.fill({"user1": "user1@example.com"}, {})
    with server:
        assert causes(site, server, "365d", 107) == {}
        server.stop()
        assert causes(site, server, "365d", 107) == {}


def test_the_certificate_of_a_directory(site: Site) -> None:
    """LDAPS certificates are looked at as the others are."""
    with directory(site, NEVER) as server:
        assert f"localhost:{server.port}" in causes(site, server, "365d", 103)
        assert f"localhost:{server.port}" not in causes(site, server, "1d", 103)


def test_what_the_attribute_says() -> None:
    """100 ns since 1601; zero, the greatest number and nonsense are no date."""
    assert moment("133444736000000000") == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert [moment(text) for text in ("", "0", str(NEVER), "-5", "soon")] == [None] * 5
