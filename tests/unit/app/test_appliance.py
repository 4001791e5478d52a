"""The composition root over a real keystore and database, with nobody at the other ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.alarms import Alarms, kinds
from connector.app.appliance import Appliance
from connector.app.exchange import StoredRefusals, account_in_force, settings_of
from connector.app.ground import Ground, roster_places, secret_of
from connector.app.rehearsal import rehearse
from connector.config import load
from connector.config.sources import ExchangeSource
from connector.errors import ConfigError, NotFound
from connector.model import AuditEntry, Load, Mailbox, Phase, Session, Stage
from connector.operations.mailboxes import activate
from connector.roster.base import RosterUnreadable
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground, write


class House:
    """An appliance whose threads were never started."""

    def __init__(self, root: Path) -> None:
        self.clock = ManualClock()
        self.ground = ground(root, self.clock)
        self.alarms = Alarms(self.clock)
        self.appliance = Appliance(self.ground, self.alarms)

    def add(self, name: str, phase: Phase, **fields: object) -> Mailbox:
        mailbox = Mailbox(name, "hq", f"{name}@example.com", "staff", "manual")
        session = replace(Session(name, phase, self.clock()), **fields)  # type: ignore[arg-type]
        self.ground.store.add_mailbox(mailbox, session, AuditEntry(self.clock(), "t", "a"))
        return mailbox

    def session(self, mailbox: Mailbox) -> Session:
        found = self.ground.store.session(mailbox.id)
        assert found is not None
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.appliance.halt()
    made.appliance.close()
    made.ground.store.close()


def test_every_thread_has_a_name_of_its_own(house: House) -> None:
    """As many workers as configured, one watcher for each source, and the relay's two."""
    assert [task.name for task in house.appliance.tasks()] == [
        "worker-0",
        "worker-1",
        "watch-hq",
        "watch-list",
        "relay-sender",
        "relay-receiver",
    ]


def test_vitals_before_anything_happened(house: House) -> None:
    """The hub is neither up nor down, nothing is held, nothing rings."""
    vitals = house.appliance.vitals()
    assert (vitals.hub["up"], vitals.hub["problem"], vitals.holds, vitals.alarms) == (False, "", [], [])
    assert (vitals.workers, vitals.busy, vitals.confirmed) == (2, 0, False)
    assert vitals.config_digest == house.ground.loaded.digest
    assert [row["source"] for row in vitals.streams] == ["hq"]


def test_vitals_say_holds_and_alarms_in_words(house: House) -> None:
    """No code is shown."""
    house.appliance.pause_source("hq", house.clock() + timedelta(hours=2))
    house.alarms.raise_(kinds.DEAD_LETTERS, dead=3)
    vitals = house.appliance.vitals()
    (hold,), (alarm,) = vitals.holds, vitals.alarms
    assert (hold["source"], hold["problem"]) == ("hq", "An administrator paused the source.")
    assert hold["until"] == "2026-11-21T11:00:00+00:00"
    assert (alarm["number"], alarm["sentence"]) == (305, "The hub has refused 3 events for good.")
    house.appliance.resume_source("hq")
    assert house.appliance.vitals().holds == []


def test_a_verb_wakes_the_engine(house: House) -> None:
    """A wish recorded through the daemon's own desk is looked up at once."""
    activate(house.appliance.desk("grace"), ["ada@example.com"])
    assert house.appliance.engine.scheduler.next_due() == house.clock()


def test_a_list_that_the_hub_wants_anew_is_sent_again(house: House) -> None:
    """Also in the middle of a load; with a row that says who wanted it."""
    live, loading = (
        house.add("m1", Phase.LIVE, cursor="c"),
        house.add("m2", Phase.LOADING, load=Load(Stage.FILL, 1, resend=False)),
    )
    for mailbox in (live, loading):
        house.appliance._resync(mailbox.id)
        session = house.session(mailbox)
        assert (session.phase, session.cursor) == (Phase.LOADING, None)
        assert session.load is not None
        assert (session.load.stage, session.load.resend) == (Stage.FEED, True)
    rows = [row.entry for row in house.ground.store.audit_rows() if row.entry.action == "mailbox.resync"]
    assert [row.actor for row in rows] == ["hub", "hub"]


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.LIVE, Phase.LOADING}))
def test_the_hub_brings_no_mailbox_back(house: House, phase: Phase) -> None:
    """What is paused, blocked or leaving stays so, whatever the hub wants; unknown ones are passed over."""
    mailbox = house.add("m1", phase)
    before = house.session(mailbox)
    house.appliance._resync("m1")
    house.appliance._resync("nobody")
    assert house.session(mailbox) == before


def test_what_was_wrong_before_is_an_alarm_again(house: House) -> None:
    """A restart forgets alarms, not states."""
    house.add("m1", Phase.BLOCKED, reason="impersonation-denied")
    house.add("m2", Phase.LIVE, reason="timeout")
    house.appliance.remember()
    (alarm,) = house.alarms.current()
    assert (alarm.kind, alarm.subjects) == (kinds.MAILBOXES_BLOCKED, ("m1@example.com",))


def test_subscriptions_of_a_source_without_a_watcher(house: House) -> None:
    """A source this version can't read has none; asking is no fault."""
    assert house.appliance.unsubscribe("brand") == 0


def test_a_new_password_lets_its_source_go_on(house: House) -> None:
    """And no other secret does."""
    house.appliance.holds.force("hq", "credential-refused", house.clock() + timedelta(hours=1))
    house.appliance.secret_changed("exchange/other/a")
    house.appliance.secret_changed("hub")
    assert house.appliance.holds.all()
    house.appliance.secret_changed("exchange/hq/a")
    assert house.appliance.holds.all() == {}


