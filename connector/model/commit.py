"""What one step changes, written in one transaction, and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.model.calendar import Quarantined
from connector.model.intent import Intent
from connector.model.relay import Envelope
from connector.model.session import IndexRow, Session


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail; ``facts`` holds ids, codes, digests and field names, never subject or body."""

    at: datetime
    actor: str
    action: str
    mailbox: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """Everything one step changes, written in one transaction.

    ``session`` is the next state; its ``version`` is the one that was read. ``touched`` are meeting ids that were
    seen unchanged. ``finished`` is the id of a command whose outcome is among the envelopes. ``intents`` are written by
    mailbox and place; they may be of other mailboxes too.
    """

    session: Session
    rows: tuple[IndexRow, ...] = ()
    dropped: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    envelopes: tuple[Envelope, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    released: tuple[str, ...] = ()
    finished: str | None = None
    audit: tuple[AuditEntry, ...] = ()
    intents: tuple[Intent, ...] = ()
