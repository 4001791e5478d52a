"""What is written into a calendar, and what that leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.model.calendar import Attendee, Response
from connector.model.intent import BodyKind


class MailMode(StrEnum):
    """Whether a write sends update mails to the invitees (MS-OXWSMTGS)."""

    NONE = "none"
    ALL = "all"
    ALL_AND_COPY = "all-and-copy"


@dataclass(frozen=True, slots=True)
class MeetingUpdate:
    """Change fields of an existing item; ``None`` leaves a field alone. ``key`` makes a retry recognisable.

    ``body`` is written as ``kind`` says. An empty ``marker`` takes the property away. An appointment, and a meeting whose
    invitation was not sent yet, is written without mails whatever ``mail`` says. ``conference`` has the calendar system make a
    conference of its own under that tag, which is new for each; "" takes away the one that is there.
    """

    key: str
    item_id: str
    change_key: str | None = None
    location: str | None = None
    body: str | None = None
    kind: BodyKind = BodyKind.HTML
    marker: str | None = None
    conference: str | None = None
    mail: MailMode = MailMode.NONE


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """Make a meeting; ``key`` stands in an extended property that is looked for first, so a retry makes no twin."""

    key: str
    uid: str
    subject: str
    start: datetime
    end: datetime
    location: str = ""
    body_html: str = ""
    attendees: tuple[Attendee, ...] = ()
    mail: MailMode = MailMode.ALL


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer an invitation in the owner's name; the organiser is told. What has that answer already is answered no more.

    A source may take a declined meeting out of the calendar.
    """

    key: str
    item_id: str
    response: Response


@dataclass(frozen=True, slots=True)
class Removal:
    """Delete an item of the owner's own, an occurrence or a whole series; ``mail`` is about the cancellations."""

    key: str
    item_id: str
    mail: MailMode = MailMode.ALL


@dataclass(frozen=True, slots=True)
class QuickAdd:
    """Make a meeting of a sentence, which the calendar system reads in the owner's language and zone.

    ``since`` is set when an earlier try may have been cut short: what it left behind after that moment is looked for first.
    """

    key: str
    text: str
    since: datetime | None = None
    mail: MailMode = MailMode.ALL


Write = MeetingUpdate | NewMeeting | Reply | Removal | QuickAdd


@dataclass(frozen=True, slots=True)
class Applied:
    """What a write left behind; ``repeated`` when it was found done already."""

    item_id: str
    change_key: str
    repeated: bool = False
