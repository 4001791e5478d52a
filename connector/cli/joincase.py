"""One case of ``join test --jsonl``: what is asked, in the forms that tables of join links use, and the answer."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connector.meeting.joinlink import (
    Catalogue,
    Evidence,
    JoinRules,
    Passage,
    Place,
    dialled,
    find,
    of_google_event,
    of_icalendar,
)
from connector.meeting.joinlink.catalogue import OwnRule
from connector.meeting.joinlink.services import premises
from connector.model import JoinLink

FIELDS = ("service", "link", "sip", "meeting_id", "passcode", "rule")

NOTHING: Mapping[str, str | None] = dict.fromkeys(FIELDS)
"""The answer where there is no way in."""


class BadCase(Exception):
    """A line that is no case; the message says why."""


def answer(case: Any, rules: JoinRules) -> Mapping[str, str | None]:
    """The way in of one case ``{"kind", "input"}``. Raises BadCase."""
    if not isinstance(case, dict) or "input" not in case:
        raise BadCase('a case is an object with "kind" and "input"')
    kind, given = case.get("kind", "event"), case["input"]
    if isinstance(given, str) and kind not in _WORDS:
        given = {"ics": given} if kind == "ics" else {"body": given}
    if kind in _WORDS and isinstance(given, str):
        return _WORDS[kind](given, rules)
    if kind not in _FORMS or not isinstance(given, dict):
        raise BadCase(
            f"kind {kind} with such an input is not known; known are {', '.join(sorted({*_WORDS, *_FORMS}))}"
        )
    return _shown(find(_FORMS[kind](given), _with_its_own(given, rules, only=kind == "allowlist")).join)


def _shown(found: JoinLink | None) -> Mapping[str, str | None]:
    if found is None:
        return NOTHING
    link = found.url if "://" in found.url else None
    values = (found.service, link, found.sip, found.meeting_id, found.passcode, found.rule)
    return dict(zip(FIELDS, values, strict=True))


def _url(text: str, rules: JoinRules) -> Mapping[str, str | None]:
    """One address; a blank inside makes it none."""
    text = text.strip()
    if any(letter.isspace() for letter in text):
        return NOTHING
    return _shown(find((Passage(Place.URL, text, is_html=False),), rules, asked=True).join)


def _dial_string(text: str, rules: JoinRules) -> Mapping[str, str | None]:
    found = _url(text, rules) if "://" in text[:16] and not text.lower().startswith("sip") else NOTHING
    return found if found["service"] else _shown(dialled(text))


def _destination(text: str, rules: JoinRules) -> Mapping[str, str | None]:
    """What type of thing is dialled: an address counts as such, whosever it is."""
    if "://" in text:
        return _url(text, rules)
    found = dialled(text)
    if found is None:
        return NOTHING
    service = "tel" if found.service == "tel" else "sip"
    return {**_shown(found), "service": service, "link": text.strip()}


_WORDS: Mapping[str, Callable[[str, JoinRules], Mapping[str, str | None]]] = {
    "url": _url,
    "dial_string": _dial_string,
    "dest": _destination,
}


def _event(given: Mapping[str, Any]) -> Evidence:
    kind = str(given.get("body_type") or "").lower()
    is_html = {"html": True, "text": False}.get(kind)
    return (
        Passage(Place.CONFERENCE, _text(given, "conference_url"), is_html=False),
        Passage(Place.URL, _text(given, "url"), is_html=False),
        Passage(Place.LOCATION, _text(given, "location"), is_html=False),
        Passage(Place.BODY, _text(given, "body"), is_html=is_html),
        Passage(Place.SUBJECT, _text(given, "summary") or _text(given, "subject"), is_html=False),
    )


def _fields(given: Mapping[str, Any]) -> Evidence:
    fields = given.get("fields")
    listed = fields if isinstance(fields, list) else []
    return tuple(Passage(Place.LOCATION, str(field), is_html=False) for field in listed)


def _ics(given: Mapping[str, Any]) -> Evidence:
    lines = given.get("ics")
    return of_icalendar([str(line) for line in lines] if isinstance(lines, list) else str(lines or ""))


def _ics_text(given: Mapping[str, Any]) -> Evidence:
    return of_icalendar(f"DESCRIPTION:{_text(given, 'body')}")


_FORMS: Mapping[str, Callable[[Mapping[str, Any]], Evidence]] = {
    "event": _event,
    "sip": _event,
    "url": _event,
    "google_event": of_google_event,
    "ics": _ics,
    "ics_text": _ics_text,
    "allowlist": _fields,
}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _with_its_own(given: Mapping[str, Any], rules: JoinRules, *, only: bool) -> JoinRules:
    """The rules with what the case brings: ``known_domains`` of Jitsi servers and ``custom_regexes``."""
    domains = [str(domain) for domain in given.get("known_domains") or ()]
    patterns = tuple(
        compiled for each in given.get("custom_regexes") or () if (compiled := _compiled(str(each)))
    )
    own = [OwnRule(premises.jitsi(domains), "jitsi: known domain", 0)] if domains else []
    if only:
        return JoinRules(Catalogue(own, known=(), anywhere=()), rules.dialling)
    if not own and not patterns:
        return rules
    catalogue = rules.catalogue.extended(own) if own else rules.catalogue
    return replace(rules, catalogue=catalogue, patterns=rules.patterns + patterns)


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the case, or None when it is none: one bad pattern takes nothing from the others."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
