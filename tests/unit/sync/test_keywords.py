"""A keyword's life over memory adapters: each bullet of what keywords do, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.errors import Refused, Transient
from connector.meeting.invitation import Invitations
from connector.model import (
    Attendee,
    Intent,
    IntentState,
    Mailbox,
    MailMode,
    Meeting,
    Response,
    Role,
    Sensitivity,
)
from connector.operations import meetings
from connector.operations.desk import Desk as Office
from connector.seal.opening import open_meeting
from connector.sync import gate
from connector.sync.keywords.why import Asked, tell
from tests.fakes.conference import MemoryProvider, terms
from tests.fakes.house import POLICY, House
from tests.unit.config.texts import loaded

HOUR = timedelta(hours=1)
BOB = Attendee("bob@example.com", "Bob")


class Desk:
    """One organiser with a calendar, and two providers."""

    def __init__(self) -> None:
        self.house = House()
        self.provider = MemoryProvider()
        self.other = MemoryProvider("other")
        self.configure()
        self.ada = self.house.activate()
        self.house.run()
        self.calendar = self.house.source.calendar("ada@example.com")
        self.start = self.house.clock() + 24 * HOUR

    def configure(self, *, active: bool = True, private: str = "times-only", **more: object) -> None:
        context = self.house.context
        rules = replace(
            context.rules,
            active=active,
            keywords=terms(self.provider, self.other, **more),
            policies={"staff": replace(POLICY, private=private), "room": replace(POLICY, write=frozenset())},
        )
        self.house.context = replace(
            context, rules=rules, wake=lambda one: self.house.engine.wake(one, "lent")
        )
        self.house.engine = self.house.fresh_engine()
        self.house.engine.start(resync=False)

    def add(
        self,
        location: str = "@meet",
        *more: object,
        attendees: tuple[Attendee, ...] = (BOB,),
        **fields: object,
    ) -> str:
        item = self.calendar.add("Plan", self.start, self.start + HOUR, *more)  # type: ignore[arg-type]
        self.calendar.edit(item, location=location, attendees=attendees, **fields)  # type: ignore[arg-type]
        self.settle()
        return item

    def edit(self, item: str, original_start: datetime | None = None, **fields: object) -> None:
        self.calendar.edit(item, original_start, **fields)
        self.settle()

    def settle(self) -> None:
        self.house.engine.nudge(self.ada.id, "stream")
        self.house.forward(timedelta(minutes=2))

    def body(self, item: str) -> str:
        return next(iter(self.calendar.items[item].occurrences.values())).body

    def intent(self) -> Intent:
        (only,) = self.house.store.intents(self.ada.id)
        return only

    def code(self) -> str:
        return self.intent().code

    def links(self, mailbox: Mailbox | None = None) -> set[str]:
        mailbox = mailbox or self.ada
        shown = {}
        for queued in self.house.peek():
            envelope = queued.envelope
            if envelope.mailbox_id == mailbox.id and envelope.kind.value == "meeting.put":
                opened = open_meeting(envelope.data, lambda uri: self.house.keys.opening_key(uri, mailbox.id))
                shown[envelope.meeting_id] = opened["link"].url if "link" in opened else ""
        return {link for link in shown.values() if link}


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_keyword_becomes_join_details(desk: Desk) -> None:
    """One conference, one write, one mail; the hub has the link, and all is settled."""
    item = desk.add()
    assert "https://rooms.example.com/memory-1" in desk.body(item)
    assert desk.calendar.sent == [(item, MailMode.ALL)]
    assert desk.links() == {"https://rooms.example.com/memory-1"}
    assert (desk.intent().state, desk.intent().due) == (IntentState.DONE, None)


def test_nothing_goes_on_by_itself(desk: Desk) -> None:
    """Days later there is still one mail: our own write sets nothing off."""
    desk.add()
    desk.house.forward(timedelta(hours=20))
    assert len(desk.calendar.sent) == 1
    assert desk.provider.made == 1


def test_without_a_keyword_nothing_is_asked(desk: Desk) -> None:
    """An ordinary change costs a delta and an expansion and no more."""
    desk.house.source.calls.clear()
    desk.add("Room 12")
    asked = {operation for operation, _ in desk.house.source.calls}
    assert "read" not in asked
    assert "apply" not in asked
    assert desk.house.store.intents(desk.ada.id) == ()


def test_a_deleted_keyword_takes_the_block_along(desk: Desk) -> None:
    """The body is as it was before, and the conference is ended."""
    item = desk.add(body="Bring figures.")
    desk.edit(item, location="Room 12")
    assert desk.body(item) == "Bring figures."
    assert desk.provider.standing == {}
    assert len(desk.calendar.sent) == 2
    assert desk.intent().state is IntentState.ENDED
    assert desk.links() == set()


def test_another_keyword_takes_its_place(desk: Desk) -> None:
    """The first conference is ended, the block is replaced in one write with one mail."""
    item = desk.add()
    desk.edit(item, location="@webex")
    assert "other-1" in desk.body(item)
    assert "memory-1" not in desk.body(item)
    assert desk.provider.standing == {}
    assert len(desk.calendar.sent) == 2


def test_the_leftmost_keyword_counts(desk: Desk) -> None:
    """Of several, the first in the text."""
    item = desk.add("Canteen @webex @meet")
    assert "other-1" in desk.body(item)
    assert desk.provider.made == 0


def test_a_moved_meeting_moves_its_conference(desk: Desk) -> None:
    """Without another mail where the details stay the same."""
    item = desk.add()
    desk.edit(item, start=desk.start + HOUR, end=desk.start + 2 * HOUR)
    ((_, order),) = desk.provider.standing.values()
    assert order.start == desk.start + HOUR
    assert len(desk.calendar.sent) == 1


def test_a_deleted_meeting_ends_its_conference(desk: Desk) -> None:
    """Nobody is left in an empty room."""
    item = desk.add()
    desk.calendar.delete(item)
    desk.settle()
    assert desk.provider.standing == {}
    assert desk.intent().state is IntentState.ENDED


def test_a_cancelled_meeting_ends_its_conference(desk: Desk) -> None:
    """The invitation is not written any more."""
    item = desk.add()
    desk.edit(item, cancelled=True)
    assert desk.provider.standing == {}
    assert len(desk.calendar.sent) == 1


def test_a_series_is_written_once(desk: Desk) -> None:
    """Its master holds the block for all occurrences."""
    later = [desk.start + timedelta(days=7 * week) for week in (1, 2)]
    item = desk.add("@meet", *later)
    bodies = {one.body for one in desk.calendar.items[item].occurrences.values()}
    assert len(bodies) == 1
    assert "memory-1" in bodies.pop()
    assert len(desk.calendar.sent) == 1
    assert len(desk.links()) == 1


def test_a_keyword_on_one_occurrence_is_its_own(desk: Desk) -> None:
    """The other occurrences stay as they are."""
    second = desk.start + timedelta(days=7)
    item = desk.add("Room 12", second)
    desk.edit(item, original_start=second, location="@meet")
    first, changed = (one.body for _, one in sorted(desk.calendar.items[item].occurrences.items()))
    assert "memory-1" in changed
    assert first == ""
    desk.edit(item, original_start=second, location="Room 12")
    assert desk.provider.standing == {}


def test_an_occurrence_without_the_keyword_of_its_series_holds_no_block(desk: Desk) -> None:
    """The series keeps its conference."""
    second = desk.start + timedelta(days=7)
    item = desk.add("@meet", second)
    desk.edit(item, original_start=second, location="Room 12")
    first, changed = (one.body for _, one in sorted(desk.calendar.items[item].occurrences.items()))
    assert "memory-1" in first
    assert "memory-1" not in changed
    assert len(desk.provider.standing) == 1


def test_an_occurrence_that_lost_its_block_gets_it_back(desk: Desk) -> None:
    """Some versions of Outlook drop the body when one occurrence is edited."""
    second = desk.start + timedelta(days=7)
    item = desk.add("@meet", second)
    desk.edit(item, original_start=second, body="")
    assert "memory-1" in desk.calendar.items[item].occurrences[second].body
    assert desk.provider.made == 1


def test_the_end_of_a_series_conference_reaches_its_occurrences(desk: Desk) -> None:
    """A block that was given back to an occurrence goes with the others."""
    second = desk.start + timedelta(days=7)
    item = desk.add("@meet", second)
    desk.edit(item, original_start=second, body="")
    desk.edit(item, location="Room 12")
    assert not any("memory-1" in one.body for one in desk.calendar.items[item].occurrences.values())
    assert desk.provider.standing == {}


def test_a_block_taken_out_by_hand_stays_out(desk: Desk) -> None:
    """The user's word counts; the reason is kept."""
    item = desk.add(body="Bring figures.")
    desk.edit(item, body="Bring figures.")
    assert desk.body(item) == "Bring figures."
    assert desk.code() == "block-removed"


