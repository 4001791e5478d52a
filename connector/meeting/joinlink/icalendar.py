"""What the content lines of an iCalendar event say (RFC 5545, RFC 7986), folded or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connector.meeting.joinlink.evidence import Evidence, Passage, Place
from connector.meeting.text import unescape_ics
from connector.meeting.weblink import percent_decoded

MOST_LINES = 20_000
"""Content lines that are read; the rest is left out."""

_FOLD = re.compile(r"\r?\n[ \t]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
_PARAMETER = re.compile(r';(?P<name>[A-Za-z0-9-]{1,64})=(?P<value>"[^"]*"|[^;:"]*(?:,"[^"]*")*)')
_HTML_DATA = re.compile(r"data:text/html[^,]{0,64},", re.IGNORECASE)
_OTHER_COMPONENTS = frozenset({"VALARM", "VTIMEZONE", "STANDARD", "DAYLIGHT"})

_STATED = frozenset({"X-MICROSOFT-SKYPETEAMSMEETINGURL", "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK"})
_PLACES = {
    "X-GOOGLE-CONFERENCE": Place.ADDED,
    "URL": Place.URL,
    "LOCATION": Place.LOCATION,
    "X-ALT-DESC": Place.BODY,
    "DESCRIPTION": Place.BODY,
    "COMMENT": Place.BODY,
    "SUMMARY": Place.SUBJECT,
}
_URIS = frozenset({"URL", "X-GOOGLE-CONFERENCE", *_STATED})


@dataclass(frozen=True, slots=True)
class Property:
    """One content line; names in upper case, the value as it stands there."""

    name: str
    parameters: dict[str, str]
    value: str


def of_icalendar(lines: str | Iterable[str]) -> Evidence:
    """The passages of an event. Alarms and time zones are left out; properties that are no way in are not looked at."""
    text = lines if isinstance(lines, str) else "\n".join(lines)
    passages = [passage for each in _event(_FOLD.sub("", text)) for passage in _passages(each)]
    return tuple(sorted(passages, key=_rank))


def _rank(passage: Passage) -> tuple[int, bool]:
    """By place; of the two writings of a description the HTML one first."""
    return -passage.place.weight, not passage.is_html


def _event(text: str) -> Iterator[Property]:
    inside_other = 0
    for line in text.split("\n", MOST_LINES)[:MOST_LINES]:
        parsed = _property(line.rstrip("\r"))
        if parsed is None:
            continue
        if parsed.name in {"BEGIN", "END"} and parsed.value.upper() in _OTHER_COMPONENTS:
            inside_other += 1 if parsed.name == "BEGIN" else -1
        elif inside_other <= 0:
            yield parsed


def _property(line: str) -> Property | None:
    """Name, parameters and value; quoted parameter values may hold colons."""
    name = _NAME.match(line)
    if name is None:
        return None
    position, parameters = name.end(), {}
    while found := _PARAMETER.match(line, position):
        parameters[found["name"].upper()] = found["value"].strip('"')
        position = found.end()
    return (
        Property(name[0].upper(), parameters, line[position + 1 :])
        if line[position : position + 1] == ":"
        else None
    )


def _passages(each: Property) -> Iterator[Passage]:
    if each.name == "CONFERENCE" or each.name in _STATED:
        yield Passage(Place.CONFERENCE, unescape_ics(each.value).strip(), is_html=False)
        return
    place = _PLACES.get(each.name)
    if place is None:
        return
    is_html = (
        True
        if "html" in each.parameters.get("FMTTYPE", "").lower()
        else None
        if place is Place.BODY
        else False
    )
    text = each.value if each.name in _URIS else unescape_ics(each.value)
    yield Passage(place, text, is_html=is_html)
    if page := _html_alternative(each):
        yield Passage(place, page, is_html=True)


def _html_alternative(each: Property) -> str | None:
    """The description as a page, where the line carries it in a ``data:`` address (ALTREP)."""
    alternative = each.parameters.get("ALTREP", "")
    found = _HTML_DATA.match(alternative)
    return percent_decoded(alternative[found.end() :]) if found and each.name == "DESCRIPTION" else None
