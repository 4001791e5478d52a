"""What the connector remembers, in domain verbs. Adapters: ``sqlite``, ``memory`` (and later ``postgres``).

Every verb is one transaction and safe to call from any thread. A store raises StoreError for damage, a full disk, a
lock that does not come free, or a database of a newer version, and SessionChanged where said; nothing else.
Addresses, commands, dead letters and audit facts rest sealed under the state key; see ``StateCipher``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.model import (
    AuditEntry,
    Commit,
    DeadLetter,
    IndexRow,
    Intent,
    Mailbox,
    Phase,
    Quarantined,
    Queued,
    SealedCommand,
    Session,
    WrappedKey,
)
from connector.source.base import Subscription


class StateCipher(Protocol):
    """Seals what may not rest in clear, under a local key of the keystore."""

    def seal(self, clear: bytes, context: str) -> bytes:
        """AES-256-GCM; ``context`` (table and row) is bound as associated data."""

    def open(self, sealed: bytes, context: str) -> bytes:
        """The inverse; raises StoreError when the bytes or the context are not what was sealed."""

    def digest(self, text: str) -> str:
        """Keyed digest to find a sealed value by (blind index)."""


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How full the outbox is; ``oldest`` is when the oldest waiting envelope was queued."""

    waiting: int
    oldest: datetime | None
    dead: int


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An audit entry with its number and the chain's digest after it."""

    number: int
    entry: AuditEntry
    chain: str


