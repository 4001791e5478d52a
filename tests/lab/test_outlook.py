"""Looking ahead on a real site: certificates, the clock, the canary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.alarms import Alarms
from connector.app.appliance import Appliance
from connector.app.ground import open_ground
from connector.app.outlook import Canary, Outlook
from connector.config import load
from tests.lab.site import Site

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site whose daemon has been stopped, with one mailbox that Autodiscover has located."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        made.start()
        made.activate(made.exchange.address(1))
        made.stop()
        yield made


@contextmanager
def appliance(site: Site, more: str = "", ahead: timedelta = timedelta()) -> Iterator[Appliance]:
    """An appliance on the stopped daemon's files, whose clock is ahead."""
    site.write_config(site.configuration() + more)
    ground = open_ground(load(site.config))
    moved = replace(ground, clock=lambda: datetime.now(UTC) + ahead)
    made = Appliance(moved, Alarms(moved.clock))
    with closing(ground.store):
        try:
            yield made
        finally:
            made.close()


def standing(made: Appliance) -> dict[int, str]:
    return {one.kind.number: one.sentence for one in made.alarms.current()}


def test_all_is_well(site: Site) -> None:
    """Certificates that last, a clock that is right: no alarm."""
    with appliance(site, "alarms: {expiry_warning: 1d}\n") as made:
        Outlook(made).look()
        assert standing(made) == {}


def test_certificates_that_end_before_long(site: Site) -> None:
    """The hub's and Exchange's are named with their day, and the alarm goes when the warning is shorter."""
    with appliance(site, "alarms: {expiry_warning: 365d}\n") as made:
        Outlook(made).look()
        causes = [one.cause for one in made.alarms.current() if one.kind.number == 103]
        assert f"localhost:{site.hub.port}" in causes
        assert len(causes) >= 2


def test_a_clock_that_is_off(site: Site) -> None:
    """By the Date of the hub's answer."""
    with appliance(site, "alarms: {expiry_warning: 1d}\n", ahead=timedelta(minutes=3)) as made:
        Outlook(made).look()
        assert "seconds off" in standing(made)[601]


def test_a_canary_that_is_silent(site: Site) -> None:
    """An hour without a change of its mailbox is an alarm; a change ends it."""
    address = site.exchange.address(1)
    with appliance(site, f"alarms: {{canary: {address}}}\n") as made:
        now = datetime.now(UTC)
        moments = iter([now, now, now + timedelta(minutes=59), now + timedelta(minutes=62)])
        made.ground = replace(made.ground, clock=lambda: next(moments))
        canary = Canary(made)
        for wanted in (set[int](), set[int](), {208}):
            canary.look()
            assert set(standing(made)) == wanted
