"""Ids and passcodes that are printed in an invitation, read by their structure first and by words where that fails.

Labels are in every language and often damaged; the words here are a help, not the rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connector.meeting.host_ends import small
from connector.meeting.joinlink.label_words import MEETING_ID, PASSCODE

MOST_LABELS = 400
"""Colons in one stretch of text that are looked at."""

_LONGEST_LABEL = 64
_NEAR = 4_000
"""Characters in which a passcode without a colon is looked for."""

_OF_HOST = re.compile(r"\b(?:host|moderator|organi[sz]er|presenter|panelist)\b", re.IGNORECASE)
_OF_DEVICES = re.compile(r"phone|telefon|téléphon|teléfono|video|vidéo|numeric", re.IGNORECASE)
_NOT_THE_MEETING = re.compile(
    r"phone|telefon|téléph|teléf|puhelin|電話|电话|vtc|video|vidéo|tenant", re.IGNORECASE
)

_GROUPED = r"[0-9](?:[ \u00a0\u2009\u202f-]?[0-9]){5,19}"
_NUMBER = re.compile(rf"\s{{0,6}}(?P<value>{_GROUPED})")
_VALUE = re.compile(r"[*_\s]{0,6}(?P<value>[^\s<>]{1,64})")
_IN_BRACKETS = re.compile(r"\s{0,3}\((?P<value>[0-9]{4,12})\b")
_WITHOUT_COLON = re.compile(
    r"(?:[ \t]+(?:is|ist|är))?[ \t\n]{1,6}(?P<value>(?=[^\s<>:]{0,15}[0-9])[A-Za-z0-9]{4,16})(?=[\s.,]|\Z)"
)
_BELOW = re.compile(
    r"[^\S\n]*\n\s{0,8}[^\n:：<>@+]{1,40}[:：][^\S\n]{0,4}(?P<value>[A-Za-z0-9]{4,16})[^\S\n]*(?=\n|\Z)"
)
_BEHIND_ROOM = re.compile(
    rf"[^\S\n]*(?:\n\s{{0,12}})?[^\n:：<>@0-9]{{0,48}}[:：]\s{{0,6}}(?P<value>{_GROUPED})"
)
_SEPARATORS = str.maketrans("", "", " \u00a0\u2009\u202f-")
_TRIMMED = ".,;:*_'\"’”)(」』】》）（。，、；"


@dataclass(frozen=True, slots=True)
class Printed:
    """What the words beside a link say. ``digits`` is the first passcode that a device can dial."""

    meeting_id: str | None = None
    passcode: str | None = None
    digits: str | None = None


@dataclass(frozen=True, slots=True)
class _Label:
    """The words before a colon, in small letters, and where the colon ends."""

    words: str
    end: int


def printed(text: str, meeting_id: str | None) -> Printed:
    """Read the stretch of text that belongs to one meeting, whose id is known from its link or not."""
    labels = list(_labels(text))
    passcodes = [found for label in labels for found in _passcodes(text, label)]
    plain = [value for value, for_devices in passcodes if not for_devices] or [
        value for value, _ in passcodes
    ]
    known = meeting_id if meeting_id and meeting_id.isdigit() else None
    own = _first_id(text, labels) or (None if known else _above_a_code(text, labels))
    known = known or own
    if not plain and (value := _below_the_id(text, known) or _without_colon(text)):
        plain = [value]
    digits = [value for value, _ in passcodes if value.isdigit()] or [
        value for value in plain if value.isdigit()
    ]
    return Printed(own, plain[0] if plain else None, digits[0] if digits else None)


def _labels(text: str) -> Iterator[_Label]:
    """What stands before each colon, back to the one before or the beginning of the line."""
    before = 0
    for count, colon in enumerate(re.finditer("[:：]", text)):
        if count >= MOST_LABELS:
            return
        start = max(before, text.rfind("\n", before, colon.start()) + 1, colon.start() - _LONGEST_LABEL)
        before = colon.end()
        if not text.startswith("//", before):
            yield _Label(text[start : colon.start()].lower(), before)


def _passcodes(text: str, label: _Label) -> Iterator[tuple[str, bool]]:
    """Values labelled as passcode, and whether they are said to be for telephones and devices."""
    word = PASSCODE.search(label.words)
    found = _VALUE.match(text, label.end) if word and not _OF_HOST.search(label.words) else None
    value = found["value"].strip(_TRIMMED) if found else ""
    if (
        word is None
        or found is None
        or not value
        or "://" in value
        or "@" in value
        or _is_number(text, label)
    ):
        return
    yield value, bool(_OF_DEVICES.search(label.words, word.end()))
    if other := _IN_BRACKETS.match(text, found.end()):
        yield other["value"], True


def _is_number(text: str, label: _Label) -> bool:
    """The meeting's number, in groups, under a label that has "access code" in it in some language."""
    number = _NUMBER.match(text, label.end)
    return (
        number is not None
        and not number["value"].isdigit()
        and len(number["value"].translate(_SEPARATORS)) > 8
    )


def _first_id(text: str, labels: list[_Label]) -> str | None:
    for label in labels:
        if MEETING_ID.search(label.words) and not _NOT_THE_MEETING.search(label.words):
            number = _NUMBER.match(text, label.end)
            digits = number["value"].translate(_SEPARATORS) if number else ""
            if len(digits) > 8:
                return digits
    return None


def _above_a_code(text: str, labels: list[_Label]) -> str | None:
    """Digits in groups, with a code of letters and digits on the line below: an id and its passcode, in any language."""
    for label in labels:
        number = _NUMBER.match(text, label.end)
        below = _BELOW.match(text, number.end()) if number and _is_number(text, label) else None
        code = below["value"] if below else ""
        if number and code and not code.isdigit() and not code.isalpha():
            return number["value"].translate(_SEPARATORS)
    return None


def _below_the_id(text: str, meeting_id: str | None) -> str | None:
    """The value on the line below the one that ends in the link's own id: labels may be in any language or broken."""
    if not meeting_id:
        return None
    digits = re.compile(r"(?<![0-9])" + r"[ \u00a0\u2009\u202f-]?".join(meeting_id) + r"(?![0-9])")
    for found in digits.finditer(text):
        below = _BELOW.match(text, found.end())
        if below and _looks_like_a_code(below["value"]):
            return below["value"]
    return None


def _looks_like_a_code(value: str) -> bool:
    return any(letter.isdigit() for letter in value) or not (
        value.islower() or value.istitle() or value.isupper()
    )


def _without_colon(text: str) -> str | None:
    """A passcode right behind its word, as tables of HTML leave it."""
    for count, word in enumerate(PASSCODE.finditer(small(text[:_NEAR]))):
        if count >= MOST_LABELS:
            return None
        if found := _WITHOUT_COLON.match(text, word.end()):
            return found["value"]
    return None


def room_number(text: str, position: int) -> str | None:
    """The grouped digits with a label right behind a video address: the conference id a voice menu asks for."""
    found = _BEHIND_ROOM.match(text, position)
    return found["value"].translate(_SEPARATORS) if found else None
