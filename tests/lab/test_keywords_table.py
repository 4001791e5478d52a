"""Every bullet of what keywords do and leave alone, a row each, through the real daemon and the lab Exchange."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.lab.keyword_site import OWN_ROOM, ROOM, KeywordSite

pytestmark = pytest.mark.lab
QUIET = 3.0
"""Seconds after which nothing more is expected; longer than debounce, polling and an echo of our own write."""
TMS = {
    "set": "00020329-0000-0000-C000-000000000046",
    "name": "TMS:ExternalConferenceData",
    "value": "sip:4711@example.com",
}
RICH_TEXT = {"tag": "0x1016", "type": "Integer", "value": "2"}
ZOOM = "<p>Join: https://us02web.zoom.us/j/85746065?pwd=abc</p>"
PICTURE = '<p>Look: <img src="cid:plan.png@01DC"></p>'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    with KeywordSite(tmp_path_factory.mktemp("keywords")) as site:
        site.site.exchange.edit("set_list", address="all@example.com", members=["staff@example.com"])
        many = [f"p{number}@example.com" for number in range(1500)]
        site.site.exchange.edit("set_list", address="staff@example.com", members=many)
        yield site


@dataclass(frozen=True)
class Row:
    """A meeting as it is made, and what it is to hold in the end; ``mails`` are updates by us to each invitee."""

    name: str
    location: str = "@meet"
    fields: dict[str, Any] = field(default_factory=dict)
    holds: str = ROOM
    lacks: str = ""
    mails: int = 1
    reason: str = ""


DONE = [
    Row("a keyword anywhere, in any case", "Canteen, @MEET, 2nd floor"),
    Row("the leftmost keyword", "@webex @meet", holds=OWN_ROOM, lacks=ROOM),
    Row("a personal room for each", "@webex", holds=f"{OWN_ROOM}user1"),
    Row("an appointment, mailing nobody", fields={"attendees": []}, mails=0),
    Row("a draft, mailing nobody", fields={"send": "SendToNone"}, mails=0),
    Row("plain text stays plain text", fields={"body": "Figures.", "body_kind": "Text"}),
    Row("a picture in the text stays", fields={"body": PICTURE, "has_attachments": True}, lacks="nothing"),
    Row("a list of few", fields={"attendees": [{"address": "few@example.com", "kind": "PublicDL"}]}),
    Row("Swedish where the meeting is", fields={"culture": "sv-SE"}, lacks="Join the meeting"),
]
LEFT = [
    Row("join details are there", fields={"body": ZOOM}, reason="link-there"),
    Row("another product's block", fields={"properties": [TMS]}, reason="foreign-join-details"),
    Row("signed", fields={"item_class": "IPM.Appointment.SMIME"}, reason="protected-item"),
    Row("rights-protected", fields={"item_class": "IPM.Appointment.rpmsg"}, reason="protected-item"),
    Row(
        "objects in rich text",
        fields={"properties": [RICH_TEXT], "has_attachments": True},
        reason="body-objects",
    ),
    Row("too large", fields={"body": "<p>" + "x" * (1 << 20) + "</p>"}, reason="body-too-large"),
    Row("private", fields={"sensitivity": "Private"}, reason="private-meeting"),
    Row(
        "too many behind nested lists",
        fields={
            "attendees": [
                {"address": "all@example.com", "kind": "PublicDL"},
                {"address": "user2@example.com"},
            ]
        },
        reason="too-many-invitees",
    ),
    Row("over", fields={"start": "2020-01-01T09:00:00Z"}, reason=""),
]


def test_what_keywords_do(desk: KeywordSite) -> None:
    """All rows at once: what each holds in the end, and one mail to each invitee at most."""
    desk.site.exchange.edit("set_list", address="few@example.com", members=["user3@example.com"])
    made = {row.name: desk.create(row.location, **row.fields) for row in DONE}
    for row in DONE:
        desk.wait(lambda uid=made[row.name], held=row.holds: held in desk.body(uid), row.name, 40)
    time.sleep(QUIET)
    for row in DONE:
        uid = made[row.name]
        assert desk.mails(uid) == row.mails, row.name
        assert desk.mails(uid, "request") == (0 if row.mails == 0 else 1), row.name
        assert not row.lacks or row.lacks not in desk.body(uid), row.name
    kinds = {row.name: desk.rows(made[row.name])[0]["body_kind"] for row in DONE}
    assert kinds["plain text stays plain text"] == "Text"
    assert PICTURE.removesuffix("</p>") in desk.body(made["a picture in the text stays"])


def test_what_is_left_alone(desk: KeywordSite) -> None:
    """No block, no mail; ``meeting why`` names the reason."""
    made = {row.name: desk.create(row.location, **row.fields) for row in LEFT}
    for row in LEFT:
        if row.reason:
            desk.wait(lambda uid=made[row.name], why=row.reason: why in desk.codes(uid), row.name, 40)
    time.sleep(QUIET)
    for row in LEFT:
        assert ROOM not in desk.body(made[row.name]), row.name
        assert desk.mails(made[row.name]) == 0, row.name


def test_a_draft_is_sent_by_its_user_alone(desk: KeywordSite) -> None:
    """The block goes into the saved invitation without a mail; the user's own Send carries it."""
    uid = desk.create(send="SendToNone")
    desk.wait(lambda: desk.has_room(uid), "the block in the draft")
    time.sleep(QUIET)
    assert desk.mails(uid) + desk.mails(uid, "request") == 0
    desk.site.exchange.edit("send", mailbox=desk.owner, item=uid)
    desk.wait(lambda: desk.has_room(uid, desk.person(2)), "the block in the invitation that was sent")
    time.sleep(QUIET)
    assert (desk.mails(uid), desk.mails(uid, "request")) == (0, 1)


