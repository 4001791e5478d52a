"""What an invitation says, place by place, before anything is recognised in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from connector.model import Meeting


class Place(Enum):
    """Where something stands: its name in words, its weight, and whether only a link is put there."""

    CONFERENCE = ("the conference data", 60, True)
    URL = ("the event's own address", 50, True)
    LOCATION = ("the location", 40, True)
    ADDED = ("the conference the calendar added", 35, True)
    BODY = ("the body", 30, False)
    SUBJECT = ("the subject", 20, False)

    def __init__(self, words: str, weight: int, deliberate: bool) -> None:  # noqa: FBT001 - the members name it
        self.words = words
        self.weight = weight
        self.deliberate = deliberate


@dataclass(frozen=True, slots=True)
class Passage:
    """A text and where it stands. ``is_html`` None means: look for tags.

    ``meeting_id`` and ``passcode`` are what the calendar states beside the address in fields of their own.
    """

    place: Place
    text: str
    is_html: bool | None = None
    meeting_id: str | None = None
    passcode: str | None = None


Evidence = tuple[Passage, ...]
"""The passages of one invitation, those of equal weight in the order in which they count."""


def of_meeting(meeting: Meeting) -> Evidence:
    """What a calendar item of any source says."""
    stated = [Passage(Place.CONFERENCE, address, is_html=False) for address in meeting.online]
    return (
        *stated,
        Passage(Place.LOCATION, meeting.location, is_html=False),
        Passage(Place.BODY, meeting.body),
        Passage(Place.SUBJECT, meeting.subject, is_html=False),
    )
