"""The nouns: frozen records that every layer speaks in. Times are aware UTC datetimes throughout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, IntEnum, StrEnum
from typing import Any

Clock = Callable[[], datetime]
"""Tells the time as an aware UTC datetime; passed in wherever time matters, so that tests can move it."""


# --- who -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Location:
    """Where a source keeps a mailbox; ``group`` bundles mailboxes whose streams may share a connection."""

    endpoint: str
    group: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One calendar owner in one source.

    ``id`` is random and ours, ``stable_id`` the source's own unchanging id ("" until validated);
    ``address`` is the primary SMTP address, lower-case, and may change.
    ``origin`` names where the activation came from: ``manual`` or a name under ``roster.from``.
    """

    id: str
    source: str
    address: str
    policy: str
    origin: str
    stable_id: str = ""
    location: Location | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be done for the mailboxes it is assigned to (operating.md, ``policies``)."""

    name: str
    write: frozenset[str] = frozenset()
    send: frozenset[str] = frozenset()
    private: str = "times-only"
    presence: str = "off"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a source says about an address when it is validated."""

    address: str
    stable_id: str
    location: Location | None


# --- what stands in a calendar -------------------------------------------------------------------


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
    """How to get into a meeting, and by which rule it was found."""

    url: str
    service: str
    rule: str
    sip: str | None = None
    meeting_id: str | None = None
    passcode: str | None = None


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


# --- writing into a calendar ---------------------------------------------------------------------


class MailMode(StrEnum):
    """Whether a write sends update mails to the invitees (MS-OXWSMTGS)."""

    NONE = "none"
    ALL = "all"
    ALL_AND_COPY = "all-and-copy"


@dataclass(frozen=True, slots=True)
class MeetingUpdate:
    """Change fields of an existing item; ``None`` leaves a field alone. ``key`` makes a retry recognisable."""

    key: str
    item_id: str
    change_key: str | None = None
    location: str | None = None
    body_html: str | None = None
    marker: str | None = None
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


Write = MeetingUpdate | NewMeeting


@dataclass(frozen=True, slots=True)
class Applied:
    """What a write left behind; ``repeated`` when it was found done already."""

    item_id: str
    change_key: str
    repeated: bool = False


# --- the state of one mailbox --------------------------------------------------------------------


class Phase(IntEnum):
    """Life of a mailbox. The numbers are for monitoring and never change meaning."""

    REQUESTED = 1  # the wish is recorded, nothing was opened yet
    VALIDATING = 2  # located; identity and access are being checked
    LOADING = 3  # first or repeated full read
    LIVE = 4  # list at the hub follows the calendar
    BLOCKED = 5  # closed to us; `reason` says why, retried slowly
    PAUSED = 6  # by an administrator or because it left the roster
    MOVED = 7  # moved to Exchange Online; nothing is asked any more
    LEAVING = 8  # deactivated; source and hub are being told


class Stage(StrEnum):
    """Where a full read stands."""

    FEED = "feed"  # the change feed is paged to its end, ids only, to get a cursor
    FILL = "fill"  # the window is read slice by slice
    CATCH_UP = "catch-up"  # what changed meanwhile
    SWEEP = "sweep"  # rows that were not seen are deletions


@dataclass(frozen=True, slots=True)
class Load:
    """Progress of a full read. ``generation`` marks rows seen by it; ``resend`` sends unchanged meetings too."""

    stage: Stage
    generation: int
    resend: bool
    filled_to: datetime | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The passive state of one mailbox. Data, not a thread.

    ``version`` grows with every commit: a commit names the version it read (SessionChanged otherwise).
    ``covered`` is the end of the window up to which the list is complete.
    """

    mailbox_id: str
    phase: Phase
    due: datetime
    version: int = 0
    cursor: str | None = None
    revision: int = 0
    attempts: int = 0
    reason: str | None = None
    load: Load | None = None
    covered: datetime | None = None
    synced_at: datetime | None = None
    presence_at: datetime | None = None
    presence_digest: str | None = None
    failed_at: datetime | None = None
    resume: Phase | None = None
    erase: bool = False


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What is remembered of a meeting that was sent: ids, times and keyed digests, never its words."""

    meeting_id: str
    series_key: str
    item_id: str
    home_id: str
    change_key: str
    original_start: datetime
    start: datetime
    end: datetime
    digest: str
    digest_version: int
    rules_version: int
    key_uri: str
    revision: int
    generation: int


# --- on the way to the hub -----------------------------------------------------------------------


class EventKind(StrEnum):
    """Types of events that go up (docs/relay.md)."""

    MEETING_PUT = "meeting.put"
    MEETING_GONE = "meeting.gone"
    SNAPSHOT_BEGIN = "snapshot.begin"
    SNAPSHOT_END = "snapshot.end"
    PRESENCE_PUT = "presence.put"
    MAILBOX_PUT = "mailbox.put"
    MAILBOX_GONE = "mailbox.gone"
    COMMAND_OUTCOME = "command.outcome"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed change. ``id`` is a UUIDv7 (RFC 9562), ``data`` JSON whose sensitive members are JWE strings.

    ``starts`` lets a meeting about to begin overtake a backlog. ``key_uri`` is "" when nothing is sealed.
    """

    id: str
    kind: EventKind
    mailbox_id: str
    data: Mapping[str, Any]
    meeting_id: str | None = None
    revision: int = 0
    key_uri: str = ""
    starts: datetime | None = None


@dataclass(frozen=True, slots=True)
class Queued:
    """An envelope in the outbox with its place in the order: (epoch, sequence)."""

    envelope: Envelope
    epoch: int
    sequence: int
    queued_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An envelope that the hub will never take; the bytes are kept for the record, a retry re-reads the meeting."""

    queued: Queued
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SealedCommand:
    """A command as it came down: its id, whose mailbox, and one JWE that only that mailbox's keys open."""

    id: str
    mailbox_id: str
    jwe: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """An opened and verified command. ``actor`` is the acting user's address."""

    id: str
    mailbox_id: str
    kind: str
    actor: str
    expires: datetime
    body: Mapping[str, Any]


class Result(Enum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a command; ``body`` is sealed before it leaves."""

    command_id: str
    result: Result
    code: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


# --- keys ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContentKey:
    """A 256-bit key that seals meetings of one mailbox; ``uri`` is a kms: URI and stands in every ciphertext."""

    uri: str
    mailbox_id: str
    secret: bytes = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A content key as it rests in the store: AES-256-GCM under the KEK, with URI and mailbox id as AAD."""

    uri: str
    mailbox_id: str
    wrapped: bytes
    kek_version: int
    created_at: datetime
    retired_at: datetime | None = None


# --- what one step did ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail; ``facts`` holds ids, codes, digests and field names, never subject or body."""

    at: datetime
    actor: str
    action: str
    mailbox: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one step changes, written in one transaction.

    ``session`` is the next state; its ``version`` is the one that was read. ``touched`` are meeting ids that were
    seen unchanged. ``finished`` is the id of a command whose outcome is among the envelopes.
    """

    session: Session
    rows: tuple[IndexRow, ...] = ()
    dropped: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    released: tuple[str, ...] = ()
    finished: str | None = None
    audit: tuple[AuditEntry, ...] = ()