def test_an_edited_block_is_left_alone(desk: Desk) -> None:
    """What somebody wrote into it is theirs."""
    item = desk.add()
    text = desk.body(item).replace("memory-1", "memory-1 (ask Bob)", 1)
    desk.edit(item, body=text)
    assert desk.body(item) == text
    assert desk.code() == "block-edited"


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("attendee-copy", {"organizer": Attendee("bob@example.com"), "response": Response.ACCEPTED}),
        ("private-meeting", {"sensitivity": Sensitivity.PRIVATE}),
        ("link-there", {"body": "Join: https://us02web.zoom.us/j/85746065?pwd=abc"}),
        ("body-too-large", {"body": "x" * (1 << 20) + "x"}),
        ("too-many-invitees", {"attendees": tuple(Attendee(f"p{n}@example.com") for n in range(1501))}),
    ],
)
def test_what_is_left_alone_has_a_reason(desk: Desk, code: str, fields: dict[str, object]) -> None:
    """No conference, no write, no mail; and ``meeting why`` can say why."""
    desk.add(**fields)  # type: ignore[arg-type]
    assert desk.provider.made == 0
    assert desk.calendar.sent == []
    assert {one.code for one in desk.house.store.intents(desk.ada.id)} <= {code}


def test_a_meeting_that_is_over_is_left_alone(desk: Desk) -> None:
    """Nobody joins the past."""
    desk.start = desk.house.clock() - 24 * HOUR
    desk.add()
    assert desk.code() == "meeting-over"
    assert desk.provider.made == 0


