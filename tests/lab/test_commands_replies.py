"""Replies, deletions and sentences from the cloud: sealed commands through the real hub and daemon, at both sources."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.model import Result
from tests.lab.google.site import GoogleSite
from tests.lab.test_commands import Client, writes

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
UNBRAKED = "writes: {brake: 100%/10m, brake_per_mailbox: 1000/h}\n"
HOUR = timedelta(hours=1)


class Side(ABC):
    """Calendars at one of the two sources. The first user is the cloud's client, the second somebody else."""

    answers: dict[str, str]
    """What the calendar says of each answer; "" where the meeting goes from the calendar."""
    deletion: str
    reply: str
    """The requests that delete and answer."""

    def __init__(self, site: GoogleSite, address: str, other: str) -> None:
        self.site = site
        self.other = other
        self.client = Client(site, address)
        self.hours = iter(range(9))

    def invited(self, subject: str) -> str:
        """A meeting of the other's that the client is invited to; its id at the hub."""
        return self._listed(self.create(self.other, self.client.address, subject), subject)

    def own(self, subject: str, **more: Any) -> str:
        """A meeting of the client's own with the other as guest; its id at the hub."""
        return self._listed(self.create(self.client.address, self.other, subject, **more), subject)

    def _listed(self, start: datetime, subject: str) -> str:
        def found() -> list[str]:
            opened = self.site.opened(self.client.address, self.site.keys(self.client.address))
            at = start.isoformat().replace("+00:00", "Z")
            return [one["id"] for one in opened if (one["subject"], one["start"]) == (subject, at)]

        self.site.wait(lambda: bool(found()), f"{subject} at the hub")
        return found()[0]

    def start(self) -> datetime:
        """An hour of its own."""
        return TOMORROW + next(self.hours) * HOUR

    def subjects(self, address: str = "") -> list[str]:
        """Titles in a calendar."""
        return [row[2] for row in self.site.truth(address or self.client.address)]

    @abstractmethod
    def create(self, owner: str, guest: str, subject: str, *, daily: int = 0) -> datetime:
        """A meeting, or so many of them day by day; its start."""

    @abstractmethod
    def answer(self, subject: str) -> tuple[str, str]:
        """What the client's own copy says of the answer, and what the organiser sees."""

    @abstractmethod
    def operations(self, name: str) -> int:
        """How many requests of an operation there were."""


class Exchange(Side):
    """At the lab's Exchange. A decline takes the meeting out of the guest's calendar."""

    answers = {"accepted": "Accept", "tentative": "Tentative", "declined": ""}  # noqa: RUF012 - of the class
    deletion, reply = "DeleteItem", "CreateItem"

    def create(self, owner: str, guest: str, subject: str, *, daily: int = 0) -> datetime:
        start = self.start()
        series = {"recurrence": {"kind": "daily", "count": daily}} if daily else {}
        self.site.exchange.edit(
            "create",
            mailbox=owner,
            start=start.isoformat(),
            subject=subject,
            attendees=[{"address": guest}],
            **series,
        )
        return start

    def answer(self, subject: str) -> tuple[str, str]:
        own = self._row(self.client.address, subject)
        people = self._row(self.other, subject)["attendees"]
        seen = next(one["response"] for one in people if one["address"] == self.client.address)
        return own.get("my_response", ""), seen

    def operations(self, name: str) -> int:
        return sum(one["operation"] == name for one in self.site.exchange.log())

    def _row(self, address: str, subject: str) -> dict[str, Any]:
        rows = self.site.exchange.truth(address, TOMORROW, TOMORROW + timedelta(days=9))
        return next((row for row in rows if row["subject"] == subject), {})


