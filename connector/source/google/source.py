"""Google Calendar as a Source."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import AccessDenied, Refused, Verdict
from connector.model import (
    Applied,
    Availability,
    Clock,
    Delta,
    Expansion,
    Identity,
    Mailbox,
    Presence,
    WholeItem,
    Window,
    Write,
)
from connector.source.google import delta, presence, reading, viewing
from connector.source.google.account import Directory
from connector.source.google.authentication import Tokens
from connector.source.google.expand import Expander
from connector.source.google.preferences import Preferences
from connector.source.google.rooms import Forgetful, Memory, Sharing, Who
from connector.source.google.services import Services
from connector.source.google.settings import GoogleSettings
from connector.source.google.throttle import Budget
from connector.source.google.transport import Wire
from connector.source.google.write import apply

_OPENED = (("maxResults", "1"), ("fields", "accessRole,timeZone"))
_READABLE = frozenset({"owner", "writer", "reader", "writerWithoutPrivateAccess"})


class GoogleSource:
    """One Workspace tenant; satisfies ``connector.source.base.Source``."""

    quick_adds = True

    def __init__(
        self,
        settings: GoogleSettings,
        wire: Wire,
        tokens: Tokens,
        clock: Clock,
        memory: Memory | None = None,
    ) -> None:
        """``memory`` keeps which rooms were shared; without it that is forgotten with the process."""
        self.name = settings.name
        self.budget = Budget(settings.limits.project, settings.limits.user)
        self._directory = Directory(settings)
        self._wire = wire
        self._clock = clock
        self.services = Services(wire, tokens, self._directory, self.budget)
        self._preferences = Preferences(self.services, clock)
        self._seen = delta.Seen()
        who = Who(settings.room_owner, settings.reader, settings.enlisted)
        self.sharing = Sharing(who, self.services, memory or Forgetful(), clock)

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """All addresses of our domains live in one place; nobody is asked."""
        return self._directory.locate(addresses)

    def probe(self, mailbox: Mailbox) -> Identity:
        """Open the calendar once and see what may be read of it; a room may be shared with the reader for it."""
        self.sharing.open(mailbox, self.role)
        return Identity(mailbox.address, mailbox.stable_id, mailbox.location)

    def subject(self, mailbox: Mailbox) -> str:
        """The user in whose name a calendar is opened."""
        return self._directory.subject(mailbox)

    def role(self, mailbox: Mailbox) -> str:
        """What may be done with a calendar, in Google's word. Raises AccessDenied ``google-times-only`` and others."""
        role = self.services.events(mailbox, _OPENED).get("accessRole")
        if role not in _READABLE:
            raise AccessDenied("google-times-only", f"{mailbox.address}: {role}")
        return str(role)

    def delta(self, mailbox: Mailbox, cursor: str | None) -> Delta:
        """One page of changes since ``cursor``."""
        return delta.delta(self.services, self._seen, mailbox, cursor)

    def expand(self, mailbox: Mailbox, dirty: Sequence[str], window: Window) -> Expansion:
        """What the dirty items are now."""
        seen = self._seen.take(mailbox)
        return Expander(self.services, self._preferences, mailbox, window).dirty(dirty, seen)

    def view(self, mailbox: Mailbox, window: Window) -> Expansion:
        """Every occurrence inside ``window``."""
        return viewing.view(self.services, self._preferences, mailbox, window)

    def presence(self, mailbox: Mailbox) -> Presence:
        """The owner's vacation settings and out-of-office events."""
        return presence.presence(self.services, mailbox, self._clock())

    def absences(self, mailboxes: Sequence[Mailbox]) -> dict[str, str | None]:
        """Google has no question about many people at once. Raises Refused."""
        raise Refused("google-no-hints", f"{len(mailboxes)} mailboxes")

    def availability(
        self, acting: Mailbox, addresses: Sequence[str], window: Window
    ) -> tuple[Availability, ...]:
        """Free/busy of at most 100 addresses, asked with the rights of ``acting``."""
        return presence.availability(self.services, acting, addresses, window)

    def read(self, mailbox: Mailbox, item_id: str) -> WholeItem:
        """One event whole, as it stands."""
        return reading.read(self.services, self._preferences, mailbox, item_id)

    def members(self, mailbox: Mailbox, lists: Sequence[str], most: int) -> int:
        """How many people stand behind groups, as far as Google says."""
        return presence.members(self.services, mailbox, lists, most, self._clock())

    def apply(self, mailbox: Mailbox, write: Write) -> Applied:
        """Carry out a write: look whether it is done already, then write."""
        self._seen.take(mailbox)
        return apply(self.services, mailbox, write)

    def close(self) -> None:
        """Give up every connection."""
        self.budget.close()
        self._wire.close()
