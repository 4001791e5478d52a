"""Facts about who gets which mail and copy (MS-OXWSMTGS, sending modes)."""

from typing import Any

import pytest

from tests.lab.exchange.call import ResponseFault
from tests.unit.lab.asking import ANNA, BERT, ROOM, Lab

OUTSIDE = "guest@elsewhere.example"


def mails(lab: Lab) -> list[tuple[str, str]]:
    """Kind and recipient of every mail so far."""
    return [(one["kind"], one["recipient"]) for one in lab.edit("mails")["mails"]]


def meeting(lab: Lab, send: str = "SendToAllAndSaveCopy", **fields: Any) -> dict[str, Any]:
    """A meeting of Anna's with Bert."""
    return lab.edit(
        "create",
        mailbox=ANNA,
        start="2026-11-23T09:00",
        subject="Plan",
        attendees=[BERT],
        send=send,
        **fields,
    )


def test_attendees_get_a_copy_with_the_same_uid() -> None:
    """The copy is the attendee's own item: other id, tentative, unanswered."""
    lab = Lab()
    made = meeting(lab)
    copy = lab.truth(BERT)[0]
    assert (copy["uid"], copy["organizer"], copy["subject"]) == (made["uid"], ANNA, "Plan")
    assert (copy["my_response"], copy["show_as"]) == ("NoResponseReceived", "Tentative")
    assert copy["item_id"] != made["item_id"]
    assert mails(lab) == [("request", BERT)]


def test_a_saved_meeting_is_not_sent() -> None:
    """SendToNone leaves a draft: no copy, no mail, MeetingRequestWasSent false."""
    lab = Lab()
    meeting(lab, "SendToNone")
    assert lab.truth(ANNA)[0]["request_sent"] is False
    assert lab.truth(BERT) == []
    assert mails(lab) == []


def test_a_mailing_update_sends_the_draft() -> None:
    """An update with SendOnlyToAll of a meeting never sent sends the user's draft as a request."""
    lab = Lab()
    made = meeting(lab, "SendToNone")
    lab.edit("change", mailbox=ANNA, item=made["uid"], location="Room 1", send="SendOnlyToAll")
    assert mails(lab) == [("request", BERT)]
    assert lab.truth(BERT)[0]["location"] == "Room 1"
    assert lab.truth(ANNA)[0]["request_sent"] is True


def test_an_update_without_mail_stays_with_the_organiser() -> None:
    """SendToNone changes the organiser's item only; the user's own Send carries it later."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("change", mailbox=ANNA, item=made["uid"], location="Room 1", send="SendToNone")
    assert lab.truth(BERT)[0]["location"] == ""
    assert mails(lab) == [("request", BERT)]


def test_changed_modes_mail_only_whom_the_update_added_or_removed() -> None:
    """SendToChangedAndSaveCopy tells the new and the leaving, nobody else, whatever else changed."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("add_attendees", mailbox=ANNA, item=made["uid"], attendees=[OUTSIDE])
    lab.edit("change", mailbox=ANNA, item=made["uid"], location="Room 1", send="SendOnlyToChanged")
    lab.edit("remove_attendees", mailbox=ANNA, item=made["uid"], attendees=[BERT])
    assert mails(lab) == [("request", BERT), ("request", OUTSIDE), ("cancellation", BERT)]
    assert lab.truth(BERT)[0]["cancelled"] is True


def test_moving_a_meeting_asks_again() -> None:
    """Another time resets the attendee's answer, another location does not."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("respond", mailbox=BERT, item=made["uid"], response="Accept")
    lab.edit("change", mailbox=ANNA, item=made["uid"], location="Room 1")
    assert lab.truth(BERT)[0]["my_response"] == "Accept"
    assert lab.truth(ANNA)[0]["attendees"][0]["response"] == "Accept"
    lab.edit("move", mailbox=ANNA, item=made["uid"], start="2026-11-23T11:00")
    assert lab.truth(BERT)[0]["my_response"] == "NoResponseReceived"
    assert lab.truth(ANNA)[0]["attendees"][0]["response"] == "Unknown"


def test_a_copy_keeps_what_belongs_to_its_owner() -> None:
    """Categories and reminder of the attendee outlive an update."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("change", mailbox=BERT, item=made["uid"], categories=["Red"], reminder=None)
    lab.edit("change", mailbox=ANNA, item=made["uid"], subject="New plan")
    copy = lab.truth(BERT)[0]
    assert (copy["subject"], copy["categories"], copy["reminder"]) == ("New plan", ["Red"], None)


