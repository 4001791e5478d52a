"""One passage of an invitation read: every address in it that may be a way in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.meeting.joinlink.candidate import LONGEST, OTHER, Candidate, Room, canonical
from connector.meeting.joinlink.catalogue import Catalogue, Recognised
from connector.meeting.joinlink.evidence import Passage, Place
from connector.meeting.joinlink.rule import WEB, Category
from connector.meeting.joinlink.services import WORDS_ANYWHERE, premises
from connector.meeting.joinlink.video import (
    VideoAddress,
    h323_addresses,
    has_scheme,
    phone_numbers,
    service_of,
    video_addresses,
)
from connector.meeting.scan import EVERYTHING, Interest, Scan, Span, inside_address
from connector.meeting.text import readable
from connector.meeting.unwrap import illegible, is_closed, rewrites, unwrap
from connector.meeting.unwrap.wrappers import DOMAINS, HINTS
from connector.meeting.weblink import WebLink, parse

MOST_LINKS = 500
"""Addresses of known services in one passage that are looked at."""

_MEETING_SERVER = premises.meeting_server(())
_PUNCTUATION = ",;|)]'"
_LIST = re.compile(r"[;|](?![\w.%-]{1,64}=)")
"""What parts the entries of a list; behind a broken ``&amp;`` comes a parameter, which is part of the address."""

# A sign that may belong to an address but seldom does, or a letter of a script that is written without blanks.
_GLUED = re.compile(rf"[{re.escape(_PUNCTUATION)}\u2e80-\ud7ff\uf900-\ufaff\uff10-\uffdc]")


@dataclass(frozen=True, slots=True)
class Reading:
    """One passage in readable words, with what was found in them.

    ``phones`` and ``h323`` are looked for only where there is nothing better.
    """

    number: int
    passage: Passage
    text: str
    links: tuple[Candidate, ...]
    rooms: tuple[Room, ...]
    phones: tuple[str, ...]
    h323: tuple[str, ...]
    illegible: tuple[str, ...]


def interest(catalogue: Catalogue) -> Interest:
    """Addresses among words that are worth taking apart."""
    return Interest(
        lambda host: catalogue.knows(host) or rewrites(host) or is_closed(host),
        catalogue.paths,
        WORDS_ANYWHERE if catalogue.paths else (),
        catalogue.domains | DOMAINS,
        HINTS,
    )


def read(number: int, passage: Passage, catalogue: Catalogue, *, asked: bool = False) -> Reading:
    """Everything in a passage that may be a way in; ``asked`` also names services that are off by default."""
    return _Reader(number, passage, catalogue, asked=asked).read()


class _Reader:
    """Reads one passage; knows where it stands and by which rules."""

    def __init__(self, number: int, passage: Passage, catalogue: Catalogue, *, asked: bool) -> None:
        self._number = number
        self._passage = passage
        self._place = passage.place
        self._catalogue = catalogue
        self._asked = asked
        self._links: list[Candidate] = []
        self._rooms: list[Room] = []
        self._closed: list[str] = []

    def read(self) -> Reading:
        text = readable(self._passage.text, is_html=self._passage.is_html)
        for span in self._spans(text):
            if len(self._links) + len(self._rooms) + len(self._closed) >= MOST_LINKS:
                break
            self._note(unwrap(span.address), span)
        self._rooms += [
            self._room(each) for each in video_addresses(text) if not inside_address(text, each.start)
        ]
        dialled = not (self._links or self._rooms) and has_scheme(text)
        return Reading(
            self._number,
            self._passage,
            text,
            tuple(self._links),
            tuple(self._rooms),
            tuple(phone_numbers(text)) if dialled else (),
            tuple(h323_addresses(text)) if dialled else (),
            tuple(self._closed),
        )

    def _spans(self, text: str) -> list[Span]:
        """In a body addresses of hosts we know; elsewhere all that have a scheme, for the calendar may state any."""
        known = Scan(text, interest(self._catalogue))
        written = known if self._place is Place.BODY else Scan(text, EVERYTHING)
        return sorted([*written.spans, *known.bare()], key=lambda span: span.start)

    def _note(self, address: str, span: Span) -> None:
        link = parse(address)
        if link is not None and (room := self._on_page(link, span)):
            self._rooms.append(room)
        elif found := next(filter(None, (self._candidate(each, span) for each in _readings(address))), None):
            self._links.append(found)
        elif illegible(address) is not None:
            self._closed.append(address)

    def _candidate(self, address: str, span: Span) -> Candidate | None:
        link = parse(address) if len(address) <= LONGEST else None
        if link is None:
            return None
        known = self._catalogue.recognise(link, deliberate=self._place.deliberate)
        if known is None:
            return self._stated(link, span) if self._may_be_stated(link) else None
        if known.service.category is Category.ELSEWHERE and not self._asked:
            return None
        return self._of_service(link, known, span)

    def _of_service(self, link: WebLink, known: Recognised, span: Span) -> Candidate:
        service, found = known.service, known.found
        return Candidate(
            url=link.text,
            service=service.name,
            rule=f"{known.rule}, in {self._place.words}",
            place=self._place,
            passage=self._number,
            start=span.start,
            key=_key(link, known),
            category=service.category,
            meeting_id=found.meeting_id or self._passage.meeting_id,
            passcode=found.passcode,
            dial=found.dial,
            number_dial=service.number_dial,
            stated_passcode=self._passage.passcode,
            weak=found.weak,
        )

    def _may_be_stated(self, link: WebLink) -> bool:
        """Conference data may lead to a service nobody knows, but not to just any page of one that we do."""
        known = link.scheme not in WEB or self._catalogue.knows(link.host) or is_closed(link.host)
        return self._place is Place.CONFERENCE and not known

    def _stated(self, link: WebLink, span: Span) -> Candidate:
        return Candidate(
            url=link.text,
            service=OTHER,
            rule=f"stated by the calendar, in {self._place.words}",
            place=self._place,
            passage=self._number,
            start=span.start,
            key=("", canonical(link)),
            category=Category.MEETING,
            meeting_id=self._passage.meeting_id,
            stated_passcode=self._passage.passcode,
        )

    def _on_page(self, link: WebLink, span: Span) -> Room | None:
        page = self._catalogue.room_page(link)
        if page is None or page.found.dial is None:
            return None
        return Room(
            address=page.found.dial.lower(),
            service=page.service.name,
            rule=f"{page.rule}, in {self._place.words}",
            place=self._place,
            passage=self._number,
            start=span.start,
            end=span.end,
            explicit=False,
            numeric=True,
            complete=True,
        )

    def _room(self, found: VideoAddress) -> Room:
        how = "sip: address" if found.explicit else "video address"
        return Room(
            address=found.address,
            service=service_of(found.address),
            rule=f"{how}, in {self._place.words}",
            place=self._place,
            passage=self._number,
            start=found.start,
            end=found.end,
            explicit=found.explicit,
            numeric=found.numeric,
            complete=False,
        )


def by_number(reading: Reading) -> Iterator[Candidate]:
    """Links that look like those of a Cisco Meeting Server, whatever their host."""
    for span in Scan(reading.text).spans[:MOST_LINKS]:
        link = parse(unwrap(span.address))
        found = _MEETING_SERVER.read(link, deliberate=True) if link else None
        if link is not None and found is not None:
            yield Candidate(
                url=link.text,
                service=_MEETING_SERVER.name,
                rule=f"{_MEETING_SERVER.name}: number of the video address, in {reading.passage.place.words}",
                place=reading.passage.place,
                passage=reading.number,
                start=span.start,
                key=("", canonical(link)),
                category=Category.MEETING,
                meeting_id=found.meeting_id,
            )


def _readings(address: str) -> Iterator[str]:
    """The address as it stands, and without the words that stand behind it without a blank."""
    entry = _LIST.search(address)
    if entry and "#" not in address and 0 < address.find("?") < entry.start():
        yield address[: entry.start()]
    glued = _GLUED.search(address)
    if glued and glued[0] not in _PUNCTUATION:
        yield address[: glued.start()]
    yield address
    if glued and glued[0] in _PUNCTUATION:
        yield address[: glued.start()]


def _key(link: WebLink, known: Recognised) -> tuple[str, ...]:
    """Equal for addresses of one meeting: by its id where ids are the service's own, else by host or address."""
    meeting_id = known.found.meeting_id
    if not meeting_id:
        return ("", canonical(link))
    family = known.service.family
    return (family, meeting_id.lower()) if family else (known.service.name, link.host, meeting_id.lower())
