"""What the cloud may ask for: sealed commands through the real hub, the real daemon and the lab's Exchange."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from connector.model import Command, ContentKey, Outcome, Result
from connector.seal.commands import seal_command
from connector.seal.opening import open_outcome
from tests.lab.hub import LabHubError
from tests.lab.site import Site

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
BRAKE = "writes: {brake_per_mailbox: 6/h}\n"


class Client:
    """A client in the cloud that holds one mailbox's keys, and so may seal commands to it and read what comes of them."""

    def __init__(self, site: Site, address: str) -> None:
        self.site = site
        self.address = address
        self.mailbox = str(site.mailbox(address)["id"])
        site.wait(lambda: bool(site.ask("mailbox.keys", address=address)), f"keys of {address}")
        self.keys = site.keys(address)

    @property
    def key(self) -> ContentKey:
        """The newest."""
        return next(iter(self.keys.values()))

    def command(self, kind: str, body: Mapping[str, Any], **other: Any) -> Command:
        """A command as the client means it."""
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
        return replace(
            Command(uuid4().hex, self.mailbox, kind, self.address, expires, body),
            **other,
        )

    def send(self, command: Command, key: ContentKey | None = None) -> str:
        """Seal it, hand it to the hub; its id."""
        self.site.hub.send_command(self.mailbox, command.id, seal_command(command, key or self.key))
        return command.id

    def outcome(self, command: str) -> Outcome:
        """What became of it, opened."""
        return open_outcome(self.site.hub.wait_outcome(self.mailbox, command), self.keys.__getitem__)

    def asked(self, kind: str, body: Mapping[str, Any], **other: Any) -> Outcome:
        """The outcome of a command sealed as it should be."""
        return self.outcome(self.send(self.command(kind, body, **other)))

    def calendar(self) -> list[tuple[str, ...]]:
        """What the calendar itself holds."""
        return self.site.truth(self.address)


def meeting(subject: str, hour: int = 0, **more: Any) -> dict[str, Any]:
    """The body of meeting.create."""
    start = TOMORROW + timedelta(hours=hour)
    return {"subject": subject, "start": start.isoformat(), "end": later(start), "mail": "none", **more}


def later(start: datetime) -> str:
    """An hour on."""
    return (start + timedelta(hours=1)).isoformat()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Five mailboxes, two of them under a policy that lets the hub write nothing."""
    with Site(mailboxes=5, exchange={"hosts": "example.com"}) as site:
        policies = "policies:\n  closed: {write: [], presence: 'off'}\n"
        text = (
            site.configuration().replace("policies:\n", policies).replace("debounce: 200ms", "debounce: 0s")
        )
        site.write_config(text + BRAKE)
        site.start()
        people = [site.exchange.address(number) for number in range(1, 6)]
        site.cli("mailbox", "activate", "--policy", "staff", *people[:3])
        site.cli("mailbox", "activate", "--policy", "closed", people[3])
        site.wait(lambda: all(site.state(one) == "active" for one in people[:4]), "four mailboxes")
        yield site


@pytest.fixture(scope="module")
def ada(site: Site) -> Client:
    """The owner of the first mailbox."""
    return Client(site, site.exchange.address(1))


@pytest.fixture(scope="module")
def bea(site: Site) -> Client:
    """The owner of the second, who is mostly refused."""
    return Client(site, site.exchange.address(2))


def subjects(client: Client) -> list[str]:
    """What is in the calendar, by title."""
    return [row[2] for row in client.calendar()]


def writes(site: Site, command: str) -> list[dict[str, Any]]:
    """Audit rows of calendar writes that a command caused."""
    rows = site.json("audit", "list", "--limit", "10000")
    return [
        row for row in rows if row["action"] == "calendar.write" and _facts(row).get("command") == command
    ]


def _facts(row: Mapping[str, Any]) -> Mapping[str, Any]:
    facts = row["facts"]
    return facts if isinstance(facts, dict) else dict(json.loads(facts))


def test_a_meeting_is_made_once_and_shows_up(site: Site, ada: Client) -> None:
    """meeting.create makes one meeting, the outcome names it by the id under which the list has it, and one audit row tells of it."""
    command = ada.command("meeting.create", meeting("From the cloud", location="Room 7"))
    outcome = ada.outcome(ada.send(command))
    assert (outcome.result, outcome.code) == (Result.DONE, "")
    site.wait(lambda: site.agrees(ada.address, ada.keys), "the list to show it")
    assert set(outcome.body["meetings"]) <= set(site.hub.meetings(ada.mailbox))
    assert subjects(ada).count("From the cloud") == 1
    rows = writes(site, command.id)
    assert [(row["mailbox"], _facts(row)["kind"]) for row in rows] == [(ada.address, "meeting.create")]


def test_the_same_command_again_does_nothing(site: Site, ada: Client) -> None:
    """A hub that hands a command down a second time, under the same id, changes no calendar."""
    command = ada.command("meeting.create", meeting("Only once", 1))
    sealed = seal_command(command, ada.key)
    site.hub.send_command(ada.mailbox, command.id, sealed)
    first = ada.outcome(command.id)
    site.hub.send_command(ada.mailbox, command.id, sealed)
    ada.asked(
        "freebusy.ask", {"addresses": [ada.address], **_span()}
    )  # an answer later than any to the second
    assert first.result is Result.DONE
    assert subjects(ada).count("Only once") == 1
    assert len(writes(site, command.id)) == 1


def test_a_command_copied_under_another_id_is_not_opened(site: Site, ada: Client) -> None:
    """A hub can't have a command carried out twice by giving it a new id: the id is bound in its header."""
    command = ada.command("meeting.create", meeting("Copied", 2))
    other = uuid4().hex
    site.hub.send_command(ada.mailbox, other, seal_command(command, ada.key))
    outcome = ada.outcome(other)
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-not-sealed")
    assert "Copied" not in subjects(ada)