@pytest.mark.parametrize(("private", "subject"), [("hide-subject", ""), ("full", "Plan")])
def test_private_meetings_go_by_the_policy(desk: Desk, private: str, subject: str) -> None:
    """Hidden, the provider does not learn the subject; in full, it does."""
    desk.configure(private=private)
    desk.add(sensitivity=Sensitivity.PRIVATE)
    ((_, order),) = desk.provider.standing.values()
    assert order.subject == subject


def test_existing_details_give_way_where_configured(desk: Desk) -> None:
    """The block is written although another link stands there."""
    blocks = replace(terms().blocks, invitations=Invitations(existing_link="replace"), replaces=True)
    desk.configure(blocks=blocks)
    item = desk.add(body="Join: https://us02web.zoom.us/j/85746065?pwd=abc")
    assert "memory-1" in desk.body(item)


def test_an_appointment_is_written_without_mails(desk: Desk) -> None:
    """There is nobody to be told."""
    item = desk.add(attendees=())
    assert "memory-1" in desk.body(item)
    assert desk.calendar.sent == []


def test_observing_decides_and_does_nothing(desk: Desk) -> None:
    """No conference is made either; going active later rewrites nothing by itself."""
    desk.configure(active=False)
    item = desk.add()
    assert desk.code() == "mode-observe"
    desk.configure()
    desk.house.forward(HOUR)
    assert desk.body(item) == ""
    assert desk.provider.made == 0


def test_the_brake_holds_keywords_until_it_is_released(desk: Desk) -> None:
    """They wait, and go on by themselves then."""
    desk.house.context = replace(desk.house.context, brake=replace(desk.house.context.brake, per_mailbox=1))
    desk.configure()
    desk.add()
    second = desk.add()
    assert desk.body(second) == ""
    assert gate.release(desk.house.context)
    desk.house.forward(timedelta(minutes=2))
    assert "memory-" in desk.body(second)


