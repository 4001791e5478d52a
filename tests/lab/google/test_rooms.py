"""A room that the reader may not see, with the real daemon: shared when it is activated, given back when it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
ROOM = "c_1@resource.calendar.google.com"
OTHER = "c_2@resource.calendar.google.com"
OWNER = "user3@brand.example"


@pytest.fixture
def site() -> Iterator[GoogleSite]:
    """Two rooms that user 3 owns; user 1, the reader, has been given the second by hand."""
    with GoogleSite(users=3, source=f"    room_owner: {OWNER}\n") as started:
        google = started.google
        for room, readers in ((ROOM, {}), (OTHER, {google.address(1): "reader"})):
            google.tell("/rooms", id=room)
            google.tell("/readers", calendar=room, readers={OWNER: "owner", **readers})
        started.start()
        yield started


def rules(site: GoogleSite) -> list[tuple[str, str, str]]:
    """Changes of access lists: what, by whom, how."""
    log = [one for one in site.google.log() if one["operation"].startswith("acl.")]
    return [(one["operation"], one["subject"], one["query"]) for one in log]


def test_a_room_is_shared_once_and_given_back_at_deactivation(site: GoogleSite) -> None:
    """In the owner's name, without mails, over a restart; a right given by hand stays as it is."""
    site.activate(ROOM, OTHER)
    given = ("acl.insert", OWNER, "sendNotifications=false")
    assert rules(site) == [given]
    site.google.edit("raw", mailbox=ROOM, event=meeting("Board"))
    keys = site.keys(ROOM)
    site.wait(
        lambda: "Board" in {row[2] for row in site.shown(ROOM, keys or site.keys(ROOM))}, "the room's meeting"
    )
    site.kill()
    site.start()
    site.cli("mailbox", "resync", ROOM)
    site.wait(lambda: site.state(ROOM) == "active", "the room to be active again")
    assert rules(site) == [given]
    site.cli("mailbox", "deactivate", ROOM, "--yes")
    site.cli("mailbox", "deactivate", OTHER, "--yes")
    site.wait(lambda: len(rules(site)) > 1, "the right to be taken back", 40)
    site.wait(lambda: site.state(OTHER) == "absent", "both rooms to be gone")
    assert rules(site) == [given, ("acl.delete", OWNER, "")]
    assert site.google.tell("/mails")["mails"] == []


def test_an_owner_without_the_right_is_one_sentence(site: GoogleSite) -> None:
    """The room is blocked, with the step to take."""
    site.google.tell("/readers", calendar=ROOM, readers={OWNER: "reader"})
    site.cli("mailbox", "activate", ROOM)
    site.wait(lambda: site.state(ROOM) == "error", "the room to be blocked")
    assert "may not share this room" in str(site.mailbox(ROOM))


def meeting(subject: str) -> dict[str, object]:
    """An event of the room's own."""
    return {
        "summary": subject,
        "start": {"dateTime": TOMORROW.isoformat()},
        "end": {"dateTime": (TOMORROW + timedelta(hours=1)).isoformat()},
    }
