"""The doctor's instruments on a Google tenant, made of the adapter itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from connector.app.google import settings_of
from connector.app.ground import Ground
from connector.config.sources import GoogleSource as Section
from connector.doctor import google, network
from connector.doctor.findings import Finding
from connector.doctor.sight import Place, Sight
from connector.errors import Verdict
from connector.model import Mailbox
from connector.source.google import keyfile
from connector.source.google.authentication import CALENDAR, Tokens
from connector.source.google.federation import subject_token
from connector.source.google.keyfile import Federation
from connector.source.google.push import Route
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Wire
from connector.tls import trusting


class GoogleTools:
    """``connector.doctor.google.GoogleInstruments``; to be closed."""

    def __init__(self, name: str, section: Section, ground: Ground) -> None:
        """Raises ConfigError for a CA file that can't be used."""
        self._name = name
        self._ground = ground
        self._settings = settings_of(name, section, ground.loaded.config, ground.keystore, ground.store)
        self._wire = Wire(self._settings)
        tokens = Tokens(self._settings, self._wire, ground.clock)
        self._source = GoogleSource(self._settings, self._wire, tokens, ground.clock)
        routes = {host: _dial(target) for host, target in self._settings.resolve.items()}
        self._way = network.Way(
            trusting(self._settings.ca, setting=f"sources.{self._settings.name}.ca"), routes
        )

    def close(self) -> None:
        """Give every connection up."""
        self._source.close()

    def look(self, place: Place) -> Sight:
        """See a place without a token."""
        return network.look(place, self._way, self._ground.clock)

    def keys(self) -> Mapping[str, str]:
        """Each secret, with "" or what is wrong with its content."""
        return {key.name: _fault(key.content()) for key in self._settings.keys}

    def grant(self, secret: str, mailbox: Mailbox) -> None:
        """A token made with one key, and thrown away."""
        alone = replace(self._settings, keys=tuple(one for one in self._settings.keys if one.name == secret))
        Tokens(alone, self._wire, self._ground.clock).bearer(self._source.subject(mailbox), CALENDAR)

    def federated(self) -> bool:
        """Whether a secret stands for a key at Google."""
        return any(_is_federation(key.content()) for key in self._settings.keys)

    def calendar(self, mailbox: Mailbox) -> str:
        """One event of the calendar at most, and of it nothing but the role."""
        return self._source.role(mailbox)

    def mail(self, mailbox: Mailbox) -> None:
        """The vacation settings."""
        self._source.services.vacation(mailbox)

    def streamed(self) -> int:
        """Living channels, as the daemon keeps them."""
        now = self._ground.clock()
        return sum(Route.of(one).ends > now for one in self._ground.store.subscriptions(self._name))


def examine(
    ground: Ground, name: str, section: Section, patients: Sequence[Mailbox], sights: list[Sight]
) -> Iterator[Finding]:
    """Every check of one tenant."""
    tools = GoogleTools(name, section, ground)
    warning = ground.loaded.config.alarms.expiry_warning
    hosts = (*google.HOSTS, *google.FEDERATION_HOSTS) if tools.federated() else google.HOSTS
    tenant = google.Tenant(name, section.domains, section.push, tuple(patients), warning, hosts)
    try:
        yield from google.examine(tenant, tools, ground.clock(), sights)
    finally:
        tools.close()


def _fault(content: str) -> str:
    try:
        found = keyfile.read(content)
        if isinstance(found, Federation):
            subject_token(found)
    except Verdict as verdict:
        return verdict.code
    return ""


def _is_federation(content: str) -> bool:
    try:
        return isinstance(keyfile.read(content), Federation)
    except Verdict:
        return False


def _dial(target: str) -> tuple[str, int]:
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)
