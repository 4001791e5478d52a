"""Sign-ins of conference services, looked at by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from connector.alarms import Alarms, kinds
from connector.app.appliance import Appliance
from connector.app.signins import SignIns
from connector.conference.hub import HubRooms
from connector.errors import CredentialRefused, Transient, Verdict
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground

SECRET = "webex/webex/refresh-token"


class Rooms(HubRooms):
    """A provider whose sign-in ends when the test says so, or that fails as it says."""

    def __init__(self, end: datetime | None) -> None:
        super().__init__("rooms")
        self.ends = end
        self.verdict: Verdict | None = None
        self.secret = SECRET

    def keep_signed_in(self) -> datetime | None:
        if self.verdict:
            raise self.verdict
        return self.ends


class Bench:
    """An appliance with one service that signs in and one that does not."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock()
        self.ground = ground(root, self.clock)
        self.appliance = Appliance(self.ground, Alarms(self.clock))
        self.rooms = Rooms(self.clock() + timedelta(days=90))
        self.appliance.conferences = {"rooms": self.rooms, "cloud": HubRooms("cloud")}

    def alarm(self) -> str:
        """The sentence of the alarm after another look, "" without one."""
        SignIns(self.appliance).keep()
        found = (one for one in self.appliance.alarms.current() if one.kind is kinds.SIGN_IN_ENDS)
        return next((one.sentence for one in found), "")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.appliance.halt()
    made.appliance.close()
    made.ground.store.close()


def test_a_sign_in_that_lasts_is_no_alarm(bench: Bench) -> None:
    """Months from now, or nobody knows when."""
    assert bench.alarm() == ""
    bench.rooms.ends = None
    assert bench.alarm() == ""


def test_a_sign_in_that_ends_before_long_is_an_alarm(bench: Bench) -> None:
    """With its day, until it lasts again."""
    bench.rooms.ends = bench.clock() + timedelta(days=20)
    assert f"{bench.rooms.ends:%Y-%m-%d}" in bench.alarm()
    bench.rooms.ends = bench.clock() + timedelta(days=90)
    assert bench.alarm() == ""


def test_a_sign_in_that_is_refused_is_an_alarm(bench: Bench) -> None:
    """It stays one while the service is merely away, which by itself is none."""
    bench.rooms.verdict = Transient("unreachable", "")
    assert bench.alarm() == ""
    bench.rooms.verdict = CredentialRefused("webex-sign-in-ended", SECRET)
    assert "no longer accepts the refresh token" in bench.alarm()
    bench.rooms.verdict = Transient("unreachable", "")
    assert bench.alarm() != ""
