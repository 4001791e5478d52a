"""What stands in a calendar, in our own frozen form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

JOIN_BUFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open span of time: ``start`` inclusive, ``end`` exclusive."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether a meeting from ``start`` to ``end`` touches the window; an empty one counts by its start."""
        return start < self.end and (end > self.start or start == end >= self.start)


class Response(StrEnum):
    """An attendee's answer (MS-OXWSMTGS ResponseTypeType, Google responseStatus)."""

    ORGANIZER = "organizer"
    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"
    NONE = "none"


class Role(StrEnum):
    """How an attendee takes part."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    RESOURCE = "resource"


class Sensitivity(StrEnum):
    """Who may see the content (iCalendar CLASS, EWS Sensitivity)."""

    NORMAL = "normal"
    PERSONAL = "personal"
    PRIVATE = "private"
    CONFIDENTIAL = "confidential"


class ShowAs(StrEnum):
    """What the time counts as in free/busy (EWS LegacyFreeBusyStatus)."""

    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "out-of-office"
    WORKING_ELSEWHERE = "working-elsewhere"
    NO_DATA = "no-data"


@dataclass(frozen=True, slots=True)
class Attendee:
    """A person or resource of a meeting; ``address`` lower-case SMTP, or "" when the source gives none."""

    address: str
    name: str = ""
    role: Role = Role.REQUIRED
    response: Response = Response.NONE


@dataclass(frozen=True, slots=True)
class JoinLink:
    """How to get into a meeting, and by which rule it was found.

    A client shows its Join button from ``before`` the start to ``after`` the end.
    """

    url: str
    service: str
    rule: str
    sip: str | None = None
    meeting_id: str | None = None
    passcode: str | None = None
    before: timedelta = JOIN_BUFFER
    after: timedelta = JOIN_BUFFER


@dataclass(frozen=True, slots=True)
class Meeting:
    """One occurrence inside the window.

    ``uid`` is the iCalendar UID, shared by all occurrences of a series and all attendees' copies.
    ``original_start`` is the start the occurrence has by the series' rule (RFC 5545 RECURRENCE-ID),
    equal to ``start`` unless an exception moved it. ``item_id`` is the item's own id at the source,
    ``home_id`` that of the item it depends on: the series master, or itself.
    ``body`` is plain text. All-day meetings keep their calendar date in ``first_day`` beside the instants.
    """

    uid: str
    original_start: datetime
    item_id: str
    home_id: str
    change_key: str
    start: datetime
    end: datetime
    subject: str = ""
    location: str = ""
    body: str = ""
    organizer: Attendee | None = None
    attendees: tuple[Attendee, ...] = ()
    first_day: date | None = None
    recurring: bool = False
    exception: bool = False
    cancelled: bool = False
    sensitivity: Sensitivity = Sensitivity.NORMAL
    show_as: ShowAs = ShowAs.BUSY
    response: Response = Response.NONE
    online: tuple[str, ...] = ()
    """Join addresses that the source itself states in properties, best first."""
    link: JoinLink | None = None
    """Filled in by the enrichment, never by a source."""

    @property
    def all_day(self) -> bool:
        """Whether the meeting covers whole calendar days."""
        return self.first_day is not None


@dataclass(frozen=True, slots=True)
class Series:
    """All occurrences of one UID as they now stand in the asked window; empty means none is left there."""

    uid: str
    meetings: tuple[Meeting, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """One page of a source's change feed: which items changed, not what they are now."""

    dirty: tuple[str, ...]
    gone: tuple[str, ...]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that can't be read, and why; ``code`` is a word of ``connector.reasons``."""

    item_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """What dirty ids turned out to be. ``gone`` are ids that no longer exist at the source."""

    series: tuple[Series, ...]
    gone: tuple[str, ...] = ()
    unreadable: tuple[Quarantined, ...] = ()


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether the owner is away; ``since``/``until`` are set when the absence is scheduled."""

    away: bool
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class BusySpan:
    """A stretch of one person's time that is not free."""

    start: datetime
    end: datetime
    show_as: ShowAs


@dataclass(frozen=True, slots=True)
class Availability:
    """One person's free/busy answer; ``code`` says why there is none (and ``busy`` is then empty)."""

    address: str
    busy: tuple[BusySpan, ...] = ()
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Nudge:
    """Look at this mailbox now. Carries no data; may be lost or doubled. ``reason`` is for the log."""

    mailbox_id: str
    reason: str
