"""What every operation works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from connector.config import Config
from connector.errors import NotFound, SessionChanged, UserError
from connector.model import AuditEntry, Clock, Mailbox, Session
from connector.store.base import Store

TRIES = 20
"""How often a session is read again when a step commits at the same moment."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The store, the configuration in force, who asks, and how the running daemon hears of it (if one runs)."""

    store: Store
    config: Config
    clock: Clock
    actor: str
    changed: Callable[[str], None] = lambda _mailbox_id: None

    def now(self) -> datetime:
        """The time."""
        return self.clock()

    def entry(self, action: str, mailbox: str = "", **facts: object) -> AuditEntry:
        """An audit entry of the asking person."""
        return AuditEntry(self.now(), self.actor, action, mailbox, facts)

    def mailbox(self, address: str) -> Mailbox:
        """The activated mailbox of that address or id. Raises NotFound with a sentence."""
        found = self.store.find_mailbox(address) or self.store.mailbox(address)
        if found is None:
            raise NotFound(f"{address} is not activated; calendar-connector mailbox list shows who is")
        return found

    def session(self, mailbox: Mailbox) -> Session:
        """Its session."""
        session = self.store.session(mailbox.id)
        if session is None:
            raise NotFound(f"{mailbox.address} has just been deactivated")
        return session

    def alter(self, mailbox: Mailbox, change: Callable[[Session], Session], entry: AuditEntry) -> Session:
        """Change a session against steps that commit at the same time, and tell the daemon."""
        for _ in range(TRIES):
            try:
                stored = self.store.change_session(change(self.session(mailbox)), entry)
            except SessionChanged:
                continue
            self.changed(mailbox.id)
            return stored
        raise UserError(f"{mailbox.address} is too busy just now; try again")

    def source_of(self, address: str, named: str | None = None) -> str | None:
        """The name of the source that the address's mail domain belongs to: the first, or the one that a list has named."""
        domain = address.partition("@")[2].lower()
        sources = ((name, one) for name, one in self.config.sources.items() if named in {None, name})
        return next((name for name, source in sources if domain in source.domains), None)