def test_place_and_text_of_a_meeting_are_changed(site: Site, ada: Client) -> None:
    """meeting.update changes the place in the calendar, and the list follows."""
    made = ada.asked("meeting.create", meeting("To be moved", 3, location="Here"))
    outcome = ada.asked(
        "meeting.update", {"id": made.body["meetings"][0], "location": "There", "mail": "none"}
    )
    assert outcome.result is Result.DONE
    assert [row[3] for row in ada.calendar() if row[2] == "To be moved"] == ["There"]
    site.wait(lambda: site.agrees(ada.address, ada.keys), "the list to follow")


def test_a_meeting_that_is_not_there_is_not_changed(ada: Client) -> None:
    """meeting.update of an unknown id is refused with item-not-found."""
    outcome = ada.asked("meeting.update", {"id": "nowhere", "location": "There"})
    assert (outcome.result, outcome.code) == (Result.REFUSED, "item-not-found")


def _span() -> dict[str, str]:
    return {"start": TOMORROW.isoformat(), "end": (TOMORROW + timedelta(hours=12)).isoformat()}


def test_free_busy_is_asked_as_the_acting_user(site: Site, ada: Client) -> None:
    """freebusy.ask answers for people who are not activated too; they are asked about, never opened, and asked as the owner."""
    stranger = site.exchange.address(5)
    site.exchange.edit(
        "create", mailbox=stranger, start=TOMORROW.isoformat(), end=later(TOMORROW), subject="Secret dinner"
    )
    outcome = ada.asked("freebusy.ask", {"addresses": [stranger, "nobody@example.com"], **_span()})
    assert outcome.result is Result.DONE
    known, unknown = outcome.body["availability"]
    assert (known["address"], len(known["busy"])) == (stranger, 1)
    assert unknown["code"]
    assert "Secret dinner" not in str(outcome.body)
    asked = [one for one in site.exchange.log() if stranger in one["asked"]]
    assert {one["acting"] for one in asked} == {ada.address}
    assert site.exchange.log(address=stranger) == []


def test_a_key_of_another_mailbox_opens_nothing(ada: Client, bea: Client) -> None:
    """A command sealed under the key of somebody else's mailbox is refused as not sealed."""
    outcome = bea.outcome(bea.send(bea.command("meeting.create", meeting("Foreign")), ada.key))
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-not-sealed")
    assert "Foreign" not in subjects(bea)


def test_a_made_up_key_opens_nothing(bea: Client) -> None:
    """A hub that makes a key of its own, even under the right URI, is refused."""
    forged = replace(bea.key, secret=bytes(32))
    outcome = bea.outcome(bea.send(bea.command("meeting.create", meeting("Forged")), forged))
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-not-sealed")


def test_clear_text_is_no_command(site: Site, bea: Client) -> None:
    """The hub takes nothing that is not even shaped like a JWE; what merely looks like one is refused as not sealed."""
    with pytest.raises(LabHubError) as refused:
        site.hub.send_command(bea.mailbox, uuid4().hex, '{"kind": "meeting.create"}')
    assert refused.value.status == 400
    command = uuid4().hex
    header = b64encode(json.dumps({"alg": "none", "kid": bea.key.uri}).encode(), b"-_").rstrip(b"=").decode()
    site.hub.send_command(bea.mailbox, command, f"{header}..AAAAAAAAAAAAAAAA.e30.AAAAAAAAAAAAAAAAAAAAAA")
    outcome = bea.outcome(command)
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-not-sealed")


def test_too_late_is_too_late(bea: Client) -> None:
    """A command past its expiry is refused."""
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=5)
    outcome = bea.asked("meeting.create", meeting("Late"), expires=past)
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-expired")