def test_an_attendee_is_never_written(desk: KeywordSite) -> None:
    """A keyword in an attendee's own copy asks for nothing."""
    desk.site.activate(desk.person(4))
    uid = desk.create("Room 12", attendees=(4,))
    desk.wait(lambda: bool(desk.rows(uid, desk.person(4))), "the copy")
    desk.change(uid, owner=desk.person(4), location="@meet")
    time.sleep(QUIET)
    assert ROOM not in desk.body(uid, desk.person(4))


def series(desk: KeywordSite, location: str) -> str:
    return desk.create(location, recurrence={"kind": "weekly", "days": [f"{desk.start:%A}"], "count": 3})


def at(desk: KeywordSite, week: int) -> str:
    return (desk.start + timedelta(days=7 * week)).isoformat()


def bodies(desk: KeywordSite, uid: str) -> list[bool]:
    return [ROOM in row["body"] for row in desk.rows(uid)]


def test_a_series_and_its_occurrences(desk: KeywordSite) -> None:
    """The master holds the block; an occurrence that lost it gets it back; one without the keyword holds none."""
    uid = series(desk, "@meet")
    desk.wait(lambda: bodies(desk, uid) == [True] * 3, "the block in the series")
    time.sleep(QUIET)
    assert desk.mails(uid) == 1
    edit: Callable[..., Any] = desk.site.exchange.edit
    edit(
        "change_occurrence",
        mailbox=desk.owner,
        item=uid,
        at=at(desk, 1),
        subject="Lunch",
        body="",
        send="SendToNone",
    )
    desk.wait(lambda: bodies(desk, uid) == [True] * 3, "the block back in the occurrence")
    edit(
        "change_occurrence",
        mailbox=desk.owner,
        item=uid,
        at=at(desk, 2),
        location="Room 12",
        send="SendToNone",
    )
    desk.wait(lambda: bodies(desk, uid) == [True, True, False], "the block gone from one occurrence")
    rooms = {word for row in desk.rows(uid) for word in row["body"].split('"') if word.startswith(ROOM)}
    assert len(rooms) == 1


def test_one_occurrence_alone(desk: KeywordSite) -> None:
    """A keyword typed into one occurrence is that one's."""
    uid = series(desk, "Room 12")
    edit: Callable[..., Any] = desk.site.exchange.edit
    edit(
        "change_occurrence", mailbox=desk.owner, item=uid, at=at(desk, 1), location="@meet", send="SendToNone"
    )
    desk.wait(lambda: bodies(desk, uid) == [False, True, False], "the block in one occurrence")


