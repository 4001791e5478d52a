"""Writes that can be repeated."""

from typing import Any

import pytest
from lxml import etree

from connector.errors import Conflict, Refused
from connector.model import Attendee, MailMode, MeetingUpdate, NewMeeting, Role
from connector.source.exchange.envelope import local
from connector.source.exchange.write import apply
from tests.lab.exchange.edits import truth
from tests.unit.source.exchange.room import MAILBOX, NOW, OWNER, Room

START = "2026-03-03T10:00:00Z"
BERT = [{"address": "bert@example.com"}]


def shown(room: Room, item_id: str) -> dict[str, Any]:
    """What stands in the calendar."""
    rows = truth(room.organisation, OWNER, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    return next(each for each in rows if each["item_id"] == item_id)


def sent(room: Room, operation: str) -> list[etree._Element]:
    """The requests of one operation."""
    return [each for each in room.asked if local(each) == operation]


def test_update_writes_location_body_and_marker() -> None:
    """The fields that were given change, the others stay."""
    room = Room()
    made = room.edit("create", subject="One", start=START, location="Old")
    done = apply(
        room.services,
        MAILBOX,
        MeetingUpdate("k1", made["item_id"], location="New", body="<p>b</p>", marker="x"),
    )
    item = shown(room, made["item_id"])
    assert (item["location"], item["subject"]) == ("New", "One")
    assert "<p>b</p>" in item["body"]
    assert {"k1", "x"} <= {each["value"] for each in item["properties"]}
    assert not done.repeated
    assert done.change_key != made["change_key"]


def test_repeated_update_writes_nothing() -> None:
    """A second try of the same command finds its key in the item."""
    room = Room()
    made = room.edit("create", subject="One", start=START)
    update = MeetingUpdate("k1", made["item_id"], location="New")
    first = apply(room.services, MAILBOX, update)
    second = apply(room.services, MAILBOX, update)
    assert second.repeated
    assert second.change_key == first.change_key
    assert len(sent(room, "UpdateItem")) == 1


def test_conflict_is_tried_once_more_with_a_fresh_key() -> None:
    """Somebody else's change between our read and our write is read, and then written over by field."""
    room = Room()
    made = room.edit("create", subject="One", start=START)
    times = 0

    def meddle(request: etree._Element, response: etree._Element) -> etree._Element:
        nonlocal times
        if local(request) == "GetItem" and times < 1:
            times += 1
            room.edit("change", item=made["item_id"], subject="Theirs")
        return response

    room.tamper = meddle
    apply(room.services, MAILBOX, MeetingUpdate("k1", made["item_id"], location="Ours"))
    item = shown(room, made["item_id"])
    assert (item["subject"], item["location"]) == ("Theirs", "Ours")


def test_second_conflict_is_the_callers() -> None:
    """An item that changes under every try is not fought over."""
    room = Room()
    made = room.edit("create", subject="One", start=START)

    def meddle(request: etree._Element, response: etree._Element) -> etree._Element:
        if local(request) == "GetItem":
            room.edit("change", item=made["item_id"], subject=str(len(room.asked)))
        return response

    room.tamper = meddle
    with pytest.raises(Conflict):
        apply(room.services, MAILBOX, MeetingUpdate("k1", made["item_id"], location="Ours"))


def test_named_change_key_must_still_hold() -> None:
    """A write that was meant for a certain state of the item is not made on another."""
    room = Room()
    made = room.edit("create", subject="One", start=START)
    room.edit("change", item=made["item_id"], subject="Two")
    with pytest.raises(Conflict):
        apply(
            room.services,
            MAILBOX,
            MeetingUpdate("k", made["item_id"], change_key=made["change_key"], location="x"),
        )


def test_missing_item_is_refused() -> None:
    """What is gone can't be written."""
    room = Room()
    made = room.edit("create", subject="One", start=START)
    room.edit("delete", item=made["item_id"])
    with pytest.raises(Refused, match="item-not-found"):
        apply(room.services, MAILBOX, MeetingUpdate("k", made["item_id"], location="x"))


@pytest.mark.parametrize(
    ("mode", "sending"),
    [
        (MailMode.NONE, "SendToNone"),
        (MailMode.ALL, "SendOnlyToAll"),
        (MailMode.ALL_AND_COPY, "SendToAllAndSaveCopy"),
    ],
)
def test_mails_reach_all_or_nobody(mode: MailMode, sending: str) -> None:
    """Never the values that mail only added or removed attendees."""
    room = Room()
    made = room.edit("create", subject="One", start=START, attendees=BERT)
    apply(room.services, MAILBOX, MeetingUpdate("k", made["item_id"], location="x", mail=mode))
    assert sent(room, "UpdateItem")[0].get("SendMeetingInvitationsOrCancellations") == sending


def test_draft_is_never_sent_by_us() -> None:
    """A meeting whose invitation was not sent yet is written without mails: the user's own Send carries it."""
    room = Room()
    made = room.edit("create", subject="Draft", start=START, attendees=BERT, send="SendToNone")
    apply(room.services, MAILBOX, MeetingUpdate("k", made["item_id"], location="x", mail=MailMode.ALL))
    assert sent(room, "UpdateItem")[0].get("SendMeetingInvitationsOrCancellations") == "SendToNone"


def test_attendees_copy_is_not_written() -> None:
    """Only the organizer's own item is."""
    room = Room()
    made = room.edit("receive", subject="Theirs", start=START, organizer={"address": "x@elsewhere.example"})
    with pytest.raises(Refused, match="attendee-copy"):
        apply(room.services, MAILBOX, MeetingUpdate("k", made["item_id"], location="x"))


def test_new_meeting_is_made_once() -> None:
    """The key in an extended property is looked for first, so a retry makes no twin; the UID is ours."""
    room = Room()
    people = (Attendee("bert@example.com", "Bert"), Attendee("cora@example.com", role=Role.OPTIONAL))
    new = NewMeeting("k2", "uid-2@example.com", "New", NOW, NOW.replace(hour=10), "Here", "<p>b</p>", people)
    first = apply(room.services, MAILBOX, new)
    second = apply(room.services, MAILBOX, new)
    item = shown(room, first.item_id)
    assert (item["uid"], item["subject"], item["start"]) == (
        "uid-2@example.com",
        "New",
        "2026-03-02T09:00:00Z",
    )
    assert [each["address"] for each in item["attendees"]] == ["bert@example.com", "cora@example.com"]
    assert item["attendees"][0]["role"] != item["attendees"][1]["role"]
    assert second.repeated
    assert second.item_id == first.item_id
    assert len(sent(room, "CreateItem")) == 1
    assert room.organisation.mails


def test_new_appointment_without_attendees_mails_nobody() -> None:
    """An appointment of one's own has nobody to invite."""
    room = Room()
    apply(room.services, MAILBOX, NewMeeting("k", "u@example.com", "Own", NOW, NOW.replace(hour=10)))
    assert sent(room, "CreateItem")[0].get("SendMeetingInvitations") == "SendToNone"
    assert OWNER not in [mail.recipient for mail in room.organisation.mails]
