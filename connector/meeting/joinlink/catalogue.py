"""Every rule in force, found by host: the administrators' before our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.meeting.joinlink import services
from connector.meeting.joinlink.rule import Found, Service
from connector.meeting.weblink import WebLink, suffixes


@dataclass(frozen=True, slots=True)
class Recognised:
    """An address of a service we know; ``rule`` says by what, for people."""

    service: Service
    found: Found
    rule: str


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule of an administrator as a service of its own; ``rule`` is its place in the configuration."""

    service: Service
    rule: str
    priority: int


Index = Mapping[str, tuple[Service, ...]]


class Catalogue:
    """The services by domain. Made once for a configuration; holds no state."""

    def __init__(
        self,
        own: Iterable[OwnRule] = (),
        known: tuple[Service, ...] = services.SERVICES,
        anywhere: tuple[Service, ...] = services.ANYWHERE,
    ) -> None:
        self._parts = (tuple(own), known, anywhere)
        ordered = sorted(self._parts[0], key=lambda rule: rule.priority)
        self._rules = {id(rule.service): rule.rule for rule in ordered}
        self._own = _index(rule.service for rule in ordered)
        self._known = _index(known)
        self._anywhere = anywhere
        self._pages = _index(services.ROOM_PAGES)
        self.paths = services.PATHS_ANYWHERE if anywhere else None
        hosts = (*self._own, *self._known, *self._pages)
        self.domains = frozenset(hosts)

    def extended(self, own: Iterable[OwnRule]) -> Catalogue:
        """The same with further rules of administrators."""
        before, known, anywhere = self._parts
        return Catalogue((*before, *own), known, anywhere)

    def knows(self, host: str) -> bool:
        """Whether a rule speaks of this host."""
        return any(
            domain in self._known or domain in self._own or domain in self._pages for domain in suffixes(host)
        )

    def recognise(self, link: WebLink, *, deliberate: bool) -> Recognised | None:
        """The service whose meeting the address leads to; an administrator's rule speaks first."""
        for index in (self._own, self._known):
            for service in _of_host(index, link.host):
                if found := service.read(link, deliberate=deliberate):
                    return Recognised(service, found, self._named(service, found))
        return None if self.knows(link.host) else self._by_form(self._anywhere, link)

    def room_page(self, link: WebLink) -> Recognised | None:
        """A page that carries the video address of a meeting and is no way in by itself."""
        for service in _of_host(self._pages, link.host):
            if found := service.read(link, deliberate=True):
                return Recognised(service, found, self._named(service, found))
        return self._by_form(services.ROOM_PAGES_ANYWHERE, link)

    def _by_form(self, among: Iterable[Service], link: WebLink) -> Recognised | None:
        for service in among:
            if found := service.read(link, deliberate=True):
                return Recognised(service, found, self._named(service, found))
        return None

    def _named(self, service: Service, found: Found) -> str:
        return self._rules.get(id(service)) or f"{service.name}: {found.shape}"


def _index(services_: Iterable[Service]) -> Index:
    index: dict[str, tuple[Service, ...]] = {}
    for service in services_:
        for host in service.hosts:
            index[host] = (*index.get(host, ()), service)
    return index


def _of_host(index: Index, host: str) -> Iterable[Service]:
    for domain in suffixes(host):
        for service in index.get(domain, ()):
            if domain == host or not service.exact:
                yield service
