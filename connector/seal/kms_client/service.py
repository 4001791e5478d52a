"""The key service of a key server: content keys live there, a row here says which one a mailbox uses."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock, RLock

from connector.errors import KeyWithheld, Transient
from connector.model import Clock, ContentKey, WrappedKey
from connector.seal.kms_client.note import Note
from connector.seal.kms_client.readers import Readers
from connector.seal.kms_client.unbound import Unbound
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.objects import KeyObject
from connector.seal.local import KEPT, KeyShelf

REMOTE = 0
"""``kek_version`` of a row whose key is elsewhere; ``wrapped`` then is a ``Note``, and nothing secret."""

WITHHELD = -1
"""``kek_version`` of such a row whose key the service has refused: its resource still counts, its key is not asked for again."""

CHECKED = timedelta(minutes=2)
"""A key held in memory is asked for again after so long, so that a revoked one is noticed; it is never written down here."""

MOST_USES = 100_000
"""Envelopes' worth of commits under one key; with some thousands of fields each that stays far below 2^32 (SP 800-38D)."""

RESERVED = 100
"""A hundredth of them is written down as used ahead of time: a restart, or a key that left the cache, forgets none."""

LOOKED_AT = 1000
"""Retired keys that are asked for at each tidying, in turn, so that a revoked one is noticed though nothing uses it."""

CACHED = 4096
_STRIPES = 64


