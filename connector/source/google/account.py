"""Whose calendar a mailbox is, and in whose name it is opened."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import AccessDenied, Verdict
from connector.model import Identity, Location, Mailbox
from connector.source.google.settings import ENDPOINT, GoogleSettings

ROOMS = "resource.calendar.google.com"
GROUPS = ("group.calendar.google.com", "group.v.calendar.google.com", "import.calendar.google.com")
PRIMARY = "primary"


class Directory:
    """Answers from the configuration alone: Google has one address for everybody, and a grant tells the rest.

    ``stable_id`` stays "": with the two scopes there is none to be had. The calendar's id is the address itself, an account's
    number is told to sign-ins and to the Directory API alone, which would take an administrator's scope. So the core can't follow
    a renamed user by itself: Google keeps the old address as an alias, in whose name no grant is made (``google-no-such-user``),
    and ``mailbox rename`` says who it is now. Nor can it tell that an address was given to somebody else; deactivate leavers.
    """

    def __init__(self, settings: GoogleSettings) -> None:
        self._settings = settings
        self._location = Location(ENDPOINT, settings.name)

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """An entry per address: all live in one place, if their domain is ours."""
        return {address: self._one(address.strip().lower()) for address in addresses}

    def subject(self, mailbox: Mailbox) -> str:
        """The user in whose name a calendar is opened: its owner, or for a room the reader."""
        return self._settings.reader if is_room(mailbox) else mailbox.address

    def calendar(self, mailbox: Mailbox) -> str:
        """The calendar's id in that user's view."""
        return mailbox.address if is_room(mailbox) else PRIMARY

    def _one(self, address: str) -> Identity | Verdict:
        domain = address.rpartition("@")[2]
        if domain in GROUPS:
            return AccessDenied("google-shared-calendar", address)
        if domain == ROOMS and not self._settings.reader:
            return AccessDenied("google-no-reader", address)
        if domain not in self._settings.domains:
            return AccessDenied("domain-not-allowed", address)
        return Identity(address, "", self._location)


def is_room(mailbox: Mailbox) -> bool:
    """Resource calendars can't be impersonated."""
    return mailbox.address.endswith(f"@{ROOMS}")
