"""What a conference service answered, before anybody has made sense of it. Pure."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with lower-case names, and the object in the body, empty when it holds none."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]


def retry_after(answer: Answer, now: datetime, otherwise: timedelta) -> timedelta:
    """The wait in a Retry-After header (RFC 9110 section 10.2.3), a day at most."""
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) < 6:
        return min(timedelta(seconds=int(value)), LONGEST_WAIT)
    try:
        moment = email.utils.parsedate_to_datetime(value)
        wait = moment - now if moment.tzinfo else otherwise
    except (ValueError, OverflowError):
        return otherwise
    return min(max(wait, timedelta(0)), LONGEST_WAIT)
