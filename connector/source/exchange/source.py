"""Exchange as a Source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from connector.errors import AccessDenied, Transient, Verdict
from connector.model import (
    Applied,
    Availability,
    Delta,
    Expansion,
    Identity,
    Mailbox,
    Presence,
    WholeItem,
    Window,
    Write,
)
from connector.source.exchange import delta, payloads, presence, whole
from connector.source.exchange.expand import Expander
from connector.source.exchange.mailtips import MailTips
from connector.source.exchange.services import Services
from connector.source.exchange.transport import Exchange
from connector.source.exchange.write import apply


class Whereabouts(Protocol):
    """What the source needs of Autodiscover (or of a fixed address)."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Where the addresses live."""

    def endpoint(self, mailbox: Mailbox) -> str:
        """The EWS address that serves a mailbox. Raises Verdict."""


class ExchangeSource:
    """One Exchange organisation; satisfies ``connector.source.base.Source``."""

    quick_adds = False

    def __init__(self, exchange: Exchange, whereabouts: Whereabouts) -> None:
        self.name = exchange.settings.name
        self._exchange = exchange
        self._whereabouts = whereabouts
        self._services = Services(exchange, whereabouts.endpoint)
        self._mail_tips = MailTips(self._services)

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Where the addresses live, at most 100 in one call, without opening a mailbox."""
        return self._whereabouts.locate(addresses)

    def probe(self, mailbox: Mailbox) -> Identity:
        """Open the calendar once, named by primary address: an alias is answered with ``alias-address``.

        The detail of that verdict is the primary address. Two requests: the calendar folder, and ConvertId of its id.
        """
        message = self._services.one(mailbox, payloads.get_folder(), by_primary=True)
        folder_id = next(message.iterfind(".//{*}FolderId"), None)
        if message.find("{*}Folders/{*}CalendarFolder") is None or folder_id is None:
            raise AccessDenied("no-calendar", mailbox.address)
        converted = self._services.one(mailbox, payloads.convert_id(folder_id.get("Id", ""), mailbox.address))
        if converted.find("{*}AlternateId") is None:
            raise Transient("bad-answer", "ConvertId without an id")
        return Identity(mailbox.address, mailbox.stable_id, mailbox.location)

    def delta(self, mailbox: Mailbox, cursor: str | None) -> Delta:
        """One page of changes since ``cursor``."""
        return delta.delta(self._services, mailbox, cursor)

    def expand(self, mailbox: Mailbox, dirty: Sequence[str], window: Window) -> Expansion:
        """What the dirty items are now."""
        return Expander(self._services, mailbox, window).dirty(dirty)

    def view(self, mailbox: Mailbox, window: Window) -> Expansion:
        """Every occurrence inside ``window``."""
        return Expander(self._services, mailbox, window).everything()

    def presence(self, mailbox: Mailbox) -> Presence:
        """The owner's out-of-office state."""
        return presence.presence(self._services, mailbox)

    def absences(self, mailboxes: Sequence[Mailbox]) -> dict[str, str | None]:
        """Marks of absence of the first mailboxes, as many as one request may carry."""
        return self._mail_tips.absences(mailboxes)

    def availability(
        self, acting: Mailbox, addresses: Sequence[str], window: Window
    ) -> tuple[Availability, ...]:
        """Free/busy of at most 100 addresses, asked with the rights of ``acting``."""
        return presence.availability(self._services, acting, addresses, window)

    def read(self, mailbox: Mailbox, item_id: str) -> WholeItem:
        """One item whole, as it stands."""
        return whole.read(self._services, mailbox, item_id)

    def members(self, mailbox: Mailbox, lists: Sequence[str], most: int) -> int:
        """How many people stand behind distribution lists."""
        return whole.members(self._services, mailbox, lists, most)

    def apply(self, mailbox: Mailbox, write: Write) -> Applied:
        """Carry out a write: look whether it is done already, then write."""
        return apply(self._services, mailbox, write)

    def close(self) -> None:
        """Give up every connection."""
        self._exchange.close()
