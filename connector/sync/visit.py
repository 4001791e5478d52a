"""What one step has in hand: the world, one mailbox, the session it was read with, and the moment it began."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from connector.model import Mailbox, Policy, Session, Window
from connector.source.base import Source
from connector.store.base import Store
from connector.sync.context import Context


@dataclass(frozen=True, slots=True)
class Visit:
    """One step at one mailbox. ``session`` is as it was read: a commit names its version."""

    context: Context
    mailbox: Mailbox
    session: Session
    now: datetime

    @classmethod
    def begin(cls, context: Context, mailbox: Mailbox, session: Session) -> Visit:
        """A visit that begins now."""
        return cls(context, mailbox, session, context.now())

    @property
    def store(self) -> Store:
        """The store."""
        return self.context.store

    @property
    def source(self) -> Source:
        """The calendar system that the mailbox lives in."""
        return self.context.source_of(self.mailbox)

    @property
    def policy(self) -> Policy:
        """What may be done for the mailbox."""
        return self.context.rules.policy(self.mailbox.policy)

    @property
    def window(self) -> Window:
        """The span of time that the list is to cover."""
        return self.context.span.at(self.now)

    @property
    def reach(self) -> Window:
        """The part of the window that the list covers so far; its tail beyond belongs to the roll-forward."""
        window = self.window
        return Window(window.start, min(self.session.covered or window.end, window.end))

    def after(self, session: Session) -> Visit:
        """The same visit, looking at the session as it is to be."""
        return replace(self, session=session)
