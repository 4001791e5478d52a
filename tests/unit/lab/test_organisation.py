"""Facts about the lab's mailboxes, ids, events and administration."""

import pytest

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.identifiers import change_key, parse, parse_change_key
from tests.lab.exchange.organisation import ItemEvent
from tests.unit.lab.asking import ANNA, BERT, EUROPE, Lab

SERIES = {"kind": "daily", "count": 5}


def listened(lab: Lab) -> list[ItemEvent]:
    """The events of the lab from here on."""
    events: list[ItemEvent] = []
    lab.organisation.subscribe(events.append)
    return events


def test_ids_are_long_opaque_and_case_sensitive() -> None:
    """An item id has 152 characters of base64, and one with other case is malformed."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")["item_id"]
    assert len(made) == 152
    assert made.startswith("AAMk")
    assert parse(made).guid == lab.organisation.mailbox(ANNA).guid
    with pytest.raises(ResponseFault, match="ErrorInvalidIdMalformed"):
        parse(made.swapcase())


def test_a_change_key_is_renewed_by_every_write() -> None:
    """Two writes make two more keys; a key tells its version and nothing else is one."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    changed = lab.edit("change", mailbox=ANNA, item=made["uid"], subject="a")
    again = lab.edit("change", mailbox=ANNA, item=made["uid"], subject="a")
    assert len({made["change_key"], changed["change_key"], again["change_key"]}) == 3
    assert parse_change_key(change_key(lab.organisation.mailbox(ANNA).guid, 7)) == 7
    with pytest.raises(ResponseFault, match="ErrorInvalidChangeKey"):
        parse_change_key("AAAA")


def test_one_edit_makes_several_events() -> None:
    """Making an item is told as Created and Modified, a move to Deleted Items as Moved with the old id."""
    lab = Lab()
    events = listened(lab)
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    lab.edit("delete", mailbox=ANNA, item=made["uid"])
    assert [event.kind for event in events] == ["Created", "Modified", "Moved"]
    assert {event.mailbox for event in events} == {lab.organisation.mailbox(ANNA).guid}
    assert events[-1].old_item_id == made["item_id"]
    assert events[-1].old_folder_id == events[0].folder_id


def test_a_hard_deletion_is_told_as_deleted() -> None:
    """What leaves without Deleted Items is Deleted."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    events = listened(lab)
    lab.edit("delete", mailbox=ANNA, item=made["uid"], to="HardDelete")
    assert [(event.kind, event.item_id) for event in events] == [("Deleted", made["item_id"])]


def test_an_invitation_is_told_in_both_mailboxes() -> None:
    """The attendee hears of the mail and of the copy."""
    lab = Lab()
    events = listened(lab)
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=[BERT])
    assert [event.kind for event in events if event.mailbox == lab.organisation.mailbox(BERT).guid] == [
        "Created",
        "NewMail",
        "Created",
        "Modified",
    ]


def test_mailboxes_are_found_by_primary_address_and_alias() -> None:
    """Addresses are not case-sensitive, and an address belongs to one mailbox only."""
    lab = Lab()
    lab.edit("add_mailbox", address="Carl@Example.com", aliases=["cc@example.com"])
    assert lab.organisation.mailbox("CC@example.com").address == "carl@example.com"
    with pytest.raises(ValueError, match="belongs to another mailbox"):
        lab.edit("add_mailbox", address="cc@example.com")


def test_a_changed_primary_address_keeps_guid_and_calendar() -> None:
    """After a rebranding the old address is an alias and everything else as it was."""
    lab = Lab()
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    before = lab.organisation.mailbox(ANNA).guid
    after = lab.edit("change_address", mailbox=ANNA, to="anna.b@example.com")
    assert (after["guid"], after["items"], after["aliases"]) == (before, 1, [ANNA])
    assert lab.organisation.mailbox(ANNA).address == "anna.b@example.com"


@pytest.mark.parametrize(
    ("edit", "arguments", "code"),
    [
        ("set_state", {"state": "disabled"}, "ErrorAccountDisabled"),
        ("set_state", {"state": "moving"}, "ErrorMailboxMoveInProgress"),
        ("move_online", {}, "ErrorNonExistentMailbox"),
    ],
)
def test_a_mailbox_that_is_not_active_here_cannot_be_opened(
    edit: str, arguments: dict[str, str], code: str
) -> None:
    """Disabled, moving and moved mailboxes are found but not opened."""
    lab = Lab()
    lab.edit(edit, mailbox=ANNA, **arguments)
    with pytest.raises(ResponseFault, match=code):
        lab.organisation.mailbox(ANNA)
    assert lab.organisation.find(ANNA) is not None
    assert lab.truth(ANNA) == []


def test_a_series_keeps_its_wall_time_over_the_change_of_clocks() -> None:
    """A daily meeting at nine is at nine before and after the last Sunday of October."""
    lab = Lab()
    spec = {"kind": "daily", "start": "2026-10-23"}
    lab.edit(
        "create", mailbox=ANNA, start="2026-10-23T09:00", end="2026-10-23T10:00", zone=EUROPE, recurrence=spec
    )
    starts = [one["start"] for one in lab.truth(ANNA, "2026-10-24", "2026-10-27")]
    assert starts == ["2026-10-24T07:00:00Z", "2026-10-25T08:00:00Z", "2026-10-26T08:00:00Z"]


def test_all_day_meetings_are_whole_days_of_their_zone() -> None:
    """A daily all-day series lasts 25 hours on the day the clocks go back."""
    lab = Lab()
    arguments = {"start": "2026-10-24", "end": "2026-10-25", "all_day": True, "zone": EUROPE}
    lab.edit("create", mailbox=ANNA, recurrence={"kind": "daily", "count": 3}, **arguments)
    days = lab.truth(ANNA)
    assert [one["first_day"] for one in days] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    assert (days[1]["start"], days[1]["end"]) == ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")


def test_changed_and_deleted_occurrences_differ_from_the_series() -> None:
    """An exception shows its own fields and original start, and follows the master in the others."""
    lab = Lab()
    made = lab.edit(
        "create", mailbox=ANNA, start="2026-11-23T09:00", subject="old", location="here", recurrence=SERIES
    )
    lab.edit(
        "change_occurrence",
        mailbox=ANNA,
        item=made["uid"],
        at="2026-11-24T09:00",
        start="2026-11-24T15:00",
        location="x",
    )
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00")
    lab.edit("change", mailbox=ANNA, item=made["uid"], subject="new")
    seen = lab.truth(ANNA)
    assert [one["start"][8:13] for one in seen] == ["23T09", "24T15", "26T09", "27T09"]
    moved = seen[1]
    assert (moved["kind"], moved["original_start"][8:13]) == ("Exception", "24T09")
    assert (moved["subject"], moved["location"]) == ("new", "x")


def test_an_exception_is_seen_where_it_was_moved_to() -> None:
    """An occurrence moved out of the series' range counts by its new time."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=SERIES)
    lab.edit(
        "change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00", start="2026-12-30T09:00"
    )
    assert len(lab.truth(ANNA, "2026-11-23", "2026-11-28")) == 4
    assert [one["original_start"] for one in lab.truth(ANNA, "2026-12-30", "2026-12-31")] == [
        "2026-11-24T09:00:00Z"
    ]


