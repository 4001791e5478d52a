"""What the doctor is lent: instruments on one Exchange organisation and on the hub. Made by the composition root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from connector.doctor.sight import Place, Sight
from connector.errors import Verdict
from connector.model import Identity, Mailbox


@dataclass(frozen=True, slots=True)
class Build:
    """A server's own words about its version, 15.2 build 2562.17 for instance; all 0 when it did not say."""

    major: int = 0
    minor: int = 0
    build: int = 0
    revision: int = 0


class Instruments(Protocol):
    """Asks one organisation, a request at a time. Everything but ``look`` raises verdicts of connector.errors."""

    def look(self, place: Place) -> Sight:
        """See a place without logging on."""

    def identify(self, endpoint: str) -> Build:
        """Log on at an EWS address and ask for what needs no mailbox."""

    def locate(self, addresses: Sequence[str]) -> Mapping[str, Identity | Verdict]:
        """Ask Autodiscover, or the configuration, where the addresses live; opens no mailbox and raises nothing."""

    def open(self, mailbox: Mailbox) -> None:
        """Open the calendar of an activated mailbox, by impersonation."""

    def count(self, mailbox: Mailbox) -> int:
        """Meetings of the coming day of an activated mailbox; what they are is not asked."""

    def listen(self, mailbox: Mailbox) -> timedelta:
        """Subscribe, wait for the first document of the stream, give the subscription back; how long it took."""

    def refused_before(self) -> bool:
        """Whether the password was refused in an earlier run, so that it was not tried at all."""


class HubInstruments(Protocol):
    """Asks the hub."""

    def look(self, place: Place) -> Sight:
        """See a place without a credential."""

    def knock(self) -> None:
        """Send the credential with a request that changes nothing. Raises verdicts of connector.errors."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """One source as configured. ``patients`` are the activated mailboxes to look at, ``others`` more of them in reserve.

    ``url`` is the fixed EWS address, "" where Autodiscover finds it. ``secret`` is the name of the password. ``busy`` are
    servers that asked the running daemon for patience. ``room`` tells whether a mailbox is a room's.
    """

    name: str
    domains: tuple[str, ...]
    url: str
    auth: str
    user: str
    secret: str
    streams: bool
    patients: tuple[Mailbox, ...]
    others: tuple[Mailbox, ...] = ()
    busy: tuple[str, ...] = ()
    expiry_warning: timedelta = timedelta(days=30)
