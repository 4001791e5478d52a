"""What is written into calendars, and how a way into a meeting is found or made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from connector.config.frozen import FrozenMap
from connector.config.kinds import (
    FilePath,
    Form,
    Host,
    RateOf,
    Section,
    ShareRate,
    Text,
    Whole,
    at_least_one,
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


class Invitation(Section):
    """How join details are written into an invitation."""

    language: Annotated[Text, AfterValidator(_language)] = "en"
    """The language of the text."""

    templates: FilePath | None = None
    """A directory of templates that replace the ones shipped."""

    existing_link: Literal["keep", "replace"] = "keep"
    """What becomes of a join link that is there already."""


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
