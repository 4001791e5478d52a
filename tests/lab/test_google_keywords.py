"""Keywords in calendars at Google, through the real daemon: ``@meet`` becomes a Google Meet of the event's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

START = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
MEET = "https://meet.google.com/"
CONFERENCES = """\
keywords: {"@meet": meet, "@webex": own-room}
conference:
  meet: {type: google_meet}
  own-room: {type: template, link: "https://vc.example.com/meet/{{ organizer.user }}"}
"""


class Desk:
    """The first user as organiser, looked at through Google's own eyes and the hub's."""

    def __init__(self, site: GoogleSite) -> None:
        self.site = site
        self.google = site.google
        self.owner = site.google.address(1)
        self.guest = site.google.address(2)

    def create(self, location: str = "@meet", *, owner: str = "", hour: int = 0) -> str:
        start = START + timedelta(hours=hour)
        made = self.google.edit(
            "create",
            mailbox=owner or self.owner,
            start=start.isoformat(),
            zone="UTC",
            subject="Plan",
            body="Bring figures.",
            location=location,
            attendees=[{"address": self.guest}],
        )
        return str(made["item_id"])

    def event(self, item: str, owner: str = "") -> dict[str, Any]:
        return self.google.tell("/event", mailbox=owner or self.owner, item=item)

    def link(self, item: str, owner: str = "") -> str:
        return str(self.event(item, owner).get("hangoutLink", ""))

    def sealed(self, item: str) -> tuple[str, str]:
        """Address and rule of the way in that the hub's sealed list holds for an event."""
        start = datetime.fromisoformat(self.event(item)["start"]["dateTime"])
        opened = self.site.opened(self.owner, self.site.keys(self.owner))
        found = (one["link"] for one in opened if _at(one) == start and "link" in one)
        link = next(found, None)
        return (link.url, link.rule) if link else ("", "")

    def orders(self) -> list[str]:
        return list(self.google.tell("/meet")["requests"])

    def writes(self, item: str) -> list[list[str]]:
        """Which fields the audit trail says were written."""
        rows = self.site.ask("audit.list", after=None, limit=1000)
        facts = [row["facts"] for row in rows if row["action"] == "calendar.written"]
        return [one["fields"] for one in facts if one["item"] == item]


def _at(meeting: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(meeting["start"])


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    """A running site whose two users are active."""
    with GoogleSite(users=3) as site:
        site.write_config(site.configuration() + CONFERENCES)
        site.start()
        site.activate(site.google.address(1), site.google.address(2))
        yield Desk(site)


def test_meet_in_location_makes_a_google_meet(desk: Desk) -> None:
    """Event and guest's copy get conferenceData and hangoutLink, the text is untouched, the hub has it sealed."""
    desk.google.tell("/meet", seconds=2.0)
    item = desk.create()
    desk.site.wait(lambda: desk.link(item).startswith(MEET), "the conference")
    link = desk.link(item)
    event = desk.event(item)
    assert event["conferenceData"]["createRequest"]["status"] == {"statusCode": "success"}
    assert event["description"] == "Bring figures."
    desk.site.wait(lambda: desk.sealed(item) == (link, "keyword @meet"), "the link at the hub")
    desk.site.wait(lambda: desk.link(item, desk.guest) == link, "the link in the guest's copy")
    assert not desk.site.hub_holds(link)
    assert desk.writes(item) == [["conference"]]
    assert len(desk.orders()) == 1


def test_it_goes_with_the_keyword(desk: Desk) -> None:
    """Once the keyword is deleted, event and sealed meeting hold no conference any more."""
    desk.google.tell("/meet", seconds=0.0)
    item = desk.create(hour=2)
    desk.site.wait(lambda: desk.sealed(item)[1] == "keyword @meet", "the conference")
    desk.google.edit("change", mailbox=desk.owner, item=item, location="Room 12")
    desk.site.wait(lambda: "conferenceData" not in desk.event(item), "it to go")
    desk.site.wait(lambda: desk.sealed(item) == ("", ""), "it to go from the hub")
    assert "hangoutLink" not in desk.event(item)


def test_a_write_that_loses_the_race_is_repeated(desk: Desk) -> None:
    """412 on the write is read and applied anew; the conference is there once."""
    before = len(desk.orders())
    desk.google.fault("conditionNotMet", times=2, operation="events.patch", subject=desk.owner)
    item = desk.create(hour=4)
    desk.site.wait(lambda: desk.sealed(item)[1] == "keyword @meet", "the conference")
    assert len(desk.orders()) == before + 1


def test_a_kill_while_it_is_awaited_orders_nothing_anew(desk: Desk) -> None:
    """Killed between order and result: the next run finds the order in the event and takes what came of it."""
    before = len(desk.orders())
    desk.google.tell("/meet", seconds=600.0)
    item = desk.create(hour=6)
    desk.site.wait(lambda: len(desk.orders()) == before + 1, "the order")
    desk.site.kill()
    desk.google.tell("/meet", seconds=0.0, now=True)
    desk.site.start()
    desk.site.wait(lambda: desk.sealed(item)[1] == "keyword @meet", "the conference")
    assert len(desk.orders()) == before + 1


def test_a_conference_that_is_not_made_is_told(desk: Desk) -> None:
    """Google's failure is a reason in ``meeting why``, and the event is left alone."""
    desk.google.tell("/meet", answer="failure")
    item = desk.create(hour=8)

    def told() -> str:
        found = desk.site.ask("meeting.why", address=desk.owner, meeting=item)
        return " ".join(line["what"] for one in found for line in one["journal"])

    desk.site.wait(lambda: "did not make one" in told(), "the reason")
    desk.google.tell("/meet", answer="success")
    assert not desk.link(item)


def test_another_keyword_takes_its_place(desk: Desk) -> None:
    """The Google Meet goes and the other's block comes, in one write."""
    item = desk.create(hour=10)
    desk.site.wait(lambda: desk.sealed(item)[1] == "keyword @meet", "the conference")
    desk.google.edit("change", mailbox=desk.owner, item=item, location="@webex")
    desk.site.wait(lambda: desk.sealed(item)[1] == "keyword @webex", "the other one")
    event = desk.event(item)
    assert "vc.example.com/meet/user1" in event["description"]
    assert "hangoutLink" not in event
    assert desk.writes(item) == [["conference"], ["body", "conference"]]


def test_a_keyword_in_one_occurrence_is_for_that_one(desk: Desk) -> None:
    """One occurrence of a series gets a conference of its own, and loses it alone."""
    item = desk.create("Room 12", hour=12)
    start = START + timedelta(hours=12)
    desk.google.edit("make_recurring", mailbox=desk.owner, item=item, rule="FREQ=DAILY;COUNT=5")
    at = start + timedelta(days=2)
    one = f"{item}_{at:%Y%m%dT%H%M%SZ}"
    facts = {"mailbox": desk.owner, "item": item, "at": at.isoformat()}
    desk.google.edit("change_occurrence", location="@meet", **facts)
    desk.site.wait(lambda: desk.link(one).startswith(MEET), "the conference of the occurrence")
    assert not desk.link(item)
    desk.site.wait(lambda: desk.sealed(one)[1] == "keyword @meet", "it at the hub")
    desk.google.edit("change_occurrence", location="Canteen", **facts)
    desk.site.wait(lambda: not desk.link(one), "it to go")
