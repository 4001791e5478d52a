"""Replies, deletions and sentences, from the sealed word to the calendar; cut short at the worst moment and tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.errors import Transient
from connector.model import (
    Applied,
    Attendee,
    Mailbox,
    MailMode,
    Outcome,
    Response,
    Result,
    Session,
    Write,
)
from connector.source.memory import MemorySource
from connector.sync import gate
from connector.sync.publish import Draft
from connector.sync.visit import Visit
from tests.fakes.house import House
from tests.unit.sync.test_commands import Office

HOUR = timedelta(hours=1)
BOB = Attendee("bob@example.com", "Bob")


@pytest.fixture
def office() -> Office:
    return Office()


def invite(office: Office) -> None:
    """Make the meeting Bob's, with the owner as guest."""
    guest = Attendee(office.ada.address)
    office.house.source.calendar(office.ada.address).edit(office.item, organizer=BOB, attendees=(guest,))
    office.house.engine.nudge(office.ada.id, "stream")
    office.house.forward(HOUR / 60)
    office.acknowledge()


def start(office: Office) -> datetime:
    return next(iter(office.house.source.calendar(office.ada.address).items[office.item].occurrences))


def asked(office: Office, kind: str, **body: object) -> Outcome:
    outcome = office.order(kind, {"id": office.meeting_id(start(office)), **body})
    assert outcome is not None
    return outcome


@pytest.mark.parametrize("response", [Response.ACCEPTED, Response.TENTATIVE, Response.DECLINED])
def test_an_invitation_is_answered_once(office: Office, response: Response) -> None:
    """The answer stands in the calendar, one mail goes out; the same answer again writes nothing."""
    invite(office)
    first = asked(office, "meeting.reply", response=response.value)
    again = asked(office, "meeting.reply", response=response.value)
    calendar = office.house.source.calendar(office.ada.address)
    (meeting,) = calendar.items[office.item].occurrences.values()
    assert meeting.response is response
    assert [one.result for one in (first, again)] == [Result.DONE] * 2
    assert [one.body["repeated"] for one in (first, again)] == [False, True]
    assert calendar.sent == [(office.item, MailMode.ALL)]


def test_nobody_answers_his_own_meeting(office: Office) -> None:
    """The organiser is refused."""
    outcome = asked(office, "meeting.reply", response="accepted")
    assert (outcome.result, outcome.code) == (Result.REFUSED, "not-invited")


def test_an_own_meeting_is_deleted(office: Office) -> None:
    """It goes from calendar and list in the same step, and the outcome names it."""
    meeting_id = office.meeting_id(start(office))
    outcome = asked(office, "meeting.delete", mail="none")
    assert outcome.result is Result.DONE
    assert outcome.body["meetings"] == [meeting_id]
    assert office.item not in office.house.source.calendar(office.ada.address).items
    assert office.house.store.count_rows(office.ada.id) == 0
    (row,) = office.rows(gate.WRITE)
    assert (row.facts["fields"], row.facts["mail"]) == (["all"], "none")


def test_a_guests_copy_is_not_deleted(office: Office) -> None:
    """Only the owner's own meetings are."""
    invite(office)
    outcome = asked(office, "meeting.delete")
    assert (outcome.result, outcome.code) == (Result.REFUSED, "attendee-copy")


@pytest.mark.parametrize(("whole", "left"), [(False, 2), (True, 0)])
def test_one_of_a_series_or_all(office: Office, whole: bool, left: int) -> None:
    """``whole`` decides."""
    calendar = office.house.source.calendar(office.ada.address)
    first = office.house.clock() + 24 * HOUR
    office.item = calendar.add("Daily", first, first + HOUR, first + 24 * HOUR, first + 48 * HOUR)
    office.house.engine.nudge(office.ada.id, "stream")
    office.house.forward(HOUR / 60)
    asked(office, "meeting.delete", whole=whole)
    item = calendar.items.get(office.item)
    assert len(item.occurrences if item else ()) == left


def test_a_sentence_becomes_a_meeting(office: Office) -> None:
    """The calendar system reads it."""
    outcome = office.order("meeting.quick-add", {"text": "Tea with Bob"})
    assert outcome is not None
    assert outcome.result is Result.DONE
    assert "Tea with Bob" in office.house.subjects(office.ada)


class NoSentences(MemorySource):
    """Reads none."""

    quick_adds = False


def test_a_calendar_that_reads_no_sentences_refuses() -> None:
    """With a reason of its own, before anything is counted as a write."""
    office = Office(House(source=NoSentences()))
    outcome = office.order("meeting.quick-add", {"text": "Tea with Bob"})
    assert outcome is not None
    assert outcome.code == "quick-add-needs-google"
    assert office.rows(gate.WRITE) == []


class AnswerLost(MemorySource):
    """Carries the first write out and loses the answer."""

    lost = False

    def apply(self, mailbox: Mailbox, write: Write) -> Applied:
        applied = super().apply(mailbox, write)
        if not self.lost:
            self.lost = True
            raise Transient("unreachable")
        return applied


@pytest.mark.parametrize("read_meanwhile", [False, True])
def test_a_deletion_whose_answer_was_lost_is_done(read_meanwhile: bool) -> None:
    """The second try finds nothing there, also when the change feed has taken the meeting from the list by then."""
    office = Office(House(source=AnswerLost()))
    command = office.command("meeting.delete", {"id": office.meeting_id(start(office))})
    office.bring(office.seal(command))
    assert office.outcome(command.id) is None
    if read_meanwhile:
        calendar = office.house.source.calendar(office.ada.address)
        assert office.item not in calendar.items
        rows = office.house.store.rows_of_items(office.ada.id, [office.item])
        visit = Visit.begin(office.house.context, office.ada, session_of(office))
        draft = Draft(visit)
        draft.drop(rows)
        draft.commit(visit.session)
    office.house.forward(HOUR / 30)
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert (outcome.result, outcome.body["repeated"]) == (Result.DONE, True)
    assert office.house.store.count_rows(office.ada.id) == 0


def test_a_sentence_whose_answer_was_lost_makes_one_meeting() -> None:
    """The second try says since when its event may be there."""
    office = Office(House(source=AnswerLost()))
    command = office.command("meeting.quick-add", {"text": "Tea with Bob"})
    office.bring(office.seal(command))
    office.house.forward(HOUR / 30)
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert (outcome.result, outcome.body["repeated"]) == (Result.DONE, True)
    items = office.house.source.calendar(office.ada.address).items.values()
    assert [m.subject for item in items for m in item.occurrences.values()].count("Tea with Bob") == 1


def test_nothing_is_left_of_a_command_that_was_answered(office: Office) -> None:
    """What was noted of it goes with its outcome."""
    asked(office, "meeting.delete")
    assert office.house.store.setting(f"command-begun {office.ada.id}") is None


def session_of(office: Office) -> Session:
    session = office.house.store.session(office.ada.id)
    assert session is not None
    return session