def test_another_time_or_recurrence_of_the_series_loses_its_exceptions() -> None:
    """Moving a whole series brings every occurrence back to the rule."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=SERIES)
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00")
    lab.edit("move", mailbox=ANNA, item=made["uid"], start="2026-11-24T11:00")
    assert [one["start"][8:13] for one in lab.truth(ANNA)] == ["24T11", "25T11", "26T11", "27T11", "28T11"]


def test_a_single_meeting_becomes_a_series_and_single_again() -> None:
    """The item stays the same through both."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-24T09:00")
    series = lab.edit(
        "make_recurring", mailbox=ANNA, item=made["uid"], recurrence={"kind": "weekly", "count": 3}
    )
    assert [one["start"][5:10] for one in lab.truth(ANNA)] == ["11-24", "12-01", "12-08"]
    lab.edit("make_single", mailbox=ANNA, item=made["uid"])
    assert [one["item_id"] for one in lab.truth(ANNA)] == [made["item_id"]] == [series["item_id"]]


def test_edits_refuse_what_makes_no_sense() -> None:
    """A misspelt field, an unknown item and an occurrence that is none are told apart."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-24T09:00")
    with pytest.raises(ValueError, match="no such field: subjekt"):
        lab.edit("change", mailbox=ANNA, item=made["uid"], subjekt="x")
    with pytest.raises(ResponseFault, match="ErrorInvalidId"):
        lab.edit("change", mailbox=ANNA, item="unknown", subject="x")
    with pytest.raises(ResponseFault, match="ErrorItemNotFound"):
        lab.edit("change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00", subject="x")


def test_deletions_are_not_kept_for_ever() -> None:
    """A bookmark older than the deletions still known is refused, newer ones live on."""
    lab = Lab()
    mailbox = lab.organisation.mailbox(ANNA)
    made = lab.edit("create", mailbox=ANNA, start="2026-11-24T09:00")
    early = lab.sync().state
    with lab.organisation.lock:
        item = mailbox.with_uid(made["uid"])
        assert item is not None
        for _ in range(10_001):
            mailbox.remove(mailbox.create(item.content, None, lab.now), lab.now)
    assert len(mailbox.gone) < 10_000
    assert lab.sync(early).code == "ErrorInvalidSyncStateData"
    assert lab.sync().kinds == ["Create"]