def test_declining_takes_the_copy_away() -> None:
    """A decline moves the copy to Deleted Items and tells the organiser."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("respond", mailbox=BERT, item=made["uid"], response="Decline")
    assert lab.truth(BERT) == []
    assert lab.truth(ANNA)[0]["attendees"][0]["response"] == "Decline"
    assert mails(lab)[-1] == ("response", ANNA)


def test_the_organiser_has_nothing_to_accept() -> None:
    """Answering one's own meeting is an error."""
    lab = Lab()
    made = meeting(lab)
    with pytest.raises(ResponseFault, match="ErrorCalendarIsOrganizerForAccept"):
        lab.edit("respond", mailbox=ANNA, item=made["uid"], response="Accept")


def test_cancelling_marks_the_copies() -> None:
    """The organiser's item goes, the copies stay, cancelled and renamed."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("cancel", mailbox=ANNA, item=made["uid"])
    assert lab.truth(ANNA) == []
    copy = lab.truth(BERT)[0]
    assert (copy["cancelled"], copy["subject"], copy["show_as"]) == (True, "Canceled: Plan", "Free")


def test_one_occurrence_travels_alone() -> None:
    """A changed, then a deleted occurrence reach the attendee as exceptions of the copy."""
    lab = Lab()
    made = meeting(lab, recurrence={"kind": "daily", "count": 3})
    lab.edit("change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00", location="Room 1")
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00")
    seen = [(one["kind"], one["location"], one["cancelled"]) for one in lab.truth(BERT)]
    assert seen == [("Occurrence", "", False), ("Exception", "Room 1", False), ("Exception", "", True)]
    assert len(lab.truth(ANNA)) == 2


def test_who_is_invited_late_gets_the_exceptions_too() -> None:
    """A new attendee's copy of a series has its changed and deleted occurrences."""
    lab = Lab()
    made = lab.edit(
        "create", mailbox=ANNA, start="2026-11-23T09:00", recurrence={"kind": "daily", "count": 3}
    )
    lab.edit(
        "change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00", start="2026-11-24T15:00"
    )
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00")
    lab.edit("add_attendees", mailbox=ANNA, item=made["uid"], attendees=[BERT])
    assert [one["start"] for one in lab.truth(BERT)] == [one["start"] for one in lab.truth(ANNA)]


def test_a_changed_recurrence_travels() -> None:
    """The copy becomes a series with the organiser's."""
    lab = Lab()
    made = meeting(lab)
    lab.edit("make_recurring", mailbox=ANNA, item=made["uid"], recurrence={"kind": "weekly", "count": 4})
    assert [one["start"] for one in lab.truth(BERT)] == [one["start"] for one in lab.truth(ANNA)]
    assert len(lab.truth(BERT)) == 4


def test_rooms_answer_by_themselves() -> None:
    """A room accepts at once, and the organiser sees it."""
    lab = Lab()
    room = {"address": ROOM, "role": "Resource"}
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=[BERT, room])
    assert lab.truth(ROOM)[0]["my_response"] == "Accept"
    assert [one["response"] for one in lab.truth(ANNA)[0]["attendees"]] == ["Unknown", "Accept"]


def test_invitations_arrive_from_outside() -> None:
    """A meeting of a stranger is an unanswered copy."""
    lab = Lab()
    organizer = {"address": OUTSIDE, "name": "Guest"}
    lab.edit(
        "receive",
        mailbox=BERT,
        start="2026-11-23T09:00",
        subject="Offer",
        organizer=organizer,
        attendees=[BERT],
    )
    copy = lab.truth(BERT)[0]
    assert (copy["organizer"], copy["my_response"]) == (OUTSIDE, "NoResponseReceived")
    lab.edit("respond", mailbox=BERT, item=copy["uid"], response="Tentative")
    assert mails(lab) == [("response", OUTSIDE)]
