"""From what an invitation says to the way in: candidates from every place, ranked, the best one completed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from connector.meeting.joinlink.candidate import LONGEST, OTHER, Candidate, Room, canonical
from connector.meeting.joinlink.catalogue import Catalogue
from connector.meeting.joinlink.dialling import NOTHING_SAID, Dialling, video_address
from connector.meeting.joinlink.evidence import Evidence, Place
from connector.meeting.joinlink.labels import Printed, printed
from connector.meeting.joinlink.rank import ranked
from connector.meeting.joinlink.reading import Reading, by_number, read
from connector.meeting.joinlink.rule import Category
from connector.meeting.weblink import parse
from connector.model import JoinLink

_BEFORE, _AFTER = 3_000, 8_000
"""Characters around a link in which its id and passcode may be printed."""

_LONGEST_LINE = 1_024
_TEAMS = "teams"


@dataclass(frozen=True, slots=True)
class Finding:
    """All that was found: ``links`` and ``rooms`` best first, and the way in made of them.

    ``illegible`` are rewritten links that hide where they lead. ``join.url`` is a web address if there is one, else
    ``sip:``, ``h323:`` or ``tel:`` and what to dial.
    """

    links: tuple[Candidate, ...]
    rooms: tuple[Room, ...]
    illegible: tuple[str, ...]
    join: JoinLink | None


@dataclass(frozen=True, slots=True)
class JoinRules:
    """Everything that finding goes by. ``patterns`` are looked for in text and rank below all else."""

    catalogue: Catalogue
    dialling: Dialling = NOTHING_SAID
    patterns: tuple[re.Pattern[str], ...] = ()


def find(evidence: Evidence, rules: JoinRules, *, asked: bool = False) -> Finding:
    """The ways into a meeting. ``asked`` names services that no event's link is picked from, too."""
    readings = [
        read(number, passage, rules.catalogue, asked=asked) for number, passage in enumerate(evidence)
    ]
    found = [link for reading in readings for link in reading.links]
    found += [link for reading in readings for link in _by_patterns(reading, rules.patterns)]
    rooms = tuple(room for reading in readings for room in reading.rooms)
    links = ranked(found) or ranked(_confirmed(readings, rooms))
    best = links[0] if links else None
    words = _with_stated(_printed(best, readings), best) if best or rooms else Printed()
    sip = video_address(best, rooms, readings, words, rules.dialling)
    join = _join(best, words, sip) if best else _without_link(sip, rooms, readings, words)
    return Finding(links, rooms, tuple(one for reading in readings for one in reading.illegible), join)


def _join(best: Candidate, words: Printed, sip: str | None) -> JoinLink:
    known = best.meeting_id
    is_thread = known is not None and known.startswith("19:")
    return JoinLink(
        url=best.url,
        service=best.service,
        rule=best.rule,
        sip=sip,
        meeting_id=words.meeting_id or known if is_thread else known or words.meeting_id,
        passcode=best.stated_passcode or words.passcode or best.passcode,
    )


def _without_link(
    sip: str | None, rooms: Sequence[Room], readings: Sequence[Reading], words: Printed
) -> JoinLink | None:
    if sip is not None:
        user = sip.partition("@")[0]
        room = next((each for each in rooms if each.address.partition("@")[0] in user), rooms[0])
        return JoinLink(f"sip:{sip}", room.service or "sip", room.rule, sip, words.meeting_id, words.passcode)
    for reading in readings:
        where = reading.passage.place.words
        if reading.h323:
            return JoinLink(f"h323:{reading.h323[0]}", "h323", f"h323: address, in {where}")
        if reading.phones:
            return JoinLink(f"tel:{reading.phones[0]}", "tel", f"telephone number, in {where}")
    return None


def _printed(best: Candidate | None, readings: Sequence[Reading]) -> Printed:
    """What the words say that stand with the best link, or all words where there is no link."""
    for reading in sorted(readings, key=lambda one: one.passage.place is not Place.BODY):
        text = _belonging(best, reading)
        if text and (words := printed(text, best.meeting_id if best else None)) != Printed():
            return words
    return Printed()


def _with_stated(words: Printed, best: Candidate | None) -> Printed:
    """A passcode that the calendar states in a field of its own can be dialled if it is digits."""
    stated = best.stated_passcode if best else None
    return replace(words, digits=stated) if stated and stated.isdigit() else words


def _belonging(best: Candidate | None, reading: Reading) -> str:
    """The stretch of a passage that speaks of the best link's meeting."""
    if reading.passage.place not in {Place.BODY, Place.LOCATION, Place.CONFERENCE}:
        return ""
    own = [link.start for link in reading.links if best and _same(link, best)]
    others = [link.start for link in reading.links if best and not _same(link, best)]
    if not own:
        return reading.text[:_AFTER] if not others else ""
    first, last = own[0], own[-1]
    low = max([first - _BEFORE, 0, *(start for start in others if start < first)])
    high = min([last + _AFTER, *(start for start in others if start > last)])
    return reading.text[first:high] + "\n" + reading.text[low:first]


def _same(link: Candidate, best: Candidate) -> bool:
    """Links of one block: a Teams invitation carries two addresses of its meeting that have nothing in common."""
    if link.category is not Category.MEETING:
        return True
    return link.key == best.key or (link.service == best.service == _TEAMS)


def _confirmed(readings: Iterable[Reading], rooms: Sequence[Room]) -> list[Candidate]:
    """Links of a meeting server nobody told us of, if their number is that of a video address beside them."""
    users = {room.address.partition("@")[0] for room in rooms if room.numeric}
    return [link for reading in readings if users for link in by_number(reading) if link.meeting_id in users]


def _by_patterns(reading: Reading, patterns: Iterable[re.Pattern[str]]) -> list[Candidate]:
    found = []
    for pattern in patterns:
        for line in reading.text.split("\n"):
            match = pattern.search(line[:_LONGEST_LINE])
            link = parse(match[0]) if match and len(match[0]) <= LONGEST else None
            if link is not None:
                found.append(_of_pattern(link.text, canonical(link), reading))
    return found


def _of_pattern(url: str, key: str, reading: Reading) -> Candidate:
    return Candidate(
        url,
        OTHER,
        f"own pattern, in {reading.passage.place.words}",
        reading.passage.place,
        reading.number,
        0,
        ("", key),
        Category.MEETING,
        own_pattern=True,
    )
