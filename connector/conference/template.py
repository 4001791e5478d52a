"""Fixed join details for each person: a personal room or one address for all, by templates. No server is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from jinja2 import Template

from connector.conference import words
from connector.conference.people import CsvPeople
from connector.conference.settings import TemplateSettings
from connector.errors import Refused
from connector.model import Conference, ConferenceOrder, JoinDetails, Kind, Person, Phone

PARTS = ("sip", "h323", "meeting_id", "passcode", "access_code", "video_passcode")

Lookup = Callable[[str, Sequence[str]], Mapping[str, str]]
"""Attributes of the person with this address, by these names as far as there are any. Raises verdicts."""

_VIDEO_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+|[0-9A-Fa-f.:]+")


class TemplateRooms:
    """``connector.conference.base.Provider``: the same person always gets the same details."""

    tagged = True

    def __init__(self, name: str, settings: TemplateSettings, directory: Lookup | None = None) -> None:
        """``directory`` is asked where there is no CSV; without either the attributes are those of the order."""
        self.name = name
        self._directory = directory
        sources = [getattr(settings, part) for part in ("link", *PARTS)] + [*settings.phones.values()]
        self._needed = sorted({name for source in sources for name in words.attributes_in(source)})
        self._people = CsvPeople(settings.people) if settings.people else None
        self._link = words.link(settings.link)
        self._parts = {part: words.text(source) for part in PARTS if (source := getattr(settings, part))}
        self._phones = {place: words.text(number) for place, number in settings.phones.items()}

    def make(self, order: ConferenceOrder) -> Conference:
        """Raises Refused where an attribute is missing or what comes out is no address."""
        names = self._names(order.organizer)
        url = words.fill(self._link, names)
        if not _is_web_address(url):
            raise Refused("conference-link-invalid", "the template gives no https address")
        return Conference(Kind.PERSONAL, self._details(url, names))

    def find(self, order: ConferenceOrder) -> Conference | None:
        """Nothing has to be kept to know it again."""
        return self.make(order)

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:
        """What is personal knows no time."""
        del conference
        return self.make(order)

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """Nothing was made."""

    def close(self) -> None:
        """Nothing is open."""

    def _names(self, person: Person) -> Mapping[str, object]:
        attributes = self._attributes(person)
        return {
            "directory": words.Attributes(attributes),
            "organizer": words.Attributes(words.person(person)),
        }

    def _attributes(self, person: Person) -> Mapping[str, str]:
        if self._people:
            return self._people.attributes(person.address)
        if self._directory and self._needed:
            return self._directory(person.address, self._needed)
        return person.directory

    def _details(self, url: str, names: Mapping[str, object]) -> JoinDetails:
        parts = {part: words.fill(template, names) for part, template in self._parts.items()}
        for part in ("sip", "h323"):
            if part in parts and not _VIDEO_ADDRESS.fullmatch(parts[part].removeprefix(f"{part}:")):
                raise Refused("conference-link-invalid", f"{part} is no video address")
        return JoinDetails(url=url, phones=tuple(_phones(self._phones, names)), **parts)


def _phones(numbers: Mapping[str, Template], names: Mapping[str, object]) -> Iterator[Phone]:
    for place, number in numbers.items():
        yield Phone(words.fill(number, names), place)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and " " not in url
