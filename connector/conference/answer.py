"""What a conference service answered, before anybody has made sense of it. Pure."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with lower-case names, and the object in the body, empty when it holds none."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]


def retry_after(answer: Answer, now: datetime, otherwise: timedelta) -> timedelta:
    """The wait in a Retry-After header (RFC 9110 section 10.2.3)."""
    value = answer.headers.get("retry-after", "")
    if value.isascii() and value.isdigit() and len(value) < 6:
        return timedelta(seconds=int(value))
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return otherwise
    return max(moment - now, timedelta(0)) if moment.tzinfo else otherwise
