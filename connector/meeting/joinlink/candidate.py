"""Ways into a meeting as they are found, before one of them is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from connector.meeting.joinlink.evidence import Place
from connector.meeting.joinlink.rule import Category
from connector.meeting.weblink import WebLink

LONGEST = 2048
"""A join address longer than this is no address (and browsers cut it)."""

OTHER = "other"
"""The service of a link that nobody but the calendar or the administrator says is one."""

_TRACKING = re.compile(
    r"utm_\w+|usp|authuser|hs|source|src|ref|from|fbclid|gclid|_ga|anon|uname|browser|zc|deeplinkid"
)
_SAME_DOMAIN = {"zoom.com": "zoom.us"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that leads into a meeting. ``key`` is equal for addresses of the same meeting.

    ``start`` counts in the readable words of the passage with number ``passage``.
    """

    url: str
    service: str
    rule: str
    place: Place
    passage: int
    start: int
    key: tuple[str, ...]
    category: Category
    meeting_id: str | None = None
    passcode: str | None = None
    dial: str | None = None
    number_dial: str | None = None
    stated_passcode: str | None = None
    weak: bool = False
    own_pattern: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A video address found as such, or (``complete``) in the address of a page that carries all of it."""

    address: str
    service: str | None
    rule: str
    place: Place
    passage: int
    start: int
    end: int
    explicit: bool
    numeric: bool
    complete: bool


def canonical(link: WebLink) -> str:
    """An address for comparing: https, the service's main domain, no parameters that only follow people around."""
    host = link.host
    for domain, main in _SAME_DOMAIN.items():
        if host == domain or host.endswith(f".{domain}"):
            host = host.removesuffix(domain) + main
    kept = [
        pair
        for pair in link.query.split("&")
        if pair and not _TRACKING.fullmatch(unquote(pair.partition("=")[0]).lower())
    ]
    query = f"?{'&'.join(kept)}" if kept else ""
    fragment = f"#{link.fragment}" if link.fragment else ""
    return f"https://{host}{link.path.rstrip('/')}{query}{fragment}"
