"""What is written into calendars, and how a way into a meeting is found or made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from connector.config.frozen import FrozenMap
from connector.config.kinds import (
    Duration,
    FilePath,
    Form,
    Host,
    RateOf,
    Section,
    ShareRate,
    Switch,
    Text,
    Whole,
    at_least_one,
    between,
    whole,
)
from connector.config.units import PercentRate, Rate

EMPTY: Mapping[str, object] = FrozenMap()


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError("write a language tag such as en, sv or de-CH")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"this is no regular expression ({error}); mend it") from None
    return text


class Writes(Section):
    """The brake on writing into calendars."""

    brake: ShareRate = PercentRate(5, timedelta(minutes=10))
    """More updates than this part of the active mailboxes (and more than 50) stops all writing."""

    brake_per_mailbox: RateOf = Rate(20, timedelta(hours=1))
    """More updates than this in one mailbox stops all writing."""

    mail: Literal["all", "all-and-copy", "none"] = "all"
    """Whether invitees are mailed about an update, and whether a copy is kept among the sent mails."""


class InvitationParts(Section):
    """Which parts of the join details stand in an invitation, besides the link."""

    phone: Switch = True
    """Numbers to dial in by, and their code."""

    devices: Switch = True
    """Addresses for video devices."""


class Invitation(Section):
    """How join details are written into an invitation. Headers, footers and wording are files of templates."""

    language: (
        Annotated[Text, AfterValidator(_language), Form("a language such as en, sv or pt-BR")] | None
    ) = None
    """The language of all of them; when left out that of the meeting, else that of the mailbox, else English."""

    templates: FilePath | None = None
    """A directory of files that take the place of shipped ones; docs/conferences.md names them."""

    existing_link: Literal["keep", "replace"] = "keep"
    """What becomes of join details that are there already: they stay and nothing is written, or they give way."""

    parts: InvitationParts = InvitationParts()
    """Which parts of the join details stand in it."""


class Dialling(Section):
    """What only the site knows about calling video devices out; addresses are made of links by it."""

    zoom: Switch = True
    """Whether Zoom links may be dialled at zoomcrc.com, which takes a licence for its room connector on one side."""

    servers: Annotated[Mapping[Host, Host], AfterValidator(FrozenMap)] = FrozenMap()
    """Web hosts of Cisco Meeting Server and Pexip, each with the domain of its video addresses."""


class Buffers(Section):
    """How long before and behind a meeting its Join button is there."""

    start: Annotated[Duration, *between("0s", "1h")] = timedelta(minutes=5)
    """Before the start."""

    end: Annotated[Duration, *between("0s", "1h")] = timedelta(minutes=5)
    """Behind the end."""


class Presence(Section):
    """Where absences are known from."""

    out_of_office_items: Switch = False
    """Whether an appointment shown as out of office counts as one, like automatic replies."""


class JoinRule(Section):
    """How a join link of a service of your own is recognised."""

    hosts: Annotated[tuple[Host, ...], at_least_one]
    """Host names the link may have."""

    pattern: Annotated[str, AfterValidator(_pattern), Form("a regular expression")]
    """What the path and query look like; named groups may be used in dial."""

    dial: Text | None = None
    """The video address to dial; {NAME} stands for a named group of the pattern."""

    priority: Annotated[Whole, *whole(0, 1000)] = 100
    """The lowest number is tried first."""

    @model_validator(mode="after")
    def _dial_uses_groups(self) -> JoinRule:
        groups = set(re.compile(self.pattern).groupindex)
        for name in re.findall(r"\{([^{}]*)\}", self.dial or ""):
            if name not in groups:
                raise ValueError(
                    f"dial uses {{{name}}}, which is no named group of the pattern; write (?P<{name}>...) there"
                )
        return self
