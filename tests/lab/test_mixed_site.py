"""A site with both sources: one question about everybody's time, one decoration of a meeting, everybody in one of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.model import Result
from tests.lab.google.site import GoogleSite
from tests.lab.test_commands import Client

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)
MORE = """\
writes: {brake: 100%/10m, brake_per_mailbox: 1000/h}
keywords: {"@meet": jitsi, "@google": meet}
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com"}
  meet: {type: google_meet}
"""
ROOM = "https://meet.example.com/"
MOVED = "moved@example.com"
"""Somebody of Exchange's domain who lives at Google already."""


class Mixed:
    """Ada at Exchange, Gil at Google."""

    def __init__(self, site: GoogleSite) -> None:
        self.site = site
        self.exchange, self.google = site.exchange, site.google
        self.ada, self.gil = site.exchange.address(1), site.google.address(1)
        self._hours = itertools.count()

    def start(self) -> datetime:
        return TOMORROW + next(self._hours) * HOUR

    def at_exchange(self, **facts: Any) -> dict[str, Any]:
        """Ada's meeting with Gil."""
        guests = [{"address": self.gil}]
        return self.exchange.edit("create", mailbox=self.ada, attendees=guests, **facts)

    def copy_at_google(self, uid: str, **facts: Any) -> str:
        """What Ada's invitation leaves in Gil's calendar: Google makes it of the mail, under the same UID."""
        event = {
            "iCalUID": uid,
            "summary": facts["subject"],
            "location": facts["location"],
            "start": {"dateTime": facts["start"]},
            "end": {"dateTime": (datetime.fromisoformat(facts["start"]) + HOUR).isoformat()},
            "organizer": {"email": self.ada},
            "attendees": [
                {"email": self.gil, "self": True, "responseStatus": "needsAction"},
                {"email": self.ada, "organizer": True, "responseStatus": "accepted"},
            ],
        }
        return str(self.google.edit("raw", mailbox=self.gil, event=event)["item_id"])

    def body(self, uid: str) -> str:
        rows = self.exchange.truth(self.ada, TOMORROW, TOMORROW + timedelta(days=2))
        return next(str(row["body"]) for row in rows if row["uid"] == uid)

    def event(self, item: str) -> dict[str, Any]:
        return self.google.tell("/event", mailbox=self.gil, item=item)

    def written(self) -> list[str]:
        """Whose calendars keywords wrote into."""
        rows = self.site.ask("audit.list", after=None, limit=1000)
        return [row["facts"]["address"] for row in rows if row["action"] == "calendar.written"]


@pytest.fixture(scope="module")
def mixed() -> Iterator[Mixed]:
    """One roster, both sources; who lives where is found by the domain, or by a list that comes first."""
    with GoogleSite(users=2, both=True, mailboxes=3, exchange={"hosts": "example.com"}) as site:
        addresses = [site.exchange.address(1), site.google.address(1), MOVED]
        people, moved = site.folder / "people.csv", site.folder / "moved.csv"
        people.write_text("address\n" + "\n".join(addresses) + "\n", encoding="utf-8")
        moved.write_text(f"address\n{MOVED}\n", encoding="utf-8")
        site.google.tell("/users", address=MOVED)
        places = (
            f"cloud: {{csv: {moved}, policy: staff, source: brand}}, all: {{csv: {people}, policy: staff}}"
        )
        shared = site.configuration().replace(
            "domains: [brand.example,", "domains: [brand.example, example.com,"
        )
        site.write_config(f"{shared}{MORE}roster: {{max_change: 100%, from: {{{places}}}}}\n")
        site.start()
        site.wait(lambda: all(site.state(one) == "active" for one in addresses), "everybody to be active")
        yield Mixed(site)


def test_one_roster_fills_both_sources(mixed: Mixed) -> None:
    """Each address is in the source that its domain belongs to, or in the one that a list names, and in no other."""
    shown = {row["address"]: row["source"] for row in mixed.site.json("mailbox", "list")}
    assert shown == {mixed.ada: "hq", mixed.gil: "brand", MOVED: "brand"}
    mixed.google.edit("create", mailbox=MOVED, start=mixed.start().isoformat(), zone="UTC", subject="Here")
    client = Client(mixed.site, MOVED)
    mixed.site.wait(lambda: _titles(mixed, client) == ["Here"], "the list of who has moved")


