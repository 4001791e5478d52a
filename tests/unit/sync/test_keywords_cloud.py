"""A keyword whose conference the cloud makes: the order up, the answer down, the invitation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.conference.hub import HubRooms
from connector.model import Attendee, Command, IntentState, MailMode, Outcome, Result, SealedCommand
from connector.relay.wire import uuid7
from connector.seal.commands import seal_command
from connector.seal.opening import open_outcome
from connector.sync.keywords.terms import KeywordTerms
from tests.fakes.conference import finder
from tests.fakes.house import POLICY, House

HOUR = timedelta(hours=1)
LINK = "https://cloud.example.com/room-1"


class Cloud:
    """One organiser, and somebody in the cloud who holds his key."""

    def __init__(self) -> None:
        self.house = House()
        context = self.house.context
        cloud = KeywordTerms(finder({"@meet": "cloud"}), {"cloud": HubRooms("cloud")})
        rules = replace(context.rules, active=True, keywords=cloud, policies={"staff": POLICY})
        self.house.context = replace(context, rules=rules)
        self.house.engine = self.house.fresh_engine()
        self.ada = self.house.activate()
        self.house.run()
        self.calendar = self.house.source.calendar("ada@example.com")
        self.start = self.house.clock() + 24 * HOUR

    def add(self) -> str:
        item = self.calendar.add("Plan", self.start, self.start + HOUR)
        self.edit(item, location="@meet", attendees=(Attendee("bob@example.com", "Bob"),))
        return item

    def edit(self, item: str, **fields: object) -> None:
        self.calendar.edit(item, None, **fields)
        self.settle()

    def settle(self) -> None:
        self.house.engine.nudge(self.ada.id, "stream")
        self.house.forward(timedelta(minutes=2))

    def letters(self) -> list[Outcome]:
        """Orders as the cloud reads them."""
        return [one for one in map(self.opened, self.data()) if one.command_id.startswith("conference.")]

    def opened(self, data: Mapping[str, Any]) -> Outcome:
        return open_outcome(data, lambda uri: self.house.keys.opening_key(uri, self.ada.id))

    def answer(self, **body: Any) -> Outcome:
        """Send ``conference.made`` and give what became of it."""
        now = self.house.clock()
        command = Command(uuid7(now), self.ada.id, "conference.made", self.ada.address, now + HOUR, body)
        sealed = seal_command(command, self.house.keys.sealing_key(self.ada.id))
        for mailbox_id in self.house.store.accept(
            [SealedCommand(command.id, self.ada.id, sealed, now)], "cursor"
        ):
            self.house.engine.wake(mailbox_id, "hub")
        self.house.forward(timedelta(minutes=2))
        return next(self.opened(data) for data in self.data() if data["commandId"] == command.id)

    def data(self) -> list[Mapping[str, Any]]:
        waiting = (one.envelope for one in self.house.peek())
        return [one.data for one in waiting if one.kind.value == "command.outcome"]

    def body(self, item: str) -> str:
        return next(iter(self.calendar.items[item].occurrences.values())).body

    def states(self) -> set[IntentState]:
        return {one.state for one in self.house.store.intents(self.ada.id)}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_the_order_goes_up_sealed(cloud: Cloud) -> None:
    """Nothing readable is said of it but an opaque tag; who holds the key reads what is wanted."""
    cloud.add()
    (letter,) = cloud.letters()
    assert (letter.code, letter.body["subject"], letter.body["entry"]) == (
        "conference-wanted",
        "Plan",
        "cloud",
    )
    assert letter.body["organizer"]["address"] == "ada@example.com"
    assert letter.command_id == f"conference.{letter.body['tag']}"
    (data,) = cloud.data()
    assert "ada@" not in str(data)
    assert "Plan" not in str(data)
    assert cloud.states() == {IntentState.ASKED}


def test_the_answer_is_written_into_the_invitation(cloud: Cloud) -> None:
    """One write, one mail, and all is settled."""
    item = cloud.add()
    (letter,) = cloud.letters()
    outcome = cloud.answer(tag=letter.body["tag"], url=LINK, id="r1", phones=[{"number": "+46 8 1"}])
    assert outcome.result is Result.DONE
    assert LINK in cloud.body(item)
    assert cloud.calendar.sent == [(item, MailMode.ALL)]
    assert cloud.states() == {IntentState.DONE}


def test_an_order_that_is_not_answered_is_sent_again(cloud: Cloud) -> None:
    """Under the same id, so that the hub keeps the last alone; an hour lies in between."""
    cloud.add()
    cloud.house.forward(timedelta(minutes=50))
    assert len(cloud.letters()) == 1
    cloud.house.forward(timedelta(hours=1))
    letters = cloud.letters()
    assert len(letters) == 2
    assert len({one.command_id for one in letters}) == 1


def test_an_answer_nobody_asked_for_is_refused(cloud: Cloud) -> None:
    """A wrong tag, or one whose keyword is gone."""
    assert cloud.answer(tag="nobody", url=LINK).code == "conference-unasked"
    item = cloud.add()
    (letter,) = cloud.letters()
    cloud.edit(item, location="Room 5")
    assert cloud.answer(tag=letter.body["tag"], url=LINK).code == "conference-unasked"
    assert LINK not in cloud.body(item)


def test_the_cloud_hears_of_the_end(cloud: Cloud) -> None:
    """The keyword goes, the block goes, and the last word of the order says so."""
    item = cloud.add()
    cloud.answer(tag=cloud.letters()[0].body["tag"], url=LINK)
    cloud.edit(item, location="")
    assert LINK not in cloud.body(item)
    assert cloud.letters()[-1].code == "conference-ended"
    assert set(cloud.letters()[-1].body) == {"tag", "entry"}


def test_the_cloud_hears_of_a_move_and_may_answer_anew(cloud: Cloud) -> None:
    """The link stays until another one comes down; then the invitation holds that one."""
    item = cloud.add()
    tag = cloud.letters()[0].body["tag"]
    cloud.answer(tag=tag, url=LINK)
    cloud.edit(item, start=cloud.start + 2 * HOUR, end=cloud.start + 3 * HOUR)
    moved = cloud.letters()[-1]
    assert moved.code == "conference-moved"
    assert moved.body["start"].startswith((cloud.start + 2 * HOUR).isoformat()[:16])
    assert LINK in cloud.body(item)
    cloud.answer(tag=tag, url="https://cloud.example.com/room-2")
    assert "room-2" in cloud.body(item)
    assert LINK not in cloud.body(item)


def test_the_cloud_hears_that_an_order_is_given_up(cloud: Cloud) -> None:
    """Another keyword is typed before the answer comes: the order before is ended, the new one goes up under a tag of its own."""
    context = cloud.house.context
    both = KeywordTerms(
        finder({"@meet": "cloud", "@webex": "second"}),
        {"cloud": HubRooms("cloud"), "second": HubRooms("second")},
    )
    cloud.house.context = replace(context, rules=replace(context.rules, keywords=both))
    cloud.house.engine = cloud.house.fresh_engine()
    cloud.house.engine.start(resync=False)
    item = cloud.add()
    cloud.edit(item, location="@webex")
    first, *_, last = cloud.letters()
    ended = [one.body for one in cloud.letters() if one.code == "conference-ended"]
    assert ended == [{"tag": first.body["tag"], "entry": "cloud"}]
    assert (last.code, last.body["entry"]) == ("conference-wanted", "second")
    assert last.body["tag"] != first.body["tag"]
    assert cloud.answer(tag=first.body["tag"], url=LINK).code == "conference-unasked"
    cloud.answer(tag=last.body["tag"], url="https://cloud.example.com/room-2")
    assert "room-2" in cloud.body(item)
    assert LINK not in cloud.body(item)