def test_a_room_borrows_what_it_deleted(desk: KeywordSite) -> None:
    """A room that deletes comments still shows the way in, from the organiser's copy; it is never written."""
    room = desk.person(5)
    desk.site.exchange.edit("set_room", mailbox=room)
    desk.site.activate(room)
    uid = desk.create(attendees=[{"address": room, "role": "Resource"}])
    desk.wait(lambda: desk.has_room(uid), "the block in the organiser's copy")
    desk.wait(lambda: any(ROOM in link for link in desk.links(room)), "the way in on the room's list")
    assert desk.body(uid, room) == ""


def test_another_keyword_and_another_time(desk: KeywordSite) -> None:
    """The block is replaced with one mail; a move by itself mails nothing of ours."""
    uid = desk.create()
    desk.wait(lambda: desk.has_room(uid), "the first block")
    desk.change(uid, location="@webex", send="SendToNone")
    desk.wait(lambda: OWN_ROOM in desk.body(uid), "the second block")
    assert not desk.has_room(uid)
    time.sleep(QUIET)
    assert desk.mails(uid) == 2
    desk.change(uid, start=(desk.start + timedelta(hours=3)).isoformat(), send="SendToNone")
    time.sleep(QUIET)
    assert desk.mails(uid) == 2


def test_a_stale_change_key_is_fetched_anew(desk: KeywordSite) -> None:
    """Somebody writes while we do: read again, written once."""
    desk.site.exchange.fault("UpdateItem", "response", code="ErrorIrresolvableConflict", times=1)
    uid = desk.create()
    desk.wait(lambda: desk.has_room(uid), "the block after a conflict", 40)
    time.sleep(QUIET)
    assert desk.mails(uid) == 1
    desk.site.exchange.clear_faults()


def test_a_lost_answer_doubles_nothing(desk: KeywordSite) -> None:
    """The write came about, its answer did not: it is found done, one block, one mail."""
    desk.site.exchange.fault("UpdateItem", "dropped", times=1, after=True)
    uid = desk.create()
    desk.wait(lambda: desk.has_room(uid), "the block")
    desk.wait(lambda: any(ROOM in link for link in desk.links()), "the link", 60)
    time.sleep(3 * QUIET)
    assert desk.mails(uid) == 1
    assert desk.body(uid).count("~-~-~-~-~-~-~-~-~-~-~-~-~-~-~") == 1
    desk.site.exchange.clear_faults()


def test_a_kill_while_writing_doubles_nothing(desk: KeywordSite) -> None:
    """Killed while Exchange carries the write out and started again: one conference, one block, one mail."""
    desk.site.exchange.fault("UpdateItem", "delay", times=1, seconds=4.0)
    uid = desk.create()
    desk.wait(lambda: not desk.site.exchange.pending_faults().get("UpdateItem"), "the write to arrive")
    desk.site.kill()
    desk.site.start()
    desk.wait(lambda: desk.has_room(uid), "the block", 60)
    time.sleep(3 * QUIET)
    assert desk.mails(uid) == 1
    rooms = {word for row in desk.rows(uid) for word in row["body"].split('"') if word.startswith(ROOM)}
    assert len(rooms) == 1
    desk.site.exchange.clear_faults()


def test_commands_of_meetings(desk: KeywordSite) -> None:
    """``meeting why`` tells in sentences; undecorate mails nobody, redecorate brings the block back."""
    uid = desk.create(owner="", body="<p>Own words.</p>")
    desk.wait(lambda: desk.has_room(uid), "the block")
    time.sleep(QUIET)
    said = desk.site.cli("meeting", "why", desk.owner, "--id", uid)
    assert "keyword @meet, which stands for jitsi" in said
    assert "join details were written" in said
    mails = desk.mails(uid)
    assert "would do" in desk.site.cli("meeting", "undecorate", desk.owner, "--dry-run")
    desk.site.cli("meeting", "undecorate", desk.owner, "--yes")
    desk.wait(lambda: not desk.has_room(uid), "the block taken out", 40)
    time.sleep(QUIET)
    assert desk.mails(uid) == mails
    desk.site.cli("meeting", "redecorate", desk.owner, "--yes")
    desk.wait(lambda: desk.has_room(uid), "the block put back", 60)
