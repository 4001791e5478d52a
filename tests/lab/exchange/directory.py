"""Where each mailbox lives: the URLs of its group, its back end, and what Autodiscover is to say instead of them."""

import threading
from dataclasses import dataclass
from zlib import crc32

from tests.lab.exchange.organisation import Mailbox, Organisation

BACK_ENDS_PER_GROUP = 2


@dataclass(frozen=True, slots=True)
class Group:
    """Mailboxes that are served at the same URLs; `name` is their GroupingInformation. An empty URL is not published."""

    name: str
    external_url: str
    internal_url: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """What Autodiscover answers instead of settings: another address, another URL, or an error code (`ServerBusy`)."""

    address: str = ""
    url: str = ""
    error: str = ""


class Directory:
    """Groups by label, and the answers a test has put in somebody's way."""

    def __init__(
        self, organisation: Organisation, groups: list[Group], back_ends: int = BACK_ENDS_PER_GROUP
    ) -> None:
        """At least one group; `back_ends` mailbox servers in each."""
        self._organisation = organisation
        self._lock = threading.Lock()
        self._groups = {group.name: group for group in groups}
        self._default = groups[0]
        self._back_ends = back_ends
        self._redirects: dict[str, Redirect] = {}

    def label_for(self, address: str) -> str:
        """The group a new mailbox joins: they are spread evenly by address."""
        return list(self._groups)[crc32(address.lower().encode()) % len(self._groups)]

    def group(self, mailbox: Mailbox) -> Group:
        """The URLs of a mailbox; a label nobody announced is a group of its own at the first group's URLs."""
        known = self._groups.get(mailbox.group)
        return known or Group(mailbox.group, self._default.external_url, self._default.internal_url)

    def redirect(self, address: str) -> Redirect | None:
        """What stands in the way of this address; a mailbox that moved to the cloud leaves its address there."""
        with self._lock:
            ordered = self._redirects.get(address.lower())
        mailbox = self._organisation.find(address)
        if ordered is None and mailbox is not None and mailbox.state == "online":
            return Redirect(address=mailbox.online)
        return ordered

    def put_in_the_way(self, address: str, redirect: Redirect | None) -> None:
        """Order a redirect or an error for one address, or take it back."""
        with self._lock:
            if redirect is None:
                self._redirects.pop(address.lower(), None)
            else:
                self._redirects[address.lower()] = redirect

    def back_end(self, address: str) -> str:
        """The mailbox server that holds the mailbox; for an unknown address one of the first group."""
        mailbox = self._organisation.find(address)
        name = self.group(mailbox).name if mailbox else self._default.name
        key = mailbox.guid if mailbox else address
        return f"mbx{crc32(key.encode()) % self._back_ends + 1}.{name.lower()}.lab"


def group_of(back_end: str) -> str:
    """The group a back end's name carries, in lower case."""
    return back_end.partition(".")[2]
