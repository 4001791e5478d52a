"""Meetings, keys and policies that the tests of sealing share."""

from __future__ import annotations

from datetime import UTC, date, datetime

from connector.model import Attendee, ContentKey, JoinLink, Meeting, Policy, Response, Role
from connector.seal.digest import Digester

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
MAILBOX = "mb-1"
KEY = ContentKey("kms://cal-01.example.com/keys/1", MAILBOX, bytes(range(32)), NOW)
OTHER_KEY = ContentKey("kms://cal-01.example.com/keys/2", "mb-2", bytes(range(1, 33)), NOW)
DIGESTS = Digester(b"t" * 32, b"d" * 32, 1)
SENDS_ALL = Policy(
    "all", send=frozenset({"subject", "location", "notes", "organizer", "attendees", "link"}), presence="text"
)
MEETING = Meeting(
    uid="040000008200E00074C5B7101A82E008",
    original_start=NOW,
    item_id="AAMk=",
    home_id="AAMk=",
    change_key="DwAA",
    start=NOW,
    end=NOW.replace(hour=10),
    subject="Planung Größe 学",
    location="Room 4",
    body="Agenda\n1. Money",
    organizer=Attendee("anna@example.com", "Anna Ek", response=Response.ORGANIZER),
    attendees=(
        Attendee("bo@example.com", "Bo Li", Role.REQUIRED, Response.ACCEPTED),
        Attendee("room4@example.com", "Room 4", Role.RESOURCE, Response.TENTATIVE),
        Attendee("", "Someone outside", Role.OPTIONAL),
    ),
    first_day=date(2026, 11, 21),
    link=JoinLink(
        "https://example.webex.com/meet/anna", "webex", "webex.personal", sip="anna@example.webex.com"
    ),
)


def key_of(uri: str) -> ContentKey:
    """The keys by their uri."""
    return {KEY.uri: KEY, OTHER_KEY.uri: OTHER_KEY}[uri]
