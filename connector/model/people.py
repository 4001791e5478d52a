"""Whose calendars, where they live, and what may be done for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Location:
    """Where a source keeps a mailbox; ``group`` bundles mailboxes whose streams may share a connection."""

    endpoint: str
    group: str


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One calendar owner in one source.

    ``id`` is random and ours, ``stable_id`` the source's own unchanging id ("" until validated);
    ``address`` is the primary SMTP address, lower-case, and may change.
    ``origin`` names where the activation came from: ``manual`` or a name under ``roster.from``.
    """

    id: str
    source: str
    address: str
    policy: str
    origin: str
    stable_id: str = ""
    location: Location | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be done for the mailboxes it is assigned to (operating.md, ``policies``)."""

    name: str
    write: frozenset[str] = frozenset()
    send: frozenset[str] = frozenset()
    private: str = "times-only"
    presence: str = "off"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a source says about an address when it is validated."""

    address: str
    stable_id: str
    location: Location | None
