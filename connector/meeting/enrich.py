"""What a meeting means beyond what the calendar says of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from connector.model import JoinLink, Meeting

LONGEST = 2048
"""A join address longer than this is no address (and browsers cut it)."""


def enrich(meeting: Meeting) -> Meeting:
    """With the way in that the calendar system itself states in a property, if there is one.

    Only properties count, best first; text is not searched for links.
    """
    link = next((found for url in meeting.online if (found := _stated(url))), None)
    return replace(meeting, link=link) if link else meeting


def _stated(url: str) -> JoinLink | None:
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host or len(url) > LONGEST:
        return None
    return JoinLink(url=url, service="other", rule="stated by the calendar")
