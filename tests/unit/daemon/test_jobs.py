"""What happens by the clock: roster runs, housekeeping, and the look at how things are."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.alarms import Alarms, Kind, kinds
from connector.app.appliance import Appliance
from connector.app.outlook import Outlook
from connector.daemon import jobs as module
from connector.daemon.jobs import Jobs
from connector.doctor.sight import Place, Sight
from connector.errors import StoreError, UserError
from connector.model import AuditEntry, Phase
from connector.relay.sender import SenderState
from connector.store.base import OutboxState
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


class Yard:
    """Jobs over an appliance whose threads were never started; the roster's CSV is the test's."""

    def __init__(self, root: Path) -> None:
        self.csv = root / "staff.csv"
        self.name("ada@example.com")
        self.clock = ManualClock()
        more = f"roster: {{from: {{staff: {{csv: {self.csv}, policy: staff}}}}}}\n"
        self.ground = ground(root, self.clock, more)
        self.alarms = Alarms(self.clock)
        self.appliance = Appliance(self.ground, self.alarms)
        self.failed: list[BaseException] = []
        self.told = threading.Event()
        self.renewed: list[bool] = []
        self.jobs = Jobs(self.appliance, self.fail, lambda: self.renewed.append(True))

    def fail(self, error: BaseException) -> None:
        self.failed.append(error)
        self.told.set()

    def name(self, *addresses: str) -> None:
        self.csv.write_text("address\n" + "\n".join(addresses))

    def standing(self) -> list[Kind]:
        return [alarm.kind for alarm in self.alarms.current()]

    def link(self, code: str | None, *, up: bool | None) -> None:
        self.appliance.sender._state = SenderState(up, self.clock(), code)

    def look(self) -> list[Kind]:
        self.jobs.look()
        return self.standing()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path)
    yield made
    made.jobs.stop()
    made.appliance.halt()
    made.appliance.close()
    made.ground.store.close()


# --- the roster


def test_a_run_carries_the_roster_out(yard: Yard) -> None:
    """In the roster's name."""
    yard.name("ada@example.com", "bob@example.com")
    yard.jobs.run_roster()
    assert {one.address for one in yard.ground.store.mailboxes()} == {"ada@example.com", "bob@example.com"}
    actors = {row.entry.actor for row in yard.ground.store.audit_rows()}
    assert actors == {"roster"}


@pytest.mark.parametrize("content", [None, "", "address\n", "name\nada\n", "address\nno address\n"])
def test_a_roster_that_can_not_be_believed_is_an_alarm(yard: Yard, content: str | None) -> None:
    """Missing, empty or of another shape: nobody is paused because of it; the next good run ends the alarm."""
    yard.name("ada@example.com")
    yard.jobs.run_roster()
    yard.csv.unlink() if content is None else yard.csv.write_text(content)
    yard.jobs.run_roster()
    assert yard.standing() == [kinds.ROSTER_UNREADABLE]
    assert str(yard.csv) in yard.alarms.current()[0].sentence
    assert yard.ground.store.count_mailboxes(Phase.PAUSED) == 0
    yard.name("ada@example.com")
    yard.jobs.run_roster()
    assert yard.standing() == []


def test_a_run_that_would_change_too_much_is_an_alarm(yard: Yard) -> None:
    """With the numbers; nothing was changed."""
    yard.name(*(f"u{number}@example.com" for number in range(20)))
    yard.jobs.run_roster()
    yard.name("u0@example.com")
    yard.jobs.run_roster()
    (alarm,) = yard.alarms.current()
    assert alarm.kind is kinds.ROSTER_MAX_CHANGE
    assert "19 of 20" in alarm.sentence
    assert yard.ground.store.count_mailboxes(Phase.PAUSED) == 0