class Google(Side):
    """At the lab's Google. A declined event stays in the calendar."""

    answers = {"accepted": "accepted", "tentative": "tentative", "declined": "declined"}  # noqa: RUF012 - of the class
    deletion, reply = "events.delete", "events.patch"

    def create(self, owner: str, guest: str, subject: str, *, daily: int = 0) -> datetime:
        start = self.start()
        series = {"recurrence": [f"RRULE:FREQ=DAILY;COUNT={daily}"]} if daily else {}
        made = self.site.google.edit(
            "create",
            mailbox=owner,
            start=start.isoformat(),
            zone="UTC",
            subject=subject,
            attendees=[{"address": guest}],
            **series,
        )
        self.item = made["item_id"]
        return start

    def answer(self, subject: str) -> tuple[str, str]:
        own, seen = (
            next(one["responseStatus"] for one in self._people(owner) if one["email"] == self.client.address)
            for owner in (self.client.address, self.other)
        )
        return own, seen

    def operations(self, name: str) -> int:
        return sum(one["operation"] == name for one in self.site.google.log())

    def _people(self, owner: str) -> list[dict[str, Any]]:
        return list(self.site.google.tell("/event", mailbox=owner, item=self.item)["attendees"])


@pytest.fixture(scope="module")
def site() -> Iterator[GoogleSite]:
    """Both sources, two people active at each."""
    with GoogleSite(users=3, both=True, mailboxes=3, exchange={"hosts": "example.com"}) as site:
        site.write_config(site.configuration() + UNBRAKED)
        site.start()
        site.activate(*(site.google.address(n) for n in (1, 2)), *(site.exchange.address(n) for n in (1, 2)))
        yield site


@pytest.fixture(scope="module", params=[Exchange, Google], ids=["exchange", "google"])
def side(request: pytest.FixtureRequest, site: GoogleSite) -> Side:
    """One source after the other."""
    kind: type[Side] = request.param
    lab = site.exchange if kind is Exchange else site.google
    return kind(site, lab.address(1), lab.address(2))


@pytest.mark.parametrize("response", ["accepted", "tentative", "declined"])
def test_an_invitation_is_answered(side: Side, response: str) -> None:
    """The own copy says so, the organiser sees it, the list follows, and the trail has the write with its acting user."""
    meeting = side.invited(f"Answer {response}")
    command = side.client.command("meeting.reply", {"id": meeting, "response": response})
    outcome = side.client.outcome(side.client.send(command))
    assert (outcome.result, outcome.code) == (Result.DONE, "")
    own, seen = side.answer(f"Answer {response}")
    assert own == side.answers[response]
    assert seen.lower()[:6] == response[:6]
    side.site.wait(lambda: side.site.agrees(side.client.address, side.client.keys), "the list to follow")
    (row,) = writes(side.site, command.id)
    facts = json.loads(row["facts"])
    assert (facts["acting"], facts["fields"]) == (side.client.address, ["response"])


def test_an_own_meeting_has_no_answer(side: Side) -> None:
    """Who organises a meeting can't answer it, and is told so."""
    outcome = side.client.asked("meeting.reply", {"id": side.own("Own"), "response": "accepted"})
    assert (outcome.result, outcome.code) == (Result.REFUSED, "not-invited")


def test_an_own_meeting_is_deleted(side: Side) -> None:
    """It goes from the calendar and from the hub's list, and the guest hears that it is off."""
    meeting = side.own("To be deleted")
    outcome = side.client.asked("meeting.delete", {"id": meeting})
    assert outcome.result is Result.DONE
    assert outcome.body["meetings"] == [meeting]
    assert "To be deleted" not in side.subjects()
    assert "To be deleted" not in side.subjects(side.other)
    side.site.wait(
        lambda: meeting not in side.site.hub.meetings(side.client.mailbox), "it to go from the hub"
    )


def test_one_of_a_series_is_deleted_or_all(side: Side) -> None:
    """Without ``whole`` the occurrence goes alone, with it the series."""
    meeting = side.own("Daily", daily=4)
    assert side.client.asked("meeting.delete", {"id": meeting}).result is Result.DONE
    assert side.subjects().count("Daily") == 3
    side.site.wait(lambda: side.site.agrees(side.client.address, side.client.keys), "the list to follow")
    opened = side.site.opened(side.client.address, side.client.keys)
    another = next(one["id"] for one in opened if one["subject"] == "Daily")
    assert side.client.asked("meeting.delete", {"id": another, "whole": True}).result is Result.DONE
    assert "Daily" not in side.subjects()
    side.site.wait(lambda: side.site.agrees(side.client.address, side.client.keys), "the list to follow")