# --- accounts


@pytest.mark.parametrize(("day", "account"), [("2026-11-21", "a"), ("2026-11-22", "b"), ("2030-01-01", "b")])
def test_an_account_is_used_from_its_day_on(tmp_path: Path, day: str, account: str) -> None:
    """The one whose day has come last."""
    section = load(write(tmp_path)).config.sources["hq"]
    assert isinstance(section, ExchangeSource)
    clock = ManualClock()
    today = clock().fromisoformat(f"{day}T00:00:00+00:00").date()
    assert account_in_force(section, today) == account


def test_the_day_of_another_account_is_noticed(house: House) -> None:
    """The appliance is to be made anew then."""
    assert not house.appliance.outdated()
    house.clock.forward(timedelta(days=1))
    assert house.appliance.outdated()


def test_a_secret_is_read_at_each_use(house: House) -> None:
    """A new one counts without a restart; one never set is empty; it shows nowhere in the settings."""
    config = house.ground.loaded.config
    section = config.sources["hq"]
    assert isinstance(section, ExchangeSource)
    settings = settings_of("hq", section, config, house.ground.keystore, house.clock)
    assert settings.password() == ""
    house.ground.keystore.set("exchange/hq/a", b"one")
    assert settings.password() == "one"
    house.ground.keystore.set("exchange/hq/a", b"two")
    assert settings.password() == "two"
    assert "two" not in repr(settings)
    assert secret_of(house.ground.keystore, "nothing")() == ""


def test_refused_passwords_are_remembered_by_account(house: House) -> None:
    """The last ten of each, over a restart; none of them in clear."""
    refusals = StoredRefusals(house.ground.store, "hq")
    for number in range(12):
        refusals.mark("svc-a", f"print-{number}")
    refusals.mark("svc-b", "print-0")
    again = StoredRefusals(house.ground.store, "hq")
    assert [again.refused("svc-a", f"print-{number}") for number in (0, 1, 2, 11)] == [
        False,
        False,
        True,
        True,
    ]
    assert again.refused("svc-b", "print-0")
    assert not StoredRefusals(house.ground.store, "other").refused("svc-a", "print-11")


# --- ground


def test_the_places_of_the_roster_in_the_order_of_the_file(house: House, tmp_path: Path) -> None:
    """CSV files and groups of directories; a directory that nobody may search says so when it is asked."""
    for name in ("rooms", "staff"):
        (tmp_path / f"{name}.csv").write_text("address\n")
    more = (
        "directories: {ad: {servers: ['ldaps://gc.example.com'], base: 'DC=example'}}\n"
        "roster: {from: {rooms: {csv: ROOT/rooms.csv, policy: room},"
        " all: {directory: ad, group: 'CN=all', policy: staff}, staff: {csv: ROOT/staff.csv, policy: staff}}}\n"
    ).replace("ROOT", str(tmp_path))
    places = roster_places(load(write(tmp_path, more)).config, house.ground.keystore, house.ground.store)
    assert [(place.name, place.policy) for place in places] == [
        ("rooms", "room"),
        ("all", "staff"),
        ("staff", "staff"),
    ]
    with pytest.raises(RosterUnreadable, match="write bind:"):
        places[1].addresses()


def test_redirects_belong_to_a_source_there_is(house: House) -> None:
    """A misspelt one is refused."""
    assert house.appliance.redirects("hq").pending() == ()
    with pytest.raises(NotFound):
        house.appliance.redirects("hp")


# --- a rehearsal changes nothing


def rehearsed(house: House, root: Path, more: str = "", *, instead: tuple[str, str] | None = None) -> Ground:
    return replace(house.ground, loaded=load(write(root, more, instead=instead)))


def test_a_rehearsal_leaves_sessions_and_settings_alone(house: House, tmp_path: Path) -> None:
    """The old configuration is still in force and at work while a new one is tried."""
    mailbox = house.add("m1", Phase.LIVE)
    before = (house.session(mailbox), house.ground.store.setting("rules"))
    rehearse(rehearsed(house, tmp_path, instead=("staff: {}", "staff: {send: [subject]}")))
    assert (house.session(mailbox), house.ground.store.setting("rules")) == before


@pytest.mark.parametrize(
    "instead",
    [
        ('stream: "off"', "ca: ROOT/broken.pem"),
        ('"https://127.0.0.1:9"}', '"https://127.0.0.1:9", ca: ROOT/broken.pem}'),
    ],
    ids=["source", "hub"],
)
def test_a_rehearsal_finds_what_can_not_be_used(
    house: House, tmp_path: Path, instead: tuple[str, str]
) -> None:
    """A CA file that holds no certificate, whether loading or building notices."""
    (tmp_path / "broken.pem").write_text("no certificate")
    old, new = instead
    with pytest.raises(ConfigError, match=r"broken\.pem"):
        rehearse(rehearsed(house, tmp_path, instead=(old, new.replace("ROOT", str(tmp_path)))))


def test_a_rehearsal_finds_what_could_not_be_begun(house: House, tmp_path: Path) -> None:
    """A reload with an unknown language is refused at its line, and the configuration in force stays."""
    with pytest.raises(
        ConfigError, match=r"connector.yaml:\d+: invitation.language: there is no language tlh"
    ):
        rehearse(rehearsed(house, tmp_path, more="invitation: {language: tlh}\n"))