def test_a_run_cut_short_ends_no_process(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mailbox deactivated in the same moment is the next run's business."""

    def cut(*_: Any) -> None:
        raise UserError("ada@example.com is not activated")

    monkeypatch.setattr("connector.operations.roster.sync", cut)
    yard.jobs.run_roster()
    assert yard.failed == []


# --- housekeeping


def test_the_trail_is_kept_as_long_as_configured(yard: Yard) -> None:
    """400 days unless the configuration says otherwise; the chain still holds."""
    store = yard.ground.store
    store.audit(AuditEntry(yard.clock() - 401 * DAY, "t", "old"))
    store.audit(AuditEntry(yard.clock() - 399 * DAY, "t", "young"))
    yard.jobs.keep_house()
    assert [row.entry.action for row in store.audit_rows()] == ["young"]
    assert store.verify_audit() is None


def test_the_day_of_another_account_renews_the_appliance(yard: Yard) -> None:
    """Once it has come, and not before."""
    yard.jobs.keep_house()
    assert yard.renewed == []
    yard.clock.forward(DAY)
    yard.jobs.keep_house()
    assert yard.renewed == [True]


# --- the look


def test_a_filling_outbox_is_an_alarm_in_time(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before calendars have to wait for it; and none any more when it empties."""
    limit = yard.ground.loaded.config.hub.outbox.events
    waiting = iter([limit * 8 // 10 - 1, limit * 8 // 10, 0])
    monkeypatch.setattr(yard.ground.store, "outbox", lambda: OutboxState(next(waiting), None, 0))
    assert yard.look() == []
    assert yard.look() == [kinds.OUTBOX_FILLS]
    assert yard.look() == []


def test_dead_letters_are_an_alarm(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until somebody has retried or dropped the last one."""
    dead = iter([2, 0])
    monkeypatch.setattr(yard.ground.store, "outbox", lambda: OutboxState(0, None, next(dead)))
    assert yard.look() == [kinds.DEAD_LETTERS]
    assert yard.look() == []


def test_a_hub_that_is_away_is_an_alarm_after_a_while(yard: Yard) -> None:
    """A quarter of an hour; nothing is said of one not yet greeted."""
    yard.link(None, up=None)
    assert yard.look() == []
    yard.link("unreachable", up=False)
    assert yard.look() == []
    yard.clock.forward(16 * MINUTE)
    assert yard.look() == [kinds.HUB_UNREACHABLE]
    yard.link(None, up=True)
    assert yard.look() == []


def test_a_refused_credential_is_an_alarm_at_once(yard: Yard) -> None:
    """It takes the place of the other, for the hub is there."""
    yard.link("unreachable", up=False)
    yard.look()
    yard.link("credential-refused", up=False)
    assert yard.look() == [kinds.HUB_REFUSED_CREDENTIAL]
    yard.link(None, up=True)
    assert yard.look() == []


def test_a_hub_credential_never_set_names_the_secret(yard: Yard) -> None:
    """Which is another thing to do than having a new one made."""
    yard.link("credential-missing", up=False)
    assert yard.look() == [kinds.CREDENTIAL_MISSING]
    assert yard.alarms.current()[0].remedy.endswith("calendar-connector secret set hub")
    yard.link("credential-refused", up=False)
    assert yard.look() == [kinds.HUB_REFUSED_CREDENTIAL]
    yard.link(None, up=True)
    assert yard.look() == []


def test_a_tripped_brake_is_an_alarm_until_released(yard: Yard) -> None:
    """With the moment since when."""
    yard.ground.store.put_setting("brake", json.dumps({"stopped": yard.clock().isoformat()}))
    assert yard.look() == [kinds.WRITE_BRAKE]
    assert "since 2026-11-21 09:00 UTC" in yard.alarms.current()[0].sentence
    assert yard.appliance.release_writes()
    assert yard.look() == []


def test_trouble_of_the_store_is_an_alarm_and_passes(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk must not end the process that waits for room."""

    def broken() -> OutboxState:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(yard.ground.store, "outbox", broken)
        assert kinds.STORE_TROUBLE in yard.look()
    assert yard.look() == []


# --- by the clock


def test_jobs_run_at_once_and_trouble_is_told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job can't handle ends the process; trouble of the store is an alarm instead."""
    yard.name("ada@example.com")
    raised: list[Exception] = [StoreError("The disk is full."), RuntimeError("boom")]

    def broken(*_: Any) -> None:
        raise raised.pop(0)

    monkeypatch.setattr(yard.ground.store, "purge", broken)
    monkeypatch.setattr(module, "HOUSEKEEPING", timedelta(seconds=0.05))
    monkeypatch.setattr(yard.ground.store, "outbox", lambda: OutboxState(0, None, 0))
    yard.jobs.start()
    assert yard.told.wait(20)
    assert [str(error) for error in yard.failed][:1] == ["boom"]


def test_stopping_what_never_began_is_fine(yard: Yard) -> None:
    """A start that fails half-way is cleaned up by the same path."""
    yard.jobs.stop()
    yard.jobs.stop()
    assert yard.failed == []
    assert yard.renewed == []


# --- the clock itself


def test_a_refusal_because_of_the_clock_names_the_clock(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is sent for a new credential; as soon as the clock is right, the hub is asked again at once."""
    seen = Sight(Place("hub.example.net", 443, "hub: ca:", exchange=False))
    theirs = [yard.clock() - timedelta(hours=1)]
    monkeypatch.setattr(
        Outlook, "_hub", lambda _self, _ground: replace(seen, date=theirs[0], read_at=yard.clock())
    )
    hurried: list[bool] = []
    monkeypatch.setattr(yard.appliance.sender, "hurry", lambda: hurried.append(True))
    yard.link("credential-refused", up=False)
    assert yard.look() == [kinds.CLOCK_OFF]
    assert yard.look() == [kinds.CLOCK_OFF]
    assert hurried == []
    theirs[0] = yard.clock()
    yard.look()
    assert kinds.CLOCK_OFF not in yard.standing()
    assert hurried == [True]


def test_an_old_refusal_asks_nobody_for_the_time(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential that was revoked stays so: the hub is not visited every half minute."""
    asked: list[Outlook] = []

    def right(outlook: Outlook) -> bool:
        asked.append(outlook)
        return False

    monkeypatch.setattr(Outlook, "clock_is_off", right)
    yard.link("credential-refused", up=False)
    assert yard.look() == [kinds.HUB_REFUSED_CREDENTIAL]
    yard.clock.forward(10 * MINUTE)
    assert yard.look() == [kinds.HUB_REFUSED_CREDENTIAL]
    assert len(asked) == 1
