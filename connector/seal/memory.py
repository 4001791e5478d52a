"""A key service in memory, for tests: it can be away, and it can withhold keys."""

from __future__ import annotations

import secrets
from threading import Lock

from connector.errors import KeyWithheld, Transient
from connector.model import Clock, ContentKey


class MemoryKeyService:
    """``connector.seal.base.KeyService``. ``away`` makes every call Transient, ``withhold`` revokes one key."""

    def __init__(self, clock: Clock) -> None:
        self.away = False
        self._clock = clock
        self._lock = Lock()
        self._keys: dict[str, ContentKey] = {}
        self._current: dict[str, str] = {}
        self._withheld: set[str] = set()

    def sealing_key(self, mailbox_id: str) -> ContentKey:
        """The key last made; a new one after ``rotate`` or when it is withheld."""
        self._answer()
        with self._lock:
            uri = self._current.get(mailbox_id)
            if uri is None or uri in self._withheld:
                uri = self._make(mailbox_id)
            return self._keys[uri]

    def opening_key(self, uri: str, mailbox_id: str) -> ContentKey:
        """The key of that uri, if it is the mailbox's."""
        self._answer()
        with self._lock:
            key = self._keys.get(uri)
        if key is None or key.mailbox_id != mailbox_id or uri in self._withheld:
            raise KeyWithheld("key-unknown", uri)
        return key

    def keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """All of the mailbox's, newest first."""
        self._answer()
        with self._lock:
            own = [key for key in self._keys.values() if key.mailbox_id == mailbox_id]
        return tuple(key for key in reversed(own) if key.uri not in self._withheld)

    def forget(self, mailbox_id: str) -> None:
        """Drop the mailbox's keys."""
        self._answer()
        with self._lock:
            self._keys = {uri: key for uri, key in self._keys.items() if key.mailbox_id != mailbox_id}
            self._current.pop(mailbox_id, None)

    def tidy(self) -> int:
        """Nothing is ever retired here."""
        self._answer()
        return 0

    def rotate(self, mailbox_id: str) -> None:
        """The next envelope gets a new key."""
        with self._lock:
            self._current.pop(mailbox_id, None)

    def withhold(self, uri: str) -> None:
        """The key is not handed out any more."""
        self._withheld.add(uri)

    def _make(self, mailbox_id: str) -> str:
        uri = f"kms://memory/keys/{secrets.token_hex(16)}"
        self._keys[uri] = ContentKey(uri, mailbox_id, secrets.token_bytes(32), self._clock())
        self._current[mailbox_id] = uri
        return uri

    def _answer(self) -> None:
        if self.away:
            raise Transient("key-service-away")