def test_every_write_has_its_audit_row(desk: Desk) -> None:
    """Asked and written, with cause, mail mode and digests."""
    desk.add()
    rows = [row.entry for row in desk.house.store.audit_rows()]
    asked = next(one for one in rows if one.action == "calendar.write")
    written = next(one for one in rows if one.action == "calendar.written")
    assert (asked.facts["cause"], asked.facts["mail"]) == ("keyword", "all")
    assert written.facts["digest_after"]


def test_a_provider_in_trouble_is_asked_again(desk: Desk) -> None:
    """The mailbox goes on being read meanwhile."""
    desk.provider.faults += [Transient("timeout")] * 2
    item = desk.add()
    desk.house.forward(HOUR)
    assert "memory-1" in desk.body(item)
    assert desk.house.journal.verdicts == []


def test_a_refusing_provider_is_a_reason(desk: Desk) -> None:
    """It is not asked again before the meeting changes."""
    desk.provider.faults.append(Refused("conference-attribute-missing"))
    desk.add()
    desk.house.forward(HOUR)
    assert desk.code() == "conference-attribute-missing"


def test_a_room_borrows_the_way_in(desk: Desk) -> None:
    """Exchange stripped its copy; the organiser's tells the link."""
    room = desk.house.activate("room@example.com")
    desk.house.store.change_mailbox(replace(desk.house.store.mailbox(room.id) or room, policy="room"))
    desk.house.run()
    item = desk.add(attendees=(Attendee("room@example.com", "Room", Role.RESOURCE),))
    calendar = desk.house.source.calendar("room@example.com")
    copy = calendar.add("Plan", desk.start, desk.start + HOUR)
    uid = desk.calendar.items[item].uid
    calendar.items[copy].uid = uid
    calendar.edit(copy, uid=uid, organizer=Attendee("ada@example.com"), response=Response.ACCEPTED)
    desk.house.engine.nudge(room.id, "stream")
    desk.house.forward(timedelta(minutes=2))
    assert desk.links(room) == {"https://rooms.example.com/memory-1"}
    desk.edit(item, location="")
    desk.house.forward(timedelta(minutes=2))
    assert desk.links(room) == set()
    assert calendar.sent == []


def test_a_room_that_came_first_is_sent_again(desk: Desk) -> None:
    """The link reaches its list when the organiser's copy has got one."""
    room = desk.house.activate("room@example.com")
    desk.house.run()
    item = desk.add("", attendees=(Attendee("room@example.com", "Room", Role.RESOURCE),))
    calendar = desk.house.source.calendar("room@example.com")
    copy = calendar.add("Plan", desk.start, desk.start + HOUR)
    uid = desk.calendar.items[item].uid
    calendar.items[copy].uid = uid
    calendar.edit(copy, uid=uid, organizer=Attendee("ada@example.com"), response=Response.ACCEPTED)
    desk.house.engine.nudge(room.id, "stream")
    desk.settle()
    assert desk.links(room) == set()
    desk.edit(item, location="@meet")
    assert desk.links(room) == {"https://rooms.example.com/memory-1"}


def test_an_untagged_provider_is_asked_once(desk: Desk) -> None:
    """Killed while it was asked, the intent is settled by looking, never by a second make."""
    desk.provider.tagged = False
    desk.provider.faults.append(Transient("timeout"))
    item = desk.add()
    desk.house.forward(HOUR)
    assert desk.code() == "conference-uncertain"
    assert desk.intent().state is IntentState.UNCERTAIN
    assert desk.body(item) == ""
    assert desk.provider.made == 0


def test_a_restored_database_finds_its_conference(desk: Desk) -> None:
    """What the item tells of us is believed where it is whole: no second conference, no second mail."""
    store = desk.house.store
    backup = store.clone()  # type: ignore[attr-defined]
    item = desk.add()
    store.restore(backup)  # type: ignore[attr-defined]
    desk.house.engine = desk.house.fresh_engine()
    desk.house.engine.start(resync=True)
    desk.house.forward(HOUR)
    assert desk.provider.made == 1
    assert desk.body(item).count("https://rooms.example.com/memory-1") == 1
    assert len(desk.calendar.sent) == 1


