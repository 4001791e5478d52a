"""What keywords may do, as the configuration says: gathered once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.conference.base import Provider, by_source
from connector.meeting.invitation import Invitations
from connector.model import Mailbox, MailMode, Person, WholeItem, Wish
from connector.sync.keywords.blocks import Blocks

MOST_INVITEES = 1500
"""Meetings with more invitees are left alone: an update mail to so many is nothing a keyword may set off."""


def _nothing(_location: str) -> Wish | None:
    return None


def _bare(mailbox: Mailbox, item: WholeItem) -> Person:
    organizer = item.meeting.organizer
    return Person(mailbox.address, organizer.name if organizer else "")


@dataclass(frozen=True, slots=True)
class KeywordTerms:
    """The rules of keywords.

    ``find`` says what a location asks for. ``person`` is the organiser as providers know him; it may ask a directory and
    raises verdicts. ``mail`` is how invitees are told of an update.
    """

    find: Callable[[str], Wish | None] = _nothing
    providers: Mapping[str, Provider] = field(default_factory=dict)
    blocks: Blocks = field(default_factory=lambda: Blocks(Invitations()))
    person: Callable[[Mailbox, WholeItem], Person] = _bare
    mail: MailMode = MailMode.ALL
    most_invitees: int = MOST_INVITEES

    @property
    def on(self) -> bool:
        """Whether anything can be asked for at all."""
        return bool(self.providers)

    def hosted(self, wish: Wish) -> bool:
        """Whether it is the calendar system that makes what is wished for."""
        provider = self.providers.get(wish.action)
        return provider is not None and by_source(provider)
