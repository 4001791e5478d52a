"""Rooms shared with the reader: once, without a mail, and taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import AccessDenied, Transient
from connector.model import Mailbox
from connector.source.google.rooms import RETRY, Forgetful, Sharing, Who
from tests.unit.source.google.twin import Twin

ROOM = "c_1@resource.calendar.google.com"


class House:
    """A room that user 2 owns, to be read by user 1; ``ours`` are the rooms that are mailboxes."""

    def __init__(self, owner: int | None = 2) -> None:
        self.twin = Twin()
        self.room = self.twin.lab.tenant.add_calendar(ROOM)
        self.room.readers = {self.twin.address(2): "owner"}
        self.mailbox: Mailbox = replace(self.twin.mailbox(), id="r1", address=ROOM)
        self.ours = {ROOM}
        self.tick = 0.0
        self.memory = Forgetful()
        self.owner = self.twin.address(owner) if owner else ""
        self.sharing = self.fresh()

    def fresh(self) -> Sharing:
        """As after a restart."""
        who = Who(self.owner, self.twin.address(1), lambda address: address in self.ours)
        services, clock = self.twin.source.services, self.twin.clock
        return Sharing(who, services, self.memory, clock, lambda: self.tick)

    def open(self) -> str:
        """Look at the room as a mailbox that is validated is looked at."""
        return self.sharing.open(self.mailbox, self.twin.source.role)

    def rules(self) -> list[str]:
        """Requests that changed the access list, with their query."""
        return [one["query"] for one in self.twin.lab.log if one["operation"].startswith("acl.")]

    def shared(self) -> bool:
        """Whether the reader has a right on the room."""
        return self.twin.address(1) in self.room.readers


def test_a_room_is_shared_once_and_without_a_mail() -> None:
    """The owner gives the reader the right to see details; the next look finds it there."""
    house = House()
    assert house.open() == "reader"
    assert house.open() == "reader"
    assert house.rules() == ["sendNotifications=false"]
    assert house.twin.lab.services.writing.mails == []


def test_a_right_given_by_hand_is_neither_given_nor_taken_back() -> None:
    """Only what the connector gave is its to take."""
    house = House()
    house.room.readers[house.twin.address(1)] = "writer"
    assert house.open() == "writer"
    house.ours.clear()
    house.sharing.tidy()
    assert house.rules() == []
    assert house.shared()


def test_the_right_is_taken_back_after_a_restart_too() -> None:
    """The room is no mailbox any more; the note outlasts the process, and is gone with the right."""
    house = House()
    house.open()
    house.sharing = house.fresh()
    house.sharing.tidy()
    assert house.shared()
    house.ours.clear()
    house.sharing.tidy()
    assert not house.shared()
    house.sharing.tidy()
    assert len(house.rules()) == 2


def test_taking_back_is_tried_again_with_patience() -> None:
    """Trouble at Google keeps the note; nobody asks before a minute is over."""
    house = House()
    house.open()
    house.ours.clear()
    house.twin.lab.faults.order(kind="backendError", operation="acl.delete", times=2)
    house.sharing.tidy()
    house.sharing.tidy()
    assert house.twin.lab.faults.pending() == 1
    house.tick = RETRY + 1
    house.sharing.tidy()
    house.tick += 2 * RETRY + 1
    house.sharing.tidy()
    assert not house.shared()


def test_whoever_may_not_share_is_told_apart() -> None:
    """The remedy is the owner's right, not the reader's; nothing is remembered."""
    house = House(owner=3)
    house.room.readers[house.twin.address(3)] = "reader"
    with pytest.raises(AccessDenied, match="google-room-not-shareable"):
        house.open()
    assert house.memory.read() == "{}"


def test_without_an_owner_the_rooms_are_shared_by_hand() -> None:
    """The room is refused as it always was."""
    house = House(owner=None)
    with pytest.raises(AccessDenied, match="no-calendar"):
        house.open()


def test_a_right_that_does_not_hold_yet_is_waited_for() -> None:
    """Google needs its time: the mailbox waits, and the right is not given twice."""
    house = House()
    house.twin.lab.faults.order(kind="notFound", operation="events.list", times=4)
    for _ in range(2):
        with pytest.raises(Transient, match="google-sharing-takes-time"):
            house.open()
    assert house.open() == "reader"
    assert len(house.rules()) == 1


def test_a_persons_calendar_is_never_shared() -> None:
    """Only rooms are; a person whose calendar is refused stays refused."""
    house = House()
    house.twin.lab.faults.order(kind="notFound", operation="events.list")
    with pytest.raises(AccessDenied, match="no-calendar"):
        house.sharing.open(house.twin.mailbox(3), house.twin.source.role)
    assert house.rules() == []
