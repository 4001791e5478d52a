"""What a keyword asked for, as a durable record, and an item read whole before it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connector.model.calendar import Meeting
from connector.model.conference import Conference, ConferenceOrder, Hosted


class IntentState(StrEnum):
    """How far an intent has come. What stands in the calendar is only believed after it was read."""

    WANTED = "wanted"  # recorded; nothing was asked of anybody
    ASKED = "asked"  # a provider that can't search is being asked: met again, it was killed in between
    UNCERTAIN = (
        "uncertain"  # the same, known to be so; settled by the provider's list, never by a second make
    )
    MADE = "made"  # the conference is there
    DONE = "done"  # the invitation holds it
    LEFT = "left"  # nothing was done, ``code`` says why; looked at again when the meeting changes
    ENDED = "ended"  # the keyword or the meeting is gone, and so is the conference
    UNDECORATE = "undecorate"  # an administrator wants it taken out, without mails
    LENT = "lent"  # not of this mailbox: the way in that the organiser's copy has, for a room whose own was stripped


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed: the keyword, the entry of ``conference`` it stands for, and which kind or site it names."""

    keyword: str
    action: str
    override: str = ""
    site: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """One line of an intent's journal: a word of ``connector.sync.journal`` and what it is about."""

    at: datetime
    what: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a keyword in one place asks for; at most one a place.

    ``place`` is the series key for a meeting or a whole series, the meeting id for a single occurrence. ``key`` is the
    provider's tag and part of the marker in the item. ``due`` is when it is to be looked at, None while nothing changes.
    ``seen`` is the keyed digest of the meeting it was settled with; only another one makes it due again. ``writes`` counts
    calendar writes and makes each recognisable. ``until`` is the end of its last known occurrence. ``shared`` conferences
    belong to the series; an occurrence holds them too and never ends them. ``written`` is the keyed digest of the details
    that stand in the invitation.
    """

    key: str
    mailbox_id: str
    series_key: str
    place: str
    item_id: str
    state: IntentState
    due: datetime | None
    until: datetime
    seen: str = ""
    code: str = ""
    attempts: int = 0
    writes: int = 0
    shared: bool = False
    written: str = ""
    wish: Wish | None = None
    conference: Conference | None = None
    order: ConferenceOrder | None = None
    journal: tuple[Note, ...] = ()

    @property
    def open(self) -> bool:
        """Whether something of it may stand at a provider or in the calendar, or is still wanted there."""
        return self.state not in {IntentState.ENDED, IntentState.LENT}

    @property
    def whole(self) -> bool:
        """Whether it is of the meeting or series as a whole."""
        return self.place == self.series_key


class BodyKind(StrEnum):
    """How a body is written."""

    HTML = "html"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class WholeItem:
    """An item with everything a write has to know of it, as it stood at ``meeting.change_key``.

    ``body`` is as it rests, nothing left out. ``marker`` and ``key`` are our own properties. ``lists`` are addresses of
    distribution lists among the invitees. ``obstacle`` is a reason code where the item must not be written. ``foreign``
    names a product whose own join details it carries. ``culture`` is the language of the item, else that of its mailbox, ""
    where neither is known. ``rule`` is the RRULE of a series. ``own`` tells that the mailbox
    organises it, ``invites`` that others are invited, ``sent`` that their invitation went out. ``hosts`` tells that the calendar
    system makes conferences itself when it is asked by a write, ``hosted`` is the one that it keeps with the item.
    """

    meeting: Meeting
    body: str
    kind: BodyKind = BodyKind.HTML
    marker: str = ""
    key: str = ""
    culture: str = ""
    rule: str = ""
    own: bool = True
    invites: bool = False
    sent: bool = False
    series: bool = False
    ends: datetime | None = None
    obstacle: str = ""
    foreign: str = ""
    lists: tuple[str, ...] = ()
    hosts: bool = False
    hosted: Hosted | None = None
