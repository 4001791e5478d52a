"""Looking ahead on a real site: certificates, the clock, the canary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from connector.alarms import Alarms
from connector.app.appliance import Appliance
from connector.app.ground import open_ground
from connector.app.outlook import Outlook
from connector.app.silence import Canary
from connector.config import load
from connector.sync.agenda import Turn
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


def test_a_canary_is_heard_by_its_meetings(site: Site) -> None:
    """A look that finds nothing new is no sign of life, a meeting that moved is; an hour without one is an alarm."""
    address = site.exchange.address(1)
    with appliance(site, f"alarms: {{canary: {address}}}\n") as made:
        canary = Canary(made)
        _look(made, address)
        assert made.reporter.changed_at(address) is None
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
        times = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        site.exchange.edit("create", mailbox=address, subject="Canary", **times)
        _look(made, address)
        heard = made.reporter.changed_at(address)
        assert heard is not None
        for minutes, wanted in ((59, set[int]()), (62, {208})):
            moment = heard + timedelta(minutes=minutes)
            made.ground = replace(made.ground, clock=partial(datetime.fromisoformat, moment.isoformat()))
            canary.look()
            assert set(standing(made)) == wanted


def _look(made: Appliance, address: str) -> None:
    """Have the mailbox read, in this thread."""
    mailbox = made.ground.store.find_mailbox(address)
    assert mailbox is not None
    made.engine.start(resync=True)
    made.engine.work(Turn(mailbox.id, frozenset({"start"})))
