"""The video address of a meeting, for devices that can't open a web page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from connector.meeting.joinlink.candidate import Candidate, Room
from connector.meeting.joinlink.evidence import Place
from connector.meeting.joinlink.labels import Printed, room_number
from connector.meeting.joinlink.reading import Reading
from connector.meeting.weblink import parse, suffixes

_ZOOM = "zoomcrc.com"
_WEBEX_ROOMS = "m.webex.com"
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Dialling:
    """What only the site itself knows about calling out.

    ``zoom`` is False where neither side has the room connector licence that zoomcrc.com asks for. ``domains`` maps web
    hosts of meeting servers (Cisco Meeting Server, Pexip) to the domain of their video addresses.
    """

    zoom: bool = True
    domains: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


NOTHING_SAID = Dialling()
"""Where the configuration says nothing of it."""


def video_address(
    best: Candidate | None,
    rooms: Sequence[Room],
    readings: Sequence[Reading],
    printed: Printed,
    dialling: Dialling,
) -> str | None:
    """The address to dial: one that is stated, that of the same service first, else one that the link leads to.

    Never made up: a passcode is part of it only when it is printed, in digits.
    """
    service = best.service if best else None
    stated = min(rooms, key=lambda room: _order(room, service), default=None)
    if stated is not None and _belongs(stated, service):
        return _complete(stated, best, readings, rooms, printed)
    derived = _derived(best, printed, dialling) if best else None
    return derived or (stated.address if stated else None)


def _order(room: Room, service: str | None) -> tuple[bool, int, bool, bool, bool, int, int]:
    """Structured first, then the winner's own service, then ``sip:``, then digits, then as they come."""
    return (
        room.place is not Place.CONFERENCE,
        0 if room.service == service else 1 if room.service is None else 2,
        not room.complete,
        not room.numeric,
        not room.explicit,
        room.passage,
        room.start,
    )


def _belongs(room: Room, service: str | None) -> bool:
    """Not an address of another service that the invitation speaks of as well."""
    return (
        service is None or room.service in {service, None} or room.place is Place.CONFERENCE or room.explicit
    )


def _complete(
    room: Room,
    best: Candidate | None,
    readings: Sequence[Reading],
    rooms: Sequence[Room],
    printed: Printed,
) -> str:
    """The address with what is printed beside it: the passcode for Zoom, the conference id for Teams."""
    user, _, domain = room.address.partition("@")
    if domain == _ZOOM and best and user == best.meeting_id and printed.digits:
        return f"{user}.{printed.digits}@{domain}"
    if room.service == "teams" and not room.complete:
        return _teams(room, readings, rooms)
    return room.address


def _teams(room: Room, readings: Sequence[Reading], rooms: Sequence[Room]) -> str:
    """A tenant's key with the conference id, which stands behind it, or behind the same address as a link's words.

    Webex wants them the other way round.
    """
    user, _, domain = room.address.partition("@")
    text = next((reading.text for reading in readings if reading.number == room.passage), "")
    ends = [each.end for each in rooms if (each.passage, each.address) == (room.passage, room.address)]
    numbers = (room_number(text, end) for end in ends) if "." not in user else iter(())
    number = next(filter(None, numbers), None)
    if number is None:
        return room.address
    return f"{number}.{user}@{domain}" if domain == _WEBEX_ROOMS else f"{user}.{number}@{domain}"


def _derived(best: Candidate, printed: Printed, dialling: Dialling) -> str | None:
    if best.dial and best.dial.endswith(f"@{_ZOOM}"):
        return _zoom(best.dial, printed) if dialling.zoom else None
    if best.dial:
        return best.dial
    link = parse(best.url)
    host = link.host if link else ""
    number = printed.meeting_id or best.meeting_id
    if not (best.number_dial and number):
        return None
    if "{domain}" not in best.number_dial:
        return best.number_dial.format(number=number, host=host) if _DIGITS.fullmatch(number) else None
    domain = next((dialling.domains[each] for each in suffixes(host) if each in dialling.domains), None)
    return best.number_dial.format(number=number, domain=domain) if domain else None


def _zoom(address: str, printed: Printed) -> str:
    user, _, domain = address.partition("@")
    return f"{user}.{printed.digits}@{domain}" if printed.digits else address
