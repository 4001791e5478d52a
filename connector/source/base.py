"""What the core asks of a calendar system. Adapters: ``exchange``, ``memory`` (and later ``google``).

A source raises verdicts of ``connector.errors`` and nothing else; it never sleeps, retries at most one read on a
connection that had gone stale, and keeps no state of a mailbox beyond what can be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Protocol

from connector.errors import Verdict
from connector.model import (
    Applied,
    Availability,
    Delta,
    Expansion,
    Identity,
    Mailbox,
    Nudge,
    Presence,
    WholeItem,
    Window,
    Write,
)


class Source(Protocol):
    """One calendar system by name. Every method may be called from several threads, never twice for one mailbox."""

    name: str
    quick_adds: bool
    """Whether it makes meetings of sentences (``QuickAdd``); one that does not refuses them."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        """Where the addresses live, at most 100 in one call, without opening a mailbox.

        The answer has an entry per address: what is known (``stable_id`` may be ""), or why it is not.
        """

    def probe(self, mailbox: Mailbox) -> Identity:
        """Open the calendar once and say whose it is.

        Raises AccessDenied (with ``alias-address``, ``impersonation-denied``, ``no-calendar`` ...), MailboxMoved,
        CredentialRefused, Transient.
        """

    def delta(self, mailbox: Mailbox, cursor: str | None) -> Delta:
        """One page of changes since ``cursor`` (None = from the beginning). Raises CursorExpired among others."""

    def expand(self, mailbox: Mailbox, dirty: Sequence[str], window: Window) -> Expansion:
        """What the dirty items are now: for each, its whole series inside ``window``, or gone, or unreadable."""

    def view(self, mailbox: Mailbox, window: Window) -> Expansion:
        """Every occurrence inside ``window``; used to fill the list and for the window's new tail."""

    def presence(self, mailbox: Mailbox) -> Presence:
        """The owner's out-of-office state."""

    def absences(self, mailboxes: Sequence[Mailbox]) -> dict[str, str | None]:
        """Who seems to be away, with one request: by mailbox id, for as many from the front as one request may carry.

        "" without automatic replies, None when the source does not know, else a mark that changes with what is set. Only
        a hint, it may lag: ``presence`` is the truth. Whoever is missing from the answer has to be asked for again.
        Raises Refused where the source has no such question.
        """

    def availability(
        self, acting: Mailbox, addresses: Sequence[str], window: Window
    ) -> tuple[Availability, ...]:
        """Free/busy of at most 100 addresses, asked with the rights of ``acting``; one answer per address."""

    def read(self, mailbox: Mailbox, item_id: str) -> WholeItem:
        """One item whole, body and all, as it stands. Raises Refused ``item-not-found``, Unreadable among others."""

    def members(self, mailbox: Mailbox, lists: Sequence[str], most: int) -> int:
        """How many people stand behind distribution lists, nested ones too; counted no further than beyond ``most``."""

    def apply(self, mailbox: Mailbox, write: Write) -> Applied:
        """Carry out a write: look whether it is done already, then write. Raises Conflict, Refused among others."""

    def close(self) -> None:
        """Give up every connection; called once, after the last use."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What people should know of a source although its work goes on; ``over`` takes it back.

    ``code`` is a word of ``connector.reasons``; ``subject`` the server, account or mailbox (its id) that it is about;
    ``by`` who stands in for it, "" when nobody does.
    """

    code: str
    subject: str
    by: str = ""
    over: bool = False


class SubscriptionShelf(Protocol):
    """Where a watcher keeps its subscriptions across restarts."""

    def subscriptions(self, source: str) -> tuple[Subscription, ...]:
        """All that were saved for this source and not dropped since."""

    def save_subscription(self, subscription: Subscription) -> None:
        """Remember or replace the subscription of one mailbox."""

    def drop_subscription(self, mailbox_id: str) -> None:
        """Forget it; unknown ids are fine."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One mailbox's streaming subscription at the server that made it.

    ``route`` is the source's own JSON object with whatever leads back to that server (anchor, affinity cookie).
    """

    source: str
    mailbox_id: str
    id: str
    group: str
    route: str
    made_at: datetime


class Watcher(Protocol):
    """Turns a source's push into nudges. A stream is a hint, the delta is the truth."""

    def watch(self, mailboxes: Sequence[Mailbox]) -> None:
        """Replace the set of mailboxes to be watched; returns at once, the work happens in the watcher's threads.

        A mailbox that left the set is unsubscribed at the server.
        """

    def run(self, stop: Event, nudge: Callable[[Nudge], None]) -> None:
        """Watch until ``stop``; blocks. A nudge also follows each new or regained subscription."""

    def rest(self, until: datetime | None) -> None:
        """Ask the source for nothing until then and let everybody be polled; None: go on now. What it holds is kept."""

    def coverage(self) -> Coverage:
        """How many mailboxes are watched by stream and how many must be polled, for status."""

    def unsubscribe_all(self) -> int:
        """Give back every subscription at the server; the number of those given back."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a watcher covers right now, as mailbox ids; ``broken`` maps a group to a word of ``connector.reasons``."""

    streams: int
    streamed: frozenset[str]
    polled: frozenset[str]
    broken: Mapping[str, str]