def test_a_command_good_for_years_is_malformed(bea: Client) -> None:
    """An expiry more than a day ahead is refused: nobody may stock up on commands."""
    far = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)
    outcome = bea.asked("meeting.create", meeting("Stocked"), expires=far)
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-malformed")


def test_nobody_acts_for_somebody_else(ada: Client, bea: Client) -> None:
    """The acting user must be the owner of the mailbox."""
    outcome = bea.asked("meeting.create", meeting("As Ada"), actor=ada.address)
    assert (outcome.result, outcome.code) == (Result.REFUSED, "write-not-allowed")


def test_kinds_and_values_are_checked(bea: Client) -> None:
    """An unknown kind and a missing subject have outcomes of their own."""
    assert bea.asked("meeting.explode", {}).code == "command-unknown"
    assert bea.asked("meeting.create", {"start": "yesterday"}).code == "command-malformed"


def test_a_policy_without_hub_lets_nothing_in(site: Site) -> None:
    """Where the mailbox's policy does not name the hub under write:, nothing is written; free/busy is still answered."""
    dan = Client(site, site.exchange.address(4))
    outcome = dan.asked("meeting.create", meeting("Not allowed"))
    assert (outcome.result, outcome.code) == (Result.REFUSED, "write-not-allowed")
    assert dan.asked("freebusy.ask", {"addresses": [dan.address], **_span()}).result is Result.DONE
    assert subjects(dan) == []
    assert not [
        row
        for row in site.json("audit", "list")
        if row["mailbox"] == dan.address and row["action"] == "calendar.write"
    ]


def test_the_brake_stops_all_writes_until_released(site: Site, bea: Client) -> None:
    """More writes of one mailbox than the brake allows stop everybody's; status says so, and releasing lets all go on."""
    cem = Client(site, site.exchange.address(3))
    outcomes = [cem.asked("meeting.create", meeting(f"Many {number}", number)) for number in range(7)]
    assert [one.result for one in outcomes] == [Result.DONE] * 6 + [Result.REFUSED]
    assert outcomes[6].code == "brake"
    assert len([one for one in subjects(cem) if one.startswith("Many")]) == 6
    assert bea.asked("meeting.create", meeting("While stopped")).code == "brake"
    assert "stopped by the brake" in site.status()["writes"]
    assert "writes flow again" in site.try_cli("writes", "release").stderr
    assert "writes were not stopped" in site.try_cli("writes", "release").stderr
    assert cem.asked("meeting.create", meeting("After release", 9)).result is Result.DONE


def test_an_observer_writes_nothing(site: Site, bea: Client) -> None:
    """mode: observe, taken over by a reload, refuses writes with mode-observe and goes on reading."""
    text = site.config.read_text(encoding="utf-8")
    _switch(
        site, text.replace("mode: active", "mode: observe"), lambda: site.ask("status")["mode"] == "observe"
    )
    outcome = bea.asked("meeting.create", meeting("While observing"))
    assert (outcome.result, outcome.code) == (Result.REFUSED, "mode-observe")
    _switch(site, text, lambda: site.ask("status")["mode"] == "active")
    assert "While observing" not in subjects(bea)
    assert bea.asked("meeting.create", meeting("While active", 5)).result is Result.DONE


def test_by_long_poll_it_is_the_same(site: Site, bea: Client) -> None:
    """With downlink: poll commands come down as well, each once."""
    text = site.config.read_text(encoding="utf-8")
    _switch(
        site,
        text.replace("hub: {url:", "hub: {downlink: poll, url:"),
        lambda: "poll" in site.ask("config.effective").partition("downlink:")[2][:10],
    )
    outcome = bea.asked("meeting.create", meeting("By poll", 6))
    assert outcome.result is Result.DONE
    assert subjects(bea).count("By poll") == 1
    assert bea.asked("freebusy.ask", {"addresses": [bea.address], **_span()}).result is Result.DONE


def test_a_nudge_needs_no_seal(site: Site, bea: Client) -> None:
    """An unsealed nudge makes the connector look at the calendar; that is all the hub can do by itself."""
    since = max(one["number"] for one in site.exchange.log())
    site.hub.nudge(bea.mailbox)
    site.wait(
        lambda: any(
            one["operation"] == "SyncFolderItems" and one["acting"] == bea.address
            for one in site.exchange.log(since=since)
        ),
        "a look at the calendar",
    )


def test_the_trail_is_whole(site: Site) -> None:
    """After all of that audit verify finds every row as it was written, and no word of a meeting in it."""
    assert "as it was written" in site.try_cli("audit", "verify").stderr
    trail = site.cli("audit", "export")
    assert "calendar.write" in trail
    assert not [word for word in ("From the cloud", "Only once", "Room 7", "Many") if word in trail]


def _switch(site: Site, text: str, taken: Callable[[], bool]) -> None:
    """Another configuration, in force when this returns."""
    site.write_config(text)
    site.reload()
    site.wait(taken, "the reload")
