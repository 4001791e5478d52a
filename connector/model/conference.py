"""Conferences: what a keyword asks for, and the join details that a provider makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Phone:
    """One number to dial in by: E.164 or as the provider writes it, with the place it belongs to."""

    number: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class JoinDetails:
    """Everything a person or a device needs to get into one conference; the words of a join block are made of it.

    ``service`` is a name of the join rules' services, "" for a site's own. ``access_code`` is what phones are asked for,
    ``passcode`` what clients are, ``video_passcode`` what phones and video devices are asked for instead, in digits; none is
    ever guessed.
    """

    url: str
    service: str = ""
    meeting_id: str = ""
    passcode: str = ""
    sip: str = ""
    h323: str = ""
    phones: tuple[Phone, ...] = ()
    access_code: str = ""
    global_numbers_url: str = ""
    video_passcode: str = ""


class Kind(StrEnum):
    """Whether a conference belongs to its owner for good or to one meeting alone."""

    PERSONAL = "personal"
    ONE_TIME = "one-time"


@dataclass(frozen=True, slots=True)
class Person:
    """The organiser in whose name a conference is made; ``directory`` holds the attributes that templates may name."""

    address: str
    name: str = ""
    directory: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConferenceOrder:
    """What a provider is asked to make. ``tag`` is the intent's key, opaque and stable across retries.

    Times are aware UTC; ``rule`` is the RFC 5545 RRULE of a series, "" for a single meeting.
    """

    tag: str
    organizer: Person
    subject: str
    start: datetime
    end: datetime
    rule: str = ""
    site: str = ""
    """What followed the keyword's colon, such as the site of ``@webex:site``."""


class Making(StrEnum):
    """How far a calendar system has come with a conference that it makes itself."""

    PENDING = "pending"
    MADE = "made"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A conference that the calendar system itself keeps with an item; ``tag`` names the order, "" where it was not ours.

    ``conference`` is None until it is made.
    """

    tag: str
    making: Making
    conference: Conference | None = None


@dataclass(frozen=True, slots=True)
class Conference:
    """What a provider made. ``id`` leads back to it at the provider, "" where nothing has to be taken back."""

    kind: Kind
    details: JoinDetails
    id: str = ""
