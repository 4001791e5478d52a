"""The key service inside the appliance: content keys rest in the store, wrapped under a KEK of the keystore."""

from __future__ import annotations

import secrets
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.errors import KeyWithheld
from connector.model import Clock, ContentKey, WrappedKey

KEPT = timedelta(days=38 + 14)
"""A retired key stays for the length of the window and the greatest age of the outbox."""

CACHED = 4096
"""Unwrapped keys held in memory."""

_IV_BYTES = 12

_T = TypeVar("_T")

Keks = Callable[[], Mapping[int, bytes]]
"""The key encryption keys by version, 32 bytes each; the highest version wraps."""


class KeyShelf(Protocol):
    """Where wrapped keys rest; ``connector.store.base.Store`` is one."""

    def wrapped_keys(self, mailbox_id: str | None = None) -> tuple[WrappedKey, ...]:
        """Of one mailbox or of all, newest first."""

    def put_wrapped_key(self, key: WrappedKey) -> None:
        """Add or replace by uri; durable on return."""

    def drop_unused_keys(self, retired_before: datetime) -> int:
        """Delete those retired before the moment that nothing names; the number."""


class LocalKeyService:
    """``connector.seal.base.KeyService`` on the store.

    A content key is rotated when it is older than ``rotate``. A forgotten key is overwritten, so that no copy of the row
    made later holds it; its uri stays until nothing names it.
    """

    def __init__(
        self,
        shelf: KeyShelf,
        keks: Keks,
        instance: str,
        rotate: timedelta,
        clock: Clock,
        *,
        kept: timedelta = KEPT,
    ) -> None:
        self._shelf = shelf
        self._keks = keks
        self._instance = instance
        self._rotate = rotate
        self._clock = clock
        self._kept = kept
        self._lock = Lock()
        self._opened: OrderedDict[str, ContentKey] = OrderedDict()
        self._current: OrderedDict[str, str] = OrderedDict()

    def sealing_key(self, mailbox_id: str) -> ContentKey:
        """The current key, made or rotated when due; a damaged one is replaced like one that is too old."""
        with self._lock:
            key = self._opened.get(self._current.get(mailbox_id, ""))
            if key is None:
                key = self._stored(mailbox_id)
            if key is None or self._clock() - key.created_at >= self._rotate:
                key = self._make(mailbox_id)
            self._remember(key)
            _keep(self._current, mailbox_id, key.uri)
            return key

    def opening_key(self, uri: str, mailbox_id: str) -> ContentKey:
        """The key of that uri. Raises KeyWithheld ``key-unknown`` unless the mailbox has it and it can be unwrapped."""
        with self._lock:
            key = self._opened.get(uri)
            if key is None:
                key = self._unwrap(self._find(uri, mailbox_id))
                self._remember(key)
        if key.mailbox_id != mailbox_id:
            raise KeyWithheld("key-unknown", f"{uri} is another mailbox's")
        return key

    def keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """All that can be unwrapped, newest first."""
        opened = (self._try(wrapped) for wrapped in self._own(mailbox_id))
        return tuple(key for key in opened if key)

    def forget(self, mailbox_id: str) -> None:
        """Overwrite every key of the mailbox."""
        with self._lock:
            self._current.pop(mailbox_id, None)
            for wrapped in self._own(mailbox_id):
                self._opened.pop(wrapped.uri, None)
                retired = wrapped.retired_at or self._clock()
                self._shelf.put_wrapped_key(replace(wrapped, wrapped=b"", retired_at=retired))

    def tidy(self) -> int:
        """Delete retired keys that are old enough and that nothing names."""
        with self._lock:
            dropped = self._shelf.drop_unused_keys(self._clock() - self._kept)
            if dropped:
                self._opened.clear()
        return dropped

    def rewrap(self) -> int:
        """Wrap every key under the newest KEK, after a change of the KEK; the number of those that were not yet."""
        version = max(self._keks())
        with self._lock:
            old = [one for one in self._own() if one.wrapped and one.kek_version != version]
            for wrapped in old:
                renewed = self._wrap(self._unwrap(wrapped))
                self._shelf.put_wrapped_key(replace(renewed, retired_at=wrapped.retired_at))
        return len(old)

    def _own(self, mailbox_id: str | None = None) -> list[WrappedKey]:
        """Rows of this service; those without a KEK only name keys of a key server."""
        return [one for one in self._shelf.wrapped_keys(mailbox_id) if one.kek_version > 0]

    def _stored(self, mailbox_id: str) -> ContentKey | None:
        """The newest that is in use; one that can't be unwrapped any more counts as none."""
        for wrapped in self._own(mailbox_id):
            if wrapped.retired_at is None:
                return self._try(wrapped)
        return None

    def _make(self, mailbox_id: str) -> ContentKey:
        """A new key, durable, then its predecessors retired: a kill in between leaves one too many, never none."""
        now = self._clock()
        former = [one for one in self._shelf.wrapped_keys(mailbox_id) if one.retired_at is None]
        key = ContentKey(
            uri=f"kms://{self._instance}/keys/{uuid.uuid4()}",
            mailbox_id=mailbox_id,
            secret=secrets.token_bytes(32),
            created_at=now,
        )
        self._shelf.put_wrapped_key(self._wrap(key))
        for wrapped in former:
            self._shelf.put_wrapped_key(replace(wrapped, retired_at=now))
        return key

    def _find(self, uri: str, mailbox_id: str) -> WrappedKey:
        for wrapped in self._own(mailbox_id):
            if wrapped.uri == uri:
                return wrapped
        raise KeyWithheld("key-unknown", uri)

    def _wrap(self, key: ContentKey) -> WrappedKey:
        keks = self._keks()
        version = max(keks)
        nonce = secrets.token_bytes(_IV_BYTES)
        wrapped = nonce + AESGCM(keks[version]).encrypt(nonce, key.secret, _bound(key.uri, key.mailbox_id))
        return WrappedKey(key.uri, key.mailbox_id, wrapped, version, key.created_at)

    def _unwrap(self, wrapped: WrappedKey) -> ContentKey:
        kek = self._keks().get(wrapped.kek_version)
        if kek is None or len(wrapped.wrapped) <= _IV_BYTES:
            raise KeyWithheld("key-unknown", f"{wrapped.uri} was destroyed or its KEK is gone")
        nonce, ciphertext = wrapped.wrapped[:_IV_BYTES], wrapped.wrapped[_IV_BYTES:]
        try:
            secret = AESGCM(kek).decrypt(nonce, ciphertext, _bound(wrapped.uri, wrapped.mailbox_id))
        except InvalidTag as error:
            raise KeyWithheld("key-unknown", f"{wrapped.uri} is damaged") from error
        return ContentKey(wrapped.uri, wrapped.mailbox_id, secret, wrapped.created_at)

    def _try(self, wrapped: WrappedKey) -> ContentKey | None:
        try:
            return self._unwrap(wrapped)
        except KeyWithheld:
            return None

    def _remember(self, key: ContentKey) -> None:
        _keep(self._opened, key.uri, key)


def _bound(uri: str, mailbox_id: str) -> bytes:
    return f"{uri}|{mailbox_id}".encode()


def _keep(cache: OrderedDict[str, _T], name: str, value: _T) -> None:
    cache[name] = value
    cache.move_to_end(name)
    if len(cache) > CACHED:
        cache.popitem(last=False)