@dataclass(frozen=True, slots=True)
class Terms:
    """When a mailbox gets a new key, and how long retired rows are kept."""

    rotate: timedelta
    uses: int = MOST_USES
    checked: timedelta = CHECKED
    kept: timedelta = KEPT

    @property
    def reserve(self) -> int:
        """Uses that are written down at once."""
        return max(1, self.uses // RESERVED)


@dataclass(slots=True)
class _Held:
    """A key in memory. ``expires`` is the last moment to seal with it; ``reserved`` uses are written down as used."""

    key: ContentKey = field(repr=False)
    expires: datetime | None
    checked_at: datetime
    uses: int = 0
    reserved: int = 0


class KmsKeyService:
    """``connector.seal.base.KeyService``: one resource a mailbox, on which its readers are authorized, and keys bound to it.

    A key that the service withholds is not used again: ``lost`` is told the mailbox whose meetings have to be sealed anew.
    """

    def __init__(
        self,
        verbs: Verbs,
        shelf: KeyShelf,
        readers: Readers,
        terms: Terms,
        clock: Clock,
        lost: Callable[[str], None] = lambda _mailbox_id: None,
    ) -> None:
        self._verbs = verbs
        self._shelf = shelf
        self._readers = readers
        self._terms = terms
        self._clock = clock
        self._lost = lost
        self._unbound = Unbound(verbs.create_keys, clock)
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._looked_at = ""
        self._lock = Lock()
        self._stripes = [RLock() for _ in range(_STRIPES)]

    def sealing_key(self, mailbox_id: str) -> ContentKey:
        """The current key, made or rotated when due, after its readers were brought in line."""
        with self._of(mailbox_id):
            row = self._current(mailbox_id)
            held = self._usable(row) if row else None
            if row is None or held is None:
                row, held = self._make(mailbox_id)
            self._readers.settle(mailbox_id, _resource(row))
            self._count(row, held)
            return held.key

    def opening_key(self, uri: str, mailbox_id: str) -> ContentKey:
        """The key of that uri, if it is bound to the mailbox's resource; a client may have bound one of its own."""
        rows = self._rows(mailbox_id)
        resources = {_resource(row) for row in rows if row.wrapped}
        forgotten = any(row.uri == uri and not row.wrapped for row in rows)
        if forgotten or not resources or not self._verbs.owns(uri):
            raise KeyWithheld("key-unknown", uri)
        return self._fetch(uri, mailbox_id, resources).key

    def keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """All that the service still gives, newest first."""
        rows = (row for row in self._rows(mailbox_id) if row.wrapped and row.kek_version == REMOTE)
        found = (self._try(row) for row in rows)
        return tuple(key for key in found if key)

    def forget(self, mailbox_id: str) -> None:
        """Take every reader off the mailbox's resources, us too: no key of it is handed out again to anyone."""
        with self._of(mailbox_id):
            rows = self._rows(mailbox_id)
            for resource in sorted({_resource(row) for row in rows if row.wrapped}):
                self._readers.close(mailbox_id, resource)
            for row in rows:
                self._drop(row.uri)
                retired = row.retired_at or self._clock()
                self._shelf.put_wrapped_key(replace(row, wrapped=b"", retired_at=retired))

    def tidy(self) -> int:
        """Forget rows that nothing names any more; while the service answers, look after readers and retired keys, too."""
        with suppress(Transient):
            for mailbox_id, resource in self._readers.mailboxes().items():
                with suppress(KeyWithheld):
                    self._readers.settle(mailbox_id, resource)
            self._look_at_retired()
        return self._shelf.drop_unused_keys(self._clock() - self._terms.kept)

    def forget_unbound(self) -> None:
        """The service has lost its memory of them (a reset)."""
        self._unbound.forget()

    def _look_at_retired(self) -> None:
        """Some of the keys that only open: meetings under one that was revoked are sealed anew. Raises Transient."""
        rows = [
            row
            for row in self._shelf.wrapped_keys()
            if row.kek_version == REMOTE and row.retired_at and row.wrapped
        ]
        rows.sort(key=lambda row: row.uri)
        following = [row for row in rows if row.uri > self._looked_at] or rows
        for row in following[:LOOKED_AT]:
            self._looked_at = row.uri
            try:
                self._verbs.retrieve_key(row.uri)
            except KeyWithheld:
                self._give_up(row)

    def _give_up(self, row: WrappedKey) -> None:
        """The key is withheld: never used again, and told once."""
        self._drop(row.uri)
        retired = row.retired_at or self._clock()
        self._shelf.put_wrapped_key(replace(row, kek_version=WITHHELD, retired_at=retired))
        self._lost(row.mailbox_id)

    # --- the current key

    def _current(self, mailbox_id: str) -> WrappedKey | None:
        rows = self._rows(mailbox_id)
        return next((row for row in rows if row.retired_at is None and row.wrapped), None)

    def _usable(self, row: WrappedKey) -> _Held | None:
        """The key of the row, if it may still seal."""
        try:
            held = self._fetch(row.uri, row.mailbox_id, {_resource(row)})
        except KeyWithheld:
            self._give_up(row)
            return None
        now = self._clock()
        if now - row.created_at >= self._terms.rotate or held.uses >= self._terms.uses:
            return None
        return None if held.expires is not None and now >= held.expires else held

    def _count(self, row: WrappedKey, held: _Held) -> None:
        """One more use, which is on disk before it is one."""
        if held.uses >= held.reserved:
            held.reserved = held.uses + self._terms.reserve
            self._shelf.put_wrapped_key(replace(row, wrapped=Note(_resource(row), held.reserved).write()))
        held.uses += 1

    def _make(self, mailbox_id: str) -> tuple[WrappedKey, _Held]:
        """A new key, durable there and noted here, then its predecessors retired."""
        now = self._clock()
        key = self._unbound.take()
        resource, bound = self._bound(mailbox_id, key)
        note = Note(resource, self._terms.reserve)
        row = WrappedKey(key.uri, mailbox_id, note.write(), REMOTE, now)
        former = [one for one in self._shelf.wrapped_keys(mailbox_id) if one.retired_at is None]
        self._shelf.put_wrapped_key(row)
        for one in former:
            self._shelf.put_wrapped_key(replace(one, retired_at=now))
        held = self._hold(bound, mailbox_id, now, now)
        held.reserved = note.uses
        return row, held

    def _bound(self, mailbox_id: str, key: KeyObject) -> tuple[str, KeyObject]:
        """Bind to the mailbox's resource; to a new one when there is none, or none that the service lets us use.

        A key that was bound with its resource is taken with its end unknown, until it is looked at again.
        """
        for row in self._rows(mailbox_id):
            if row.wrapped:
                try:
                    return _resource(row), self._verbs.bind(key.uri, _resource(row))
                except KeyWithheld:
                    break
        resource = self._readers.resource(mailbox_id, key.uri)
        return resource, replace(key, resource_uri=resource, expires=None)

    # --- fetching

    def _fetch(self, uri: str, mailbox_id: str, resources: set[str]) -> _Held:
        """From memory or from the service. Raises KeyWithheld, also for a key of another mailbox's resource."""
        now = self._clock()
        with self._lock:
            held = self._held.get(uri)
        if (
            held is not None
            and held.key.mailbox_id == mailbox_id
            and now - held.checked_at < self._terms.checked
        ):
            return held
        try:
            found = self._verbs.retrieve_key(uri)
        except KeyWithheld:
            self._drop(uri)
            raise
        if found.resource_uri not in resources:
            raise KeyWithheld("key-unknown", f"{uri} is not of the mailbox's resource")
        noted = next((row for row in self._rows(mailbox_id) if row.uri == uri), None)
        created = noted.created_at if noted else found.created or now
        fresh = self._hold(found, mailbox_id, created, now)
        if held is not None:
            fresh.uses, fresh.reserved = held.uses, held.reserved
        elif noted is not None:
            fresh.uses = fresh.reserved = Note.read(noted.wrapped).uses
        return fresh

    def _hold(self, found: KeyObject, mailbox_id: str, created: datetime, now: datetime) -> _Held:
        key = ContentKey(found.uri, mailbox_id, found.secret, created)
        held = _Held(key, found.expires, now)
        with self._lock:
            self._held[key.uri] = held
            self._held.move_to_end(key.uri)
            if len(self._held) > CACHED:
                self._held.popitem(last=False)
        return held

    def _try(self, row: WrappedKey) -> ContentKey | None:
        try:
            return self._fetch(row.uri, row.mailbox_id, {_resource(row)}).key
        except KeyWithheld:
            return None

    def _drop(self, uri: str) -> None:
        with self._lock:
            self._held.pop(uri, None)

    def _rows(self, mailbox_id: str) -> list[WrappedKey]:
        """Ours among the mailbox's rows, newest first; those of the local service stay its own."""
        return [row for row in self._shelf.wrapped_keys(mailbox_id) if row.kek_version <= REMOTE]

    def _of(self, mailbox_id: str) -> RLock:
        return self._stripes[hash(mailbox_id) % _STRIPES]


def _resource(row: WrappedKey) -> str:
    return Note.read(row.wrapped).resource