def test_a_guest_deletes_nothing(side: Side) -> None:
    """An attendee's copy is never written; a decline is what is meant."""
    outcome = side.client.asked("meeting.delete", {"id": side.invited("Not mine")})
    assert (outcome.result, outcome.code) == (Result.REFUSED, "attendee-copy")
    assert "Not mine" in side.subjects()


def test_what_is_not_there_is_not_deleted(side: Side) -> None:
    """An unknown id is refused by that name."""
    outcome = side.client.asked("meeting.delete", {"id": "nowhere"})
    assert (outcome.result, outcome.code) == (Result.REFUSED, "item-not-found")


def test_killed_in_the_middle_a_deletion_is_done_once(side: Side) -> None:
    """Killed when the calendar has deleted and nobody knows: the next run answers that it is done, and mails nobody again."""
    meeting = side.own("Killed")
    before = side.operations(side.deletion)
    if isinstance(side, Exchange):
        side.site.exchange.fault("DeleteItem", "stalled")
    command = side.client.send(side.client.command("meeting.delete", {"id": meeting}))
    side.site.wait(lambda: "Killed" not in side.subjects(), "the deletion")
    side.site.kill()
    if isinstance(side, Exchange):
        side.site.exchange.clear_faults()
    side.site.start()
    assert side.client.outcome(command).result is Result.DONE
    assert side.operations(side.deletion) == before + 1
    side.site.wait(lambda: side.site.agrees(side.client.address, side.client.keys), "the list to follow")


def test_killed_in_the_middle_an_answer_is_given_once(side: Side) -> None:
    """A decline that was killed before its outcome is known for done, also where it has taken the meeting away."""
    meeting = side.invited("Decline and die")
    before = side.operations(side.reply)
    if isinstance(side, Exchange):
        side.site.exchange.fault("CreateItem", "stalled")
    command = side.client.send(side.client.command("meeting.reply", {"id": meeting, "response": "declined"}))
    side.site.wait(lambda: side.answer("Decline and die")[1].lower()[:7] == "decline", "the answer")
    side.site.kill()
    if isinstance(side, Exchange):
        side.site.exchange.clear_faults()
    side.site.start()
    assert side.client.outcome(command).result is Result.DONE
    assert side.operations(side.reply) == before + 1


def test_a_sentence_becomes_a_meeting_at_google(site: GoogleSite) -> None:
    """QuickAdd makes it once; the outcome names it by the id under which the list has it."""
    ada = Client(site, site.google.address(1))
    command = ada.command("meeting.quick-add", {"text": "Tea with Bea"})
    outcome = ada.outcome(ada.send(command))
    assert outcome.result is Result.DONE
    site.wait(lambda: site.agrees(ada.address, ada.keys), "the list to show it")
    assert set(outcome.body["meetings"]) <= set(site.hub.meetings(ada.mailbox))
    assert [row[2] for row in ada.calendar()].count("Tea with Bea") == 1
    assert len(writes(site, command.id)) == 1


def test_killed_in_the_middle_a_sentence_makes_one_meeting(site: GoogleSite) -> None:
    """Killed after Google made the event and before it got our key, the next run finds it by its words."""
    ada = Client(site, site.google.address(1))
    site.google.fault("backendError", times=1000, operation="events.patch", subject=ada.address)
    command = ada.send(ada.command("meeting.quick-add", {"text": "Coffee with Cem"}))
    site.wait(lambda: "Coffee with Cem" in [row[2] for row in ada.calendar()], "the event")
    site.kill()
    site.google.tell("/faults/clear")
    site.start()
    assert ada.outcome(command).result is Result.DONE
    assert [row[2] for row in ada.calendar()].count("Coffee with Cem") == 1


def test_a_sentence_means_nothing_to_exchange(site: GoogleSite) -> None:
    """Refused with the reason, and no write is even counted."""
    ada = Client(site, site.exchange.address(1))
    command = ada.command("meeting.quick-add", {"text": "Tea with Bea"})
    outcome = ada.outcome(ada.send(command))
    assert (outcome.result, outcome.code) == (Result.REFUSED, "quick-add-needs-google")
    assert writes(site, command.id) == []