def _titles(mixed: Mixed, client: Client) -> list[str]:
    return [one["subject"] for one in mixed.site.opened(client.address, client.keys)]


@pytest.mark.parametrize("asking", ["ada", "gil"])
def test_one_question_is_answered_by_both(mixed: Mixed, asking: str) -> None:
    """Who asks, from whichever source, gets everybody's times in one answer; each is asked about with rights in his own system."""
    start = mixed.start()
    mixed.exchange.edit("create", mailbox=mixed.ada, start=start.isoformat(), subject="Secret dinner")
    mixed.google.edit("create", mailbox=mixed.gil, start=start.isoformat(), zone="UTC", subject="Secret tea")
    client = Client(mixed.site, getattr(mixed, asking))
    span = {"start": start.isoformat(), "end": (start + HOUR).isoformat()}
    outcome = client.asked("freebusy.ask", {"addresses": [mixed.ada, mixed.gil], **span})
    assert outcome.result is Result.DONE
    answers = {one["address"]: one for one in outcome.body["availability"]}
    assert [answers[one]["code"] for one in (mixed.ada, mixed.gil)] == [None, None]
    assert all(len(answers[one]["busy"]) == 1 for one in (mixed.ada, mixed.gil))
    assert "Secret" not in str(outcome.body)
    questions = [one for one in mixed.exchange.log() if one["operation"] == "GetUserAvailabilityRequest"]
    assert {one["acting"] for one in questions} == {mixed.ada}
    asked = {one["subject"] for one in mixed.google.log() if one["operation"] == "freebusy.query"}
    assert asked == {mixed.gil}


def test_an_exchange_meeting_is_decorated_by_its_organiser(mixed: Mixed) -> None:
    """The guest's copy at Google says the keyword too, and is not written; both lists get the way in."""
    facts = {"start": mixed.start().isoformat(), "subject": "Across", "location": "@meet"}
    uid = str(mixed.at_exchange(**facts)["uid"])
    item = mixed.copy_at_google(uid, **facts)
    before = mixed.event(item)["etag"]
    mixed.site.wait(lambda: ROOM in mixed.body(uid), "the join details")
    mixed.site.follows(mixed.gil)
    assert mixed.written() == [mixed.ada]
    assert mixed.event(item)["etag"] == before
    told = mixed.site.ask("meeting.why", address=mixed.gil, meeting=uid)
    assert "Somebody else organises it" in " ".join(s for one in told for s in one["sentences"])


def test_a_google_meeting_is_decorated_by_its_organiser(mixed: Mixed) -> None:
    """And the other way round: Google makes the conference, Exchange's copy of the guest is left alone."""
    before = len(mixed.written())
    start = mixed.start().isoformat()
    made = mixed.google.edit(
        "create",
        mailbox=mixed.gil,
        start=start,
        zone="UTC",
        subject="Back",
        location="@google",
        attendees=[{"address": mixed.ada}],
    )["item_id"]
    uid = str(mixed.event(made)["iCalUID"])
    organizer = {"address": mixed.gil, "name": "Gil"}
    mixed.exchange.edit(
        "receive",
        mailbox=mixed.ada,
        start=start,
        subject="Back",
        location="@google",
        organizer=organizer,
        uid=uid,
        attendees=[{"address": mixed.ada}],
    )
    mixed.site.wait(lambda: "hangoutLink" in mixed.event(made), "the conference")
    mixed.site.wait(lambda: mixed.site.agrees(mixed.ada, mixed.site.keys(mixed.ada)), "the guest's list")
    assert mixed.written()[before:] == [mixed.gil]
    assert "meet" not in mixed.body(uid)


def test_an_exchange_calendar_makes_no_google_meet(mixed: Mixed) -> None:
    """The keyword for Google Meet is left at an Exchange organiser's, with the reason."""
    uid = str(mixed.at_exchange(start=mixed.start().isoformat(), subject="No", location="@google")["uid"])

    def told() -> str:
        found = mixed.site.ask("meeting.why", address=mixed.ada, meeting=uid)
        return " ".join(line["what"] for one in found for line in one["journal"])

    mixed.site.wait(
        lambda: "Google Meet conferences are made by Google calendars alone" in told(), "the reason"
    )
    assert mixed.body(uid) == ""
