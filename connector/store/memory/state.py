"""What a memory store holds, and what all its verbs share."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from typing import Self

from connector.model import (
    AuditEntry,
    DeadLetter,
    IndexRow,
    Intent,
    Mailbox,
    Quarantined,
    Queued,
    SealedCommand,
    Session,
    WrappedKey,
)
from connector.source.base import Subscription
from connector.store.base import StateCipher
from connector.store.rows import audit_text, chain_text


@dataclass(slots=True)
class State:
    """Everything there is. The nouns are frozen and shared; mappings in them are normalised copies."""

    epoch: int = 1
    last_sequence: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    rows: dict[str, dict[str, IndexRow]] = field(default_factory=dict)
    quarantine: dict[str, dict[str, Quarantined]] = field(default_factory=dict)
    intents: dict[tuple[str, str], Intent] = field(default_factory=dict)
    outbox: dict[str, Queued] = field(default_factory=dict)
    """By event id, in the order of their sequences."""
    claimed: set[str] = field(default_factory=set)
    dead: dict[str, DeadLetter] = field(default_factory=dict)
    commands: dict[str, SealedCommand] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    keys: dict[str, WrappedKey] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    audit: dict[int, tuple[bytes, str]] = field(default_factory=dict)
    """Canonical text of the entry and the chain after it, by number."""
    anchor: tuple[int, str] = (0, "")
    head: tuple[int, str] = (0, "")

    def copy(self) -> Self:
        """One that shares nothing changeable with this one."""
        return copy.deepcopy(self)


class Verbs:
    """Common ground of the groups of verbs that make up ``MemoryStore``."""

    def __init__(self, cipher: StateCipher | None = None) -> None:
        self._lock = RLock()
        self._state = State()
        self._cipher = cipher
        self._digest: Callable[[str], str] = cipher.digest if cipher else _plain_digest

    def _append_audit(self, entry: AuditEntry) -> int:
        text = audit_text(entry)
        number, chain = self._state.head
        chain = self._digest(chain_text(chain, number + 1, text))
        self._state.audit[number + 1] = (text, chain)
        self._state.head = (number + 1, chain)
        return number + 1


def _plain_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
