"""Alarms about silence: the canary, and a working hour without any change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.alarms import Alarms
from connector.app.appliance import Appliance
from connector.app.silence import CROWD, Canary, SourceSilence
from connector.model import AuditEntry, Mailbox, Phase, Session
from connector.sync.outcome import Step
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground

MINUTE = timedelta(minutes=1)
FRIDAY = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
MORE = 'alarms: {canary: canary@example.com, working_hours: "08:00-17:00"}\n'


class Office:
    """An appliance whose threads were never started, on a Friday morning."""

    def __init__(self, root: Path, more: str = MORE) -> None:
        self.clock = ManualClock(FRIDAY)
        self.ground = ground(root, self.clock, more)
        self.alarms = Alarms(self.clock)
        self.appliance = Appliance(self.ground, self.alarms)
        self.canary, self.sources = Canary(self.appliance), SourceSilence(self.appliance)

    def hire(self, people: int) -> None:
        for number in range(people):
            name = f"user{number}"
            mailbox = Mailbox(name, "hq", f"{name}@example.com", "staff", "manual")
            session = Session(name, Phase.LIVE, self.clock())
            self.ground.store.add_mailbox(mailbox, session, AuditEntry(self.clock(), "t", "a"))

    def step(self, address: str, *, changed: bool) -> None:
        mailbox = Mailbox(address, "hq", address, "staff", "manual")
        done = Step("looked", Session(address, Phase.LIVE, self.clock()), changed=changed)
        self.appliance.reporter.stepped(mailbox, Phase.LIVE, done)

    def minutes(self, count: int) -> set[int]:
        """Let minutes pass, each with a look; the alarms that stand then."""
        for _ in range(count):
            self.clock.forward(MINUTE)
            self.canary.look()
            self.sources.look()
            self.alarms.tick()
        return {one.kind.number for one in self.alarms.current()}

    def close(self) -> None:
        self.appliance.halt()
        self.appliance.close()
        self.ground.store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.close()


def test_a_canary_is_judged_by_its_meetings_alone(office: Office) -> None:
    """Looks that find nothing new are no sign of life, a change is; an hour without one is an alarm."""
    assert office.minutes(50) == set()
    office.step("canary@example.com", changed=True)
    office.step("other@example.com", changed=True)
    assert office.minutes(59) == set()
    office.step("canary@example.com", changed=False)
    assert office.minutes(3) == {208}
    office.step("canary@example.com", changed=True)
    assert office.minutes(1) == set()


def test_a_working_hour_without_a_change(office: Office) -> None:
    """Counted from the beginning of work; any change of any mailbox of the source ends it."""
    office.hire(CROWD)
    for _ in range(3):
        office.step("canary@example.com", changed=True)
        assert office.minutes(40) == set()
    assert office.minutes(21) == {208, 209}
    assert f"{CROWD} mailboxes of hq" in [one.sentence for one in office.alarms.current()][-1]
    office.step("user1@example.com", changed=True)
    assert 209 not in office.minutes(1)


def test_nights_and_weekends_are_silent(office: Office) -> None:
    """From Friday evening to Monday's first hour nothing is expected, and a standing alarm ends with the day."""
    office.hire(CROWD)
    office.clock.forward(timedelta(hours=8))
    assert 209 in office.minutes(90)
    assert 209 not in office.minutes(40)
    for day in ("Saturday", "Sunday"):
        office.clock.forward(timedelta(hours=20))
        assert f"{office.clock():%A}" == day
        assert 209 not in office.minutes(240)
    office.clock.forward(timedelta(hours=15))
    assert f"{office.clock():%A %H}" == "Monday 08"
    assert 209 not in office.minutes(30)
    assert 209 in office.minutes(40)


def test_a_few_mailboxes_may_be_silent(office: Office) -> None:
    """An hour without a change is nothing special for a small crowd."""
    office.hire(CROWD - 1)
    assert 209 not in office.minutes(300)
