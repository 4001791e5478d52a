"""How a service's addresses are told: a service is hosts and shapes, a shape is what path and query look like.

Adding a service is one ``Service`` in one of the files of ``services`` and a line in the table of tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

from connector.meeting.joinlink.pages import is_asset, is_page
from connector.meeting.weblink import WebLink

_NAMES = re.compile(r"\{(\w+)\}")
_DIALLABLE = re.compile(r"[^\s<>\"@\x00-\x1f\x7f]{1,250}(?:@[\w.-]{1,253})?")
WEB = frozenset({"http", "https"})


class Category(Enum):
    """What somebody who opens the link gets."""

    MEETING = "meeting"
    WEBINAR = "webinar"  # also recordings and broadcasts: a meeting's link beats it
    ELSEWHERE = "elsewhere"  # not for meetings; recognised when asked about, never picked out of an event


@dataclass(frozen=True, slots=True)
class Found:
    """What a shape read out of an address. ``dial`` is the video address it leads to."""

    shape: str
    meeting_id: str | None = None
    passcode: str | None = None
    dial: str | None = None
    weak: bool = False


class Recognises(Protocol):
    """A way to tell an address of a service whose host is known already."""

    def read(self, link: WebLink, *, deliberate: bool) -> Found | None:
        """What the address says; ``deliberate`` when it stands where only a link is put, not among other words."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A path, and what query, fragment and host must hold besides.

    Named groups of any part: ``id``, ``passcode``, and whatever ``dial`` uses; ``{host}`` is the host.
    ``passcode`` names the query parameters that may carry one. ``loose`` patterns match any word, so the pages that
    every site has are taken out. ``weak`` ones give way to any other; ``deliberate`` ones are not looked for in text.
    """

    name: str
    path: re.Pattern[str]
    query: Mapping[str, re.Pattern[str]] = field(default_factory=lambda: MappingProxyType({}))
    fragment: re.Pattern[str] | None = None
    host: re.Pattern[str] | None = None
    passcode: tuple[str, ...] = ()
    dial: str | None = None
    loose: bool = False
    weak: bool = False
    deliberate: bool = False

    def read(self, link: WebLink, *, deliberate: bool) -> Found | None:
        """What the address says, or None when it does not look like this."""
        if self.deliberate and not deliberate:
            return None
        groups = self._groups(link)
        if groups is None or is_asset(link.path) or (self.loose and is_page(link.path)):
            return None
        passcode = groups.get("passcode") or self._parameter(link)
        return Found(self.name, _id(groups), passcode, self._dialled(groups), self.weak)

    def _groups(self, link: WebLink) -> dict[str, str] | None:
        groups = {"host": link.host}
        parts = [(self.path, link.path), (self.host, link.host), (self.fragment, link.fragment)]
        if self.query:
            parameters = link.parameters()
            parts += [(pattern, parameters.get(name, "")) for name, pattern in self.query.items()]
        for pattern, text in parts:
            match = pattern.fullmatch(text) if pattern else None
            if pattern and not match:
                return None
            if match:
                groups |= {name: value for name, value in match.groupdict().items() if value}
        return groups

    def _parameter(self, link: WebLink) -> str | None:
        parameters = link.parameters() if self.passcode and link.query else {}
        return next((value for name in self.passcode if (value := parameters.get(name))), None)

    def _dialled(self, groups: Mapping[str, str]) -> str | None:
        return (
            filled(self.dial, {name: unquote(value) for name, value in groups.items()}) if self.dial else None
        )


def filled(template: str, groups: Mapping[str, str]) -> str | None:
    """A dial template with {NAME} replaced; None where a group is missing or the result is nothing to dial."""
    if any(not groups.get(name) for name in _NAMES.findall(template)):
        return None
    address = _NAMES.sub(lambda found: groups[found[1]], template)
    return address if _DIALLABLE.fullmatch(address) else None


def _id(groups: Mapping[str, str]) -> str | None:
    """The id; a thread of Teams is told by its name, percent-encoded or not."""
    thread = unquote(groups.get("thread", ""))
    return groups.get("id") or (thread if thread.startswith("19:") else None)


def shape(
    name: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    fragment: str | None = None,
    host: str | None = None,
    passcode: str | tuple[str, ...] = (),
    dial: str | None = None,
    loose: bool = False,
    weak: bool = False,
    deliberate: bool = False,
) -> Shape:
    """A shape from pattern texts, each of which must match its whole part; letters of any case, slash at the end."""
    return Shape(
        name,
        _compiled(f"(?:{path})/?"),
        MappingProxyType({key: _compiled(value) for key, value in (query or {}).items()}),
        _compiled(fragment) if fragment else None,
        _compiled(host) if host else None,
        (passcode,) if isinstance(passcode, str) else passcode,
        dial,
        loose,
        weak,
        deliberate,
    )


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


ROOM = r"/(?P<room>[^/]+)"
"""One word of the path: the room's name."""

ANYTHING = r"/[^/].*"
"""Any path but the home page."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its name in JoinLink.service.

    ``hosts`` are domains; hosts below them count too unless ``exact``. ``family`` joins services whose ids mean the
    same meeting. ``number_dial`` makes a video address of a number that only the words of the invitation tell.
    ``strict_port`` refuses other ports than the web's own: a cloud service has no others.
    """

    name: str
    hosts: tuple[str, ...]
    shapes: tuple[Recognises, ...]
    exact: bool = False
    not_hosts: frozenset[str] = frozenset()
    category: Category = Category.MEETING
    schemes: frozenset[str] = WEB
    family: str = ""
    number_dial: str | None = None
    strict_port: bool = True

    def read(self, link: WebLink, *, deliberate: bool) -> Found | None:
        """What the first shape that fits reads out of the address."""
        if link.scheme not in self.schemes or link.host in self.not_hosts:
            return None
        if self.strict_port and link.port not in {"", "80", "443"}:
            return None
        readings = (each.read(link, deliberate=deliberate) for each in self.shapes)
        return next((found for found in readings if found), None)