def test_meetings_are_looked_at_by_their_own_words(desk: Desk) -> None:
    """Answers of attendees are no reason to read an item again."""
    item = desk.add()
    desk.house.source.calls.clear()
    desk.edit(item, attendees=(replace(BOB, response=Response.ACCEPTED),))
    assert "read" not in {operation for operation, _ in desk.house.source.calls}
    assert isinstance(next(iter(desk.calendar.items[item].occurrences.values())), Meeting)


def why(desk: Desk, **asked: str) -> str:
    session = desk.house.store.session(desk.ada.id)
    assert session is not None
    told = tell(desk.house.context, desk.ada, session, Asked(**asked))
    return "\n".join(sentence for one in told for sentence in one["sentences"])


def test_why_says_what_was_done(desk: Desk) -> None:
    """Keyword, service and standing in sentences, and the journal with its times."""
    desk.add()
    said = why(desk, subject="plan")
    assert "keyword @meet, which stands for memory" in said
    assert "stand in the invitation as they should" in said
    session = desk.house.store.session(desk.ada.id)
    assert session is not None
    (told,) = tell(desk.house.context, desk.ada, session, Asked(subject="plan"))
    assert [note["what"].split()[1] for note in told["journal"]] == ["conference", "join"]
    assert "rooms.example.com" not in str(told)


def test_why_says_why_not(desk: Desk) -> None:
    """The reason, and what would be done if the write gate let it."""
    desk.configure(active=False)
    item = desk.add()
    said = why(desk, id=item)
    assert "a conference is to be made" in said
    assert "The connector only observes" in said


def test_why_of_a_meeting_without_keyword(desk: Desk) -> None:
    """There is not much to say, and nothing is read for it."""
    desk.add("Room 12")
    desk.house.source.calls.clear()
    assert "holds no keyword" in why(desk, subject="Plan")
    assert "read" not in {operation for operation, _ in desk.house.source.calls}


def office(desk: Desk) -> Office:
    return Office(desk.house.store, loaded().config, desk.house.clock, "grace", desk.house.engine.changed)


def test_undecorating_mails_nobody(desk: Desk) -> None:
    """Block and conference go, the keyword stays and asks for nothing more; redecorating brings them back."""
    item = desk.add(body="Bring figures.")
    meetings.undecorate(office(desk), ["ada@example.com"], dry_run=True)
    assert "memory-1" in desk.body(item)
    (answer,) = meetings.undecorate(office(desk), ["ada@example.com"])
    desk.house.forward(timedelta(minutes=2))
    assert answer.sentence.startswith("1 invitations lose")
    assert desk.body(item) == "Bring figures."
    assert len(desk.calendar.sent) == 1
    assert desk.provider.standing == {}
    desk.edit(item, subject="Other")
    assert desk.body(item) == "Bring figures."
    meetings.redecorate(office(desk), ["ada@example.com"])
    desk.house.forward(timedelta(minutes=5))
    assert "rooms.example.com" in desk.body(item)


def test_redecorating_finds_what_was_typed_before(desk: Desk) -> None:
    """A keyword typed while the connector only observed is carried out then."""
    desk.configure(active=False)
    item = desk.add()
    desk.configure()
    meetings.redecorate(office(desk), ["ada@example.com"])
    desk.house.forward(timedelta(minutes=5))
    assert "memory-1" in desk.body(item)
    assert len(desk.calendar.sent) == 1


def test_redecorating_what_stands_right_mails_nobody(desk: Desk) -> None:
    """Only what changes is written."""
    item = desk.add()
    meetings.redecorate(office(desk), ["ada@example.com"])
    desk.house.forward(timedelta(minutes=5))
    assert len(desk.calendar.sent) == 1
    assert desk.body(item).count("rooms.example.com") == 1


def test_the_way_in_says_when_its_button_is_there(desk: Desk) -> None:
    """Five minutes before and after, or as the rules say."""
    desk.house.context = replace(
        desk.house.context,
        rules=replace(desk.house.context.rules, buffers=(timedelta(minutes=10), timedelta())),
    )
    desk.configure()
    desk.add()
    (queued,) = [one for one in desk.house.peek() if one.envelope.kind.value == "meeting.put"][-1:]
    link = open_meeting(queued.envelope.data, lambda uri: desk.house.keys.opening_key(uri, desk.ada.id))[
        "link"
    ]
    assert (link.before, link.after) == (timedelta(minutes=10), timedelta())
