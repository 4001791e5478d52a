"""A keyword whose conference the calendar makes itself: the core over the lab's Google, and over a calendar that can't."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from connector.conference.google_meet import GoogleMeet
from connector.model import Attendee, BodyKind, Intent, IntentState
from connector.seal.opening import open_meeting
from connector.source.memory import MemorySource
from connector.store.memory import MemoryStore
from connector.sync.keywords.why import Asked, tell
from connector.sync.publish import Draft
from connector.sync.visit import Visit
from tests.fakes.clock import ManualClock
from tests.fakes.conference import MemoryProvider, terms
from tests.fakes.house import POLICY, House
from tests.machine.test_google import AtGoogle
from tests.unit.source.google.twin import Twin

HOUR = timedelta(hours=1)
MEET = "https://meet.google.com/"
ROOM = "https://rooms.example.com/"


class Desk:
    """An organiser at Google: ``@meet`` stands for Google Meet, ``@webex`` for rooms that are written into the text."""

    def __init__(self, store: MemoryStore | None = None, twin: Twin | None = None) -> None:
        self.clock = ManualClock()
        self.twin = twin or Twin(users=2, clock=self.clock)
        source = cast("MemorySource", AtGoogle(self.twin))
        self.house = House(source=source, clock=self.clock, store=store)
        self.other = MemoryProvider("other")
        meet = cast("MemoryProvider", GoogleMeet("memory"))
        rules = replace(
            self.house.context.rules,
            active=True,
            keywords=terms(meet, self.other),
            policies={"staff": POLICY},
        )
        self.house.context = replace(self.house.context, rules=rules)
        self.house.engine = self.house.fresh_engine()
        self.mailbox = self.house.activate(self.twin.address(1))
        self.settle()
        self.start = self.clock().replace(minute=0, second=0, microsecond=0) + 24 * HOUR

    @property
    def rooms(self) -> Any:
        """What Google has of conferences."""
        return self.twin.lab.tenant.rooms

    def add(self, location: str = "@meet", **more: Any) -> str:
        people = [{"email": self.twin.address(2)}]
        start = self.start.isoformat()
        item = self.twin.edit(
            "create", subject="Plan", start=start, zone="UTC", location=location, attendees=people, **more
        )
        self.settle()
        return item

    def begin(self) -> str:
        """Type the keyword, and look a few seconds later."""
        item = self.twin.edit("create", start=self.start.isoformat(), zone="UTC", location="@meet")
        self.house.engine.nudge(self.mailbox.id, "push")
        self.house.forward(timedelta(seconds=20))
        return item

    def edit(self, item: str, name: str = "change", **facts: Any) -> None:
        self.twin.edit(name, item=item, **facts)
        self.settle()

    def settle(self) -> None:
        self.house.forward(timedelta(minutes=5))

    def event(self, item: str) -> dict[str, Any]:
        found: dict[str, Any] = self.twin.lab.tenant.calendars[self.twin.address(1)].get(item)
        return found

    def intent(self) -> Intent:
        (one,) = self.house.store.intents(self.mailbox.id)
        return one

    def codes(self) -> set[str]:
        return {one.code for one in self.house.store.intents(self.mailbox.id)}

    def links(self) -> dict[str, tuple[str, str]]:
        """Start, address and rule of every way in that was sent last."""
        shown: dict[str, tuple[str, str]] = {}
        for queued in self.house.peek():
            if queued.envelope.kind.value != "meeting.put":
                continue
            opened = open_meeting(
                queued.envelope.data, lambda uri: self.house.keys.opening_key(uri, self.mailbox.id)
            )
            link = opened.get("link")
            shown[opened["start"]] = (link.url, link.rule) if link else ("", "")
        return shown

    def forget(self, intent: Intent) -> None:
        """Let the store hold an intent as it was before."""
        session = self.house.store.session(self.mailbox.id)
        assert session is not None
        draft = Draft(Visit.begin(self.house.context, self.mailbox, session))
        draft.intend(intent)
        draft.commit(session)

    def patches(self) -> int:
        return self.twin.operations().count("events.patch")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_calendar_makes_it(desk: Desk) -> None:
    """One write orders it; the event has it, its text is untouched, and the way in that is sent names the keyword."""
    item = desk.add(body="Bring figures.")
    event = desk.event(item)
    assert event["hangoutLink"].startswith(MEET)
    assert event["description"] == "Bring figures."
    assert desk.patches() == 1
    assert desk.intent().state is IntentState.DONE
    assert set(desk.links().values()) == {(event["hangoutLink"], "keyword @meet")}


def test_it_is_awaited(desk: Desk) -> None:
    """While Google is at it the event is looked at now and then; nothing is ordered twice."""
    desk.rooms.seconds = 40.0
    item = desk.begin()
    assert (desk.intent().state, desk.intent().code) == (IntentState.ASKED, "conference-pending")
    desk.settle()
    assert desk.event(item)["hangoutLink"].startswith(MEET)
    assert desk.intent().state is IntentState.DONE
    assert len(desk.rooms.requests) == 1


def test_a_refused_order_is_told(desk: Desk) -> None:
    """Where Google makes none the keyword is left with a reason, until the meeting changes: then it is ordered anew."""
    desk.rooms.answer = "failure"
    item = desk.add()
    assert desk.codes() == {"conference-not-made"}
    desk.rooms.answer = "success"
    desk.edit(item, subject="Another plan")
    assert desk.event(item)["hangoutLink"].startswith(MEET)
    assert len(set(desk.rooms.requests)) == 2


def test_it_goes_with_the_keyword(desk: Desk) -> None:
    """The event has no conference any more, and no way in is sent."""
    item = desk.add()
    desk.edit(item, location="Room 12")
    event = desk.event(item)
    assert "hangoutLink" not in event
    assert "conferenceData" not in event
    assert "calendarConnectorMarker" not in event["extendedProperties"]["private"]
    assert desk.intent().state is IntentState.ENDED
    assert set(desk.links().values()) == {("", "")}


def test_a_keyword_deleted_while_it_is_awaited(desk: Desk) -> None:
    """What was ordered is taken away again, made or not."""
    desk.rooms.seconds = 600.0
    item = desk.begin()
    desk.edit(item, location="")
    desk.house.forward(HOUR)
    assert "conferenceData" not in desk.event(item)
    assert desk.intent().state is IntentState.ENDED


def test_a_conference_of_somebody_elses_is_left(desk: Desk) -> None:
    """Where the event has a conference already, the keyword adds none and takes none away."""
    own = {"createRequest": {"requestId": "of-the-user"}}
    item = desk.add(more={"conferenceData": own})
    link = desk.event(item)["hangoutLink"]
    assert desk.codes() == {"link-there"}
    desk.edit(item, location="Room 12")
    assert desk.event(item)["hangoutLink"] == link
    assert desk.patches() == 0


def test_taken_out_by_hand_it_stays_out(desk: Desk) -> None:
    """A user who removes the conference and keeps the keyword is respected."""
    item = desk.add()
    desk.edit(item, more={"conferenceData": None})
    assert desk.codes() == {"block-removed"}
    assert "hangoutLink" not in desk.event(item)


def test_another_keyword_takes_its_place(desk: Desk) -> None:
    """One write takes the calendar's conference away and puts the other's block into the text."""
    item = desk.add(body="Bring figures.")
    desk.edit(item, location="@webex")
    event = desk.event(item)
    assert ROOM in event["description"]
    assert "hangoutLink" not in event
    assert desk.patches() == 2


def test_it_takes_the_place_of_another(desk: Desk) -> None:
    """One write orders the calendar's conference and takes the block out of the text."""
    item = desk.add("@webex", body="Bring figures.")
    desk.edit(item, location="@meet")
    event = desk.event(item)
    assert event["hangoutLink"].startswith(MEET)
    assert ROOM not in event["description"]
    assert desk.other.standing == {}
    assert desk.patches() == 2