class Store(Protocol):
    """All durable state of one appliance."""

    # --- this life of the database

    def epoch(self) -> int:
        """The number of this life; starts at 1."""

    def last_sequence(self) -> int:
        """The highest sequence ever given out in this epoch, 0 before the first."""

    def raise_epoch(self, epoch: int, now: datetime) -> None:
        """Begin a new life: the hub's list is to be rebuilt from the calendars.

        Drops waiting meeting, snapshot and presence envelopes, numbers the remaining ones anew, and puts every mailbox
        that is LOADING or LIVE back to the beginning of a resending load (Phase.LOADING, cursor None,
        Load(Stage.FEED, generation=version + 1, resend=True), version grown), due now. Sessions in any
        other phase lose their ``resume``, so that they load anew when they come back. All lose their presence digest, so
        that presence is sent again. Does nothing when ``epoch`` is not greater than the present one.
        """

    def setting(self, name: str) -> str | None:
        """A small named value (downlink cursor, allowed redirects ...), sealed at rest."""

    def put_setting(self, name: str, value: str | None) -> None:
        """Set it, or remove it with None."""

    # --- mailboxes and their sessions

    def add_mailbox(self, mailbox: Mailbox, session: Session, audit: AuditEntry) -> None:
        """Record a new mailbox. Raises StoreError if its id or (source, address) is there already."""

    def change_mailbox(self, mailbox: Mailbox, audit: AuditEntry | None = None) -> None:
        """Replace the record of a mailbox that is there (address, policy, origin, location ...)."""

    def mailbox(self, mailbox_id: str) -> Mailbox | None:
        """By id."""

    def find_mailbox(self, address: str) -> Mailbox | None:
        """By primary address, any case."""

    def mailboxes(self, *phases: Phase) -> tuple[Mailbox, ...]:
        """Those in one of the phases; all without an argument. In no particular order."""

    def count_mailboxes(self, *phases: Phase) -> int:
        """How many are in one of the phases; all without an argument. Cheap: asked before every calendar write."""

    def session(self, mailbox_id: str) -> Session | None:
        """The state of one mailbox."""

    def sessions(self) -> tuple[Session, ...]:
        """All of them; read at start to fill the heap, and for status."""

    def change_session(self, session: Session, audit: AuditEntry | None = None) -> Session:
        """Write a session without anything else (pause, resume, resync ...); the stored one, its version grown.

        Raises SessionChanged when ``session.version`` is not the stored one.
        """

    def erase_mailbox(self, mailbox_id: str, audit: AuditEntry, *, keep_outbox: bool = True) -> None:
        """Delete every row of the mailbox: session, index, commands, quarantine, subscription, keys, dead letters.

        Its envelopes still waiting stay when ``keep_outbox`` (the hub has yet to hear of the end).
        """

    # --- the index and its one transaction

    def rows_of_series(self, mailbox_id: str, series_keys: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows of these series."""

    def rows_of_items(self, mailbox_id: str, item_ids: Sequence[str]) -> tuple[IndexRow, ...]:
        """Rows whose item id or home id is one of these."""

    def rows_unseen(self, mailbox_id: str, generation: int) -> tuple[IndexRow, ...]:
        """Rows whose generation is below ``generation``: what a full read did not meet."""

    def rows_before(self, mailbox_id: str, moment: datetime) -> tuple[IndexRow, ...]:
        """Rows that ended at or before ``moment``."""

    def rows_between(self, mailbox_id: str, start: datetime, end: datetime) -> tuple[IndexRow, ...]:
        """Rows that overlap the half-open span."""

    def count_rows(self, mailbox_id: str) -> int:
        """How many meetings of the mailbox the hub is believed to hold."""

    def quarantine(self, mailbox_id: str) -> tuple[Quarantined, ...]:
        """Items that could not be read, with their reasons."""

    def commit(self, commit: Commit, now: datetime) -> Session:
        """Write one step: session, index, envelopes (numbered epoch, sequence in order), quarantine, audit. One transaction.

        An envelope replaces a waiting, unclaimed one of the same meeting. A finished command is deleted. Raises SessionChanged (nothing is written) when the version is not the stored one.
        """

    # --- what keywords ask for; written by ``commit``

    def intents_of_series(self, series_keys: Sequence[str]) -> tuple[Intent, ...]:
        """All of these series, of whatever mailbox: an attendee's copy borrows from its organiser's."""

    def intents(self, mailbox_id: str) -> tuple[Intent, ...]:
        """All of one mailbox."""

    def next_intent(self, mailbox_id: str) -> Intent | None:
        """The one due first, that of a series before those of its occurrences; None when none waits."""

    # --- the outbox

    def claim(self, limit: int, urgent_before: datetime) -> tuple[Queued, ...]:
        """The next envelopes to send, at most ``limit``, claimed until acknowledged, refused or released.

        Meetings that start before ``urgent_before`` come first, then by sequence; the envelopes of one mailbox never overtake
        snapshot.begin, snapshot.end, mailbox.put or mailbox.gone of the same mailbox.
        """

    def acknowledge(self, event_ids: Sequence[str]) -> None:
        """The hub has them for good: delete."""

    def release(self, event_ids: Sequence[str]) -> None:
        """They were not taken: to be claimed again, attempts counted."""

    def bury(self, event_id: str, code: str, now: datetime) -> None:
        """The hub will never take it: move it to the dead letters."""

    def release_all(self) -> int:
        """At start: give free what a killed process had claimed; the number of those."""

    def outbox(self) -> OutboxState:
        """Its present size."""

    def waiting(self, mailbox_id: str) -> tuple[Queued, ...]:
        """What waits of one mailbox, claimed or not, in order; nothing is claimed."""

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """At most the newest 1,000."""

    def drop_dead_letter(self, event_id: str) -> bool:
        """Forget one; whether it was there."""

    # --- commands

    def accept(self, commands: Sequence[SealedCommand], cursor: str) -> tuple[str, ...]:
        """Keep commands as received and move the downlink cursor, in one transaction; the mailbox ids concerned.

        A command whose id was ever seen (also finished ones, kept as ids for 7 days) is passed over.
        """

    def next_command(self, mailbox_id: str) -> SealedCommand | None:
        """The oldest not finished."""

    def downlink_cursor(self) -> str:
        """The bookmark of the last accepted command, "" before the first."""

    # --- content keys

    def wrapped_keys(self, mailbox_id: str | None = None) -> tuple[WrappedKey, ...]:
        """Content keys of one mailbox or of all, newest first."""

    def put_wrapped_key(self, key: WrappedKey) -> None:
        """Add or replace (rewrap, retire) by uri."""

    def drop_unused_keys(self, retired_before: datetime) -> int:
        """Delete keys retired before the moment that no index, outbox or dead-letter row names; the number."""

    # --- subscriptions (see source.base.SubscriptionShelf)

    def subscriptions(self, source: str) -> tuple[Subscription, ...]:
        """All of one source."""

    def save_subscription(self, subscription: Subscription) -> None:
        """Remember or replace."""

    def drop_subscription(self, mailbox_id: str) -> None:
        """Forget."""

    # --- audit

    def audit(self, entry: AuditEntry) -> int:
        """Append to the hash chain; the number of the row."""

    def audit_rows(self, after: int = 0, limit: int = 1000) -> tuple[AuditRow, ...]:
        """Rows by number, oldest first."""

    def last_audit(self) -> int:
        """The number of the newest row, 0 before the first; purged rows count."""

    def count_audit(self, action: str, since: datetime, mailbox_id: str | None = None) -> int:
        """How often ``action`` happened since the moment (all mailboxes or one); for the write brake."""

    def verify_audit(self) -> int | None:
        """The number of the first row whose chain does not hold, None when all hold."""

    def purge_audit(self, before: datetime) -> int:
        """Delete rows older than ``before``; the chain goes on from a kept anchor. The number deleted."""

    # --- housekeeping

    def purge(self, now: datetime) -> None:
        """Forget finished command ids older than 7 days, settled intents of meetings over for 38, and give free space back bit by bit."""

    def facts(self) -> Mapping[str, int | str]:
        """Path, size in bytes, schema version and the like, for status."""

    def close(self) -> None:
        """Finish; the store is not used afterwards."""
