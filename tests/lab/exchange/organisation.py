"""The Exchange organisation: its mailboxes by address, its settings, and who listens to its events."""

import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import RLock
from typing import Any, Literal

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.mailbox import ItemEvent, Mailbox

__all__ = ["ItemEvent", "Mail", "Mailbox", "Organisation"]

Reporting = Literal["master", "own-id", "both"]
MAIL_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Mail:
    """A meeting message that left a mailbox; `kind` is request, update, cancellation or response."""

    at: datetime
    sender: str
    recipient: str
    kind: str
    uid: str
    subject: str
    original: datetime | None = None
    mode: str = ""
    """The sending mode of EWS that set it off."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Organisation:
    """All mailboxes. Thread-safe: whoever reads or changes more than one thing holds `lock`.

    `exception_reporting` says how SyncFolderItems reports a changed occurrence: by its master, its own id, or both.
    """

    def __init__(self, clock: Callable[[], datetime] = _utc_now, name: str = "lab") -> None:
        """An organisation without mailboxes; `clock` gives aware UTC times."""
        self.lock = RLock()
        self.clock = clock
        self.name = name
        self.exception_reporting: Reporting = "master"
        self.mails: deque[Mail] = deque(maxlen=MAIL_LIMIT)
        self.lists: dict[str, tuple[str, ...]] = {}
        """Members of distribution lists, by the list's address in lower case."""
        self._by_address: dict[str, Mailbox] = {}
        self._by_guid: dict[str, Mailbox] = {}
        self._listeners: list[Callable[[ItemEvent], None]] = []
        self._counter = 0

    def add(self, address: str, **attributes: Any) -> Mailbox:
        """A new mailbox; `attributes` are fields of Mailbox. Raises ValueError when an address is taken."""
        with self.lock:
            guid = attributes.pop("guid", None) or self._fresh_guid(address)
            mailbox = Mailbox(address.lower(), guid, self.publish, **attributes)
            mailbox.aliases = tuple(alias.lower() for alias in mailbox.aliases)
            mailbox.name = mailbox.name or address.partition("@")[0].replace(".", " ").title()
            self.claim(mailbox)
            self._by_guid[mailbox.guid] = mailbox
            return mailbox

    def claim(self, mailbox: Mailbox) -> None:
        """Let the mailbox be found by its addresses. Raises ValueError when one belongs to another."""
        with self.lock:
            addresses = (mailbox.address, *mailbox.aliases)
            taken = [one for one in addresses if self._by_address.get(one, mailbox) is not mailbox]
            if taken:
                raise ValueError(f"{', '.join(taken)} belongs to another mailbox")
            self._by_address.update(dict.fromkeys(addresses, mailbox))

    def release(self, address: str) -> None:
        """Let an address belong to nobody."""
        with self.lock:
            self._by_address.pop(address.lower(), None)

    def find(self, address: str) -> Mailbox | None:
        """The mailbox of a primary address or alias, whatever its state; None when there is none."""
        return self._by_address.get(address.lower())

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of a primary address or alias, if it can be opened here.

        Raises ResponseFault ErrorNonExistentMailbox (also for one that moved to Exchange Online), ErrorAccountDisabled or
        ErrorMailboxMoveInProgress.
        """
        return opened(self.find(address))

    def by_guid(self, guid: str) -> Mailbox:
        """The mailbox with this guid, if it can be opened here; raises as `mailbox`."""
        return opened(self._by_guid.get(guid))

    def __iter__(self) -> Iterator[Mailbox]:
        with self.lock:
            return iter(tuple(self._by_guid.values()))

    def __len__(self) -> int:
        return len(self._by_guid)

    def subscribe(self, listener: Callable[[ItemEvent], None]) -> None:
        """Have `listener` called for every event, in the thread and under the lock of whoever made it."""
        with self.lock:
            self._listeners.append(listener)

    def publish(self, event: ItemEvent) -> None:
        """Tell the listeners."""
        with self.lock:
            for listener in self._listeners:
                listener(event)

    def post(self, mail: Mail) -> None:
        """Log a mail that was sent and let it arrive."""
        with self.lock:
            self.mails.append(mail)
            recipient = self.find(mail.recipient)
            if recipient is not None and recipient.state == "active":
                recipient.tell_mail(mail.at)

    def fresh_uid(self) -> str:
        """A new UID in the form Outlook makes (MS-OXCICAL, GlobalObjectId in hexadecimal)."""
        with self.lock:
            self._counter += 1
            digest = (
                hashlib.blake2b(f"{self.name}/{self._counter}".encode(), digest_size=16).hexdigest().upper()
            )
        return f"040000008200E00074C5B7101A82E008000000000000000000000000000000000000000010000000{digest}"

    def _fresh_guid(self, address: str) -> str:
        taken = self._by_guid
        names = (f"{self.name}/{address.lower()}/{number}" for number in range(len(taken) + 1))
        return next(
            guid
            for guid in (str(uuid.uuid5(uuid.NAMESPACE_URL, name)) for name in names)
            if guid not in taken
        )


def opened(mailbox: Mailbox | None) -> Mailbox:
    """The mailbox, unless its state forbids to open it; raises as Organisation.mailbox."""
    if mailbox is None or mailbox.state == "online":
        raise ResponseFault("ErrorNonExistentMailbox", "No mailbox with such guid.")
    if mailbox.state == "disabled":
        raise ResponseFault("ErrorAccountDisabled", "The account is disabled.")
    if mailbox.state == "moving":
        raise ResponseFault("ErrorMailboxMoveInProgress", "Mailbox move in progress. Try again later.")
    return mailbox