def test_another_keyword_while_it_is_awaited(desk: Desk) -> None:
    """The order is given up, and what is asked for last stands there."""
    desk.rooms.seconds = 600.0
    item = desk.begin()
    desk.edit(item, location="@webex")
    desk.house.forward(HOUR)
    event = desk.event(item)
    assert ROOM in event["description"]
    assert "conferenceData" not in event


def test_a_moved_meeting_keeps_it(desk: Desk) -> None:
    """It moves with its event: nothing is written."""
    item = desk.add()
    link = desk.event(item)["hangoutLink"]
    desk.edit(item, "move", start=(desk.start + HOUR).isoformat())
    assert desk.event(item)["hangoutLink"] == link
    assert desk.patches() == 1
    assert set(desk.links().values()) == {(link, "keyword @meet")}


def test_a_series_has_one(desk: Desk) -> None:
    """All occurrences show the conference of the series, one that was renamed too."""
    item = desk.add(recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    link = desk.event(item)["hangoutLink"]
    at = (desk.start + 24 * HOUR).isoformat()
    desk.edit(item, "change_occurrence", at=at, subject="Other")
    assert {url for url, _ in desk.links().values()} == {link}
    assert len(desk.links()) == 4
    assert desk.patches() == 1


def test_one_occurrence_without_the_keyword(desk: Desk) -> None:
    """The keyword taken from one occurrence takes the conference from that one alone."""
    item = desk.add(recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    at = desk.start + 24 * HOUR
    desk.edit(item, "change_occurrence", at=at.isoformat(), location="Canteen")
    one = desk.event(f"{item}_{at:%Y%m%dT%H%M%SZ}")
    assert "hangoutLink" not in one
    assert desk.event(item)["hangoutLink"].startswith(MEET)
    bare = {start for start, (url, _) in desk.links().items() if not url}
    assert len(bare) == 1


def test_one_occurrence_with_the_keyword(desk: Desk) -> None:
    """A keyword typed into one occurrence makes a conference for that one alone."""
    item = desk.add("Room 12", recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    at = desk.start + 24 * HOUR
    desk.edit(item, "change_occurrence", at=at.isoformat(), location="@meet")
    assert desk.event(f"{item}_{at:%Y%m%dT%H%M%SZ}")["hangoutLink"].startswith(MEET)
    assert "hangoutLink" not in desk.event(item)
    assert sum(bool(url) for url, _ in desk.links().values()) == 1


def test_the_first_occurrence_without_the_keyword(desk: Desk) -> None:
    """The series keeps what its first occurrence no longer asks for, and it stays so when the series changes."""
    item = desk.add(recurrence=["RRULE:FREQ=DAILY;COUNT=4"])
    link = desk.event(item)["hangoutLink"]
    desk.edit(item, "change_occurrence", at=desk.start.isoformat(), location="Canteen")
    desk.edit(item, subject="Another plan")
    assert desk.event(item)["hangoutLink"] == link
    assert "hangoutLink" not in desk.event(f"{item}_{desk.start:%Y%m%dT%H%M%SZ}")


def test_an_update_that_was_cut_short_orders_nothing_anew(desk: Desk) -> None:
    """Killed between the write and the commit, a second run finds the order in the event and takes what came of it."""
    item = desk.add()
    tags = list(desk.rooms.requests)
    intent = desk.intent()
    forgotten = replace(
        intent,
        state=IntentState.WANTED,
        conference=None,
        order=None,
        wish=None,
        writes=intent.writes - 1,
        due=desk.clock(),
    )
    desk.forget(forgotten)
    desk.edit(item, subject="Wake up")
    assert desk.intent().state is IntentState.DONE
    assert desk.rooms.requests == tags


def test_why_tells_of_it(desk: Desk) -> None:
    """``meeting why`` has a sentence for each step."""
    item = desk.add()
    session = desk.house.store.session(desk.mailbox.id)
    assert session is not None
    (told,) = tell(desk.house.context, desk.mailbox, session, Asked(id=item))
    lines = [line["what"] for line in told["journal"]]
    assert "the calendar was asked for a conference of its own (mails: all)" in lines
    assert "the conference was made" in lines
    assert "The join details stand in the invitation as they should." in told["sentences"]


def test_a_calendar_of_another_kind_is_refused() -> None:
    """An Exchange calendar can't make one: the keyword is left with a reason, and nothing is written."""
    house = House()
    keywords = terms(cast("MemoryProvider", GoogleMeet("memory")))
    rules = replace(house.context.rules, active=True, keywords=keywords, policies={"staff": POLICY})
    house.context = replace(house.context, rules=rules)
    house.engine = house.fresh_engine()
    ada = house.activate()
    house.run()
    calendar = house.source.calendar("ada@example.com")
    item = calendar.add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    calendar.edit(item, location="@meet", attendees=(Attendee("bob@example.com"),))
    house.engine.nudge(ada.id, "stream")
    house.forward(HOUR)
    (intent,) = house.store.intents(ada.id)
    assert intent.code == "conference-needs-google"
    assert "apply" not in [operation for operation, _ in house.source.calls]
    assert house.source.read(ada, item).kind is BodyKind.TEXT
