"""Ways into a meeting as they are found, before one of them is chosen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from connector.meeting.joinlink.catalogue import Catalogue, Recognised
from connector.meeting.joinlink.evidence import Passage, Place
from connector.meeting.joinlink.rule import WEB, Category
from connector.meeting.joinlink.services import WORDS_ANYWHERE
from connector.meeting.joinlink.video import (
    VideoAddress,
    h323_addresses,
    phone_numbers,
    service_of,
    video_addresses,
)
from connector.meeting.scan import EVERYTHING, Interest, Scan, Span, inside_address
from connector.meeting.text import readable
from connector.meeting.unwrap import illegible, is_closed, rewrites, unwrap
from connector.meeting.weblink import WebLink, parse

MOST_LINKS = 500
"""Addresses of known services in one passage that are looked at."""

LONGEST = 2048
"""A join address longer than this is no address (and browsers cut it)."""

OTHER = "other"
"""The service of a link that nobody but the calendar or the administrator says is one."""

_TRACKING = re.compile(
    r"utm_\w+|usp|authuser|hs|source|src|ref|from|fbclid|gclid|_ga|anon|uname|browser|zc|deeplinkid"
)
_PUNCTUATION = ",;|)]'"
# A sign that may belong to an address but seldom does, or a letter of a script that is written without blanks.
_GLUED = re.compile(rf"[{re.escape(_PUNCTUATION)}\u2e80-\ud7ff\uf900-\ufaff\uff10-\uffdc]")
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
    """A video address found as such, or on a page that carries it."""

    address: str
    service: str | None
    rule: str
    place: Place
    passage: int
    start: int
    end: int
    explicit: bool
    numeric: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """One passage in readable words, with what was found in them."""

    number: int
    passage: Passage
    text: str
    links: tuple[Candidate, ...]
    rooms: tuple[Room, ...]
    phones: tuple[str, ...]
    h323: tuple[str, ...]
    illegible: tuple[str, ...]


def read(number: int, passage: Passage, catalogue: Catalogue, *, asked: bool = False) -> Reading:
    """Everything in a passage that may be a way in; ``asked`` also names services that are off by default."""
    text = readable(passage.text, is_html=passage.is_html)
    scan = Scan(text, interest(catalogue) if passage.place is Place.BODY else EVERYTHING)
    bare = scan.bare() if passage.place is Place.BODY else Scan(text, interest(catalogue)).bare()
    spans = sorted([*scan.spans, *bare], key=lambda span: span.start) if bare else scan.spans
    links: list[Candidate] = []
    rooms: list[Room] = []
    closed: list[str] = []
    for span in spans:
        if len(links) + len(rooms) >= MOST_LINKS:
            break
        address = unwrap(span.address)
        link = parse(address)
        if link is not None and (room := _room_on_page(link, number, passage, span, catalogue)):
            rooms.append(room)
        elif found := _first(address, number, passage, span, catalogue, asked=asked):
            links.append(found)
        elif illegible(address) is not None:
            closed.append(address)
    rooms += _rooms(text, number, passage)
    return Reading(
        number,
        passage,
        text,
        tuple(links),
        tuple(rooms),
        tuple(phone_numbers(text)),
        tuple(h323_addresses(text)),
        tuple(closed[:MOST_LINKS]),
    )


def interest(catalogue: Catalogue) -> Interest:
    """Addresses among words that are worth taking apart."""
    return Interest(
        lambda host: catalogue.knows(host) or rewrites(host) or is_closed(host),
        catalogue.paths,
        WORDS_ANYWHERE if catalogue.paths else (),
    )


def _first(
    address: str, number: int, passage: Passage, span: Span, catalogue: Catalogue, *, asked: bool
) -> Candidate | None:
    """The address as it stands, or without the words that stand behind it without a blank."""
    for each in _readings(address):
        link = parse(each)
        if link and (found := _recognised(link, number, passage, span, catalogue, asked=asked)):
            return found
    return None


def _readings(address: str) -> Iterator[str]:
    glued = _GLUED.search(address)
    if glued and glued[0] not in _PUNCTUATION:
        yield address[: glued.start()]
    yield address
    if glued and glued[0] in _PUNCTUATION:
        yield address[: glued.start()]


def _recognised(
    link: WebLink, number: int, passage: Passage, span: Span, catalogue: Catalogue, *, asked: bool
) -> Candidate | None:
    place = passage.place
    if len(link.text) > LONGEST:
        return None
    known = catalogue.recognise(link, deliberate=place.deliberate)
    if known is None:
        stated = place is Place.CONFERENCE and link.scheme in WEB and not catalogue.knows(link.host)
        return _stated(link, number, passage, span) if stated and illegible(link.text) is None else None
    if known.service.category is Category.ELSEWHERE and not asked:
        return None
    return Candidate(
        link.text,
        known.service.name,
        f"{known.rule}, in {place.words}",
        place,
        number,
        span.start,
        _key(link, known),
        known.service.category,
        known.found.meeting_id or passage.meeting_id,
        known.found.passcode,
        known.found.dial,
        known.service.number_dial,
        passage.passcode,
        known.found.weak,
    )


def _stated(link: WebLink, number: int, passage: Passage, span: Span) -> Candidate:
    """The calendar itself says that this is the way in; no need to know the service."""
    return Candidate(
        link.text,
        OTHER,
        f"stated by the calendar, in {passage.place.words}",
        passage.place,
        number,
        span.start,
        ("", canonical(link)),
        Category.MEETING,
        passage.meeting_id,
        stated_passcode=passage.passcode,
    )


def _key(link: WebLink, known: Recognised) -> tuple[str, ...]:
    meeting_id = known.found.meeting_id
    if not meeting_id:
        return ("", canonical(link))
    family = known.service.family
    return (family, meeting_id.lower()) if family else (known.service.name, link.host, meeting_id.lower())


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


def _room_on_page(
    link: WebLink, number: int, passage: Passage, span: Span, catalogue: Catalogue
) -> Room | None:
    page = catalogue.room_page(link)
    if page is None or page.found.dial is None:
        return None
    rule = f"{page.rule}, in {passage.place.words}"
    return Room(
        page.found.dial.lower(),
        page.service.name,
        rule,
        passage.place,
        number,
        span.start,
        span.end,
        explicit=False,
        numeric=True,
    )


def _rooms(text: str, number: int, passage: Passage) -> Iterator[Room]:
    for found in video_addresses(text):
        if not inside_address(text, found.start):
            yield _room(found, number, passage)


def _room(found: VideoAddress, number: int, passage: Passage) -> Room:
    how = "sip: address" if found.explicit else "video address"
    return Room(
        found.address,
        service_of(found.address) or found.service,
        f"{how}, in {passage.place.words}",
        passage.place,
        number,
        found.start,
        found.end,
        found.explicit,
        found.numeric,
    )
