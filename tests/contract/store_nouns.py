"""Small builders of what a store keeps, with everything a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.model import (
    AuditEntry,
    Commit,
    Envelope,
    EventKind,
    IndexRow,
    Location,
    Mailbox,
    Phase,
    Queued,
    Session,
    WrappedKey,
)
from connector.store.base import Store

NOW = datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
LONG_AGO = NOW - timedelta(days=30)
HOUR = timedelta(hours=1)
NEVER = datetime(1970, 1, 2, tzinfo=UTC)
"""A moment before which no meeting starts: a claim with it knows nothing urgent."""


def entry(action: str = "test", mailbox: str = "", at: datetime = NOW, **facts: Any) -> AuditEntry:
    return AuditEntry(at, "root", action, mailbox, facts)


def mailbox(mailbox_id: str = "m1", address: str = "ann@example.com", source: str = "hq") -> Mailbox:
    return Mailbox(
        id=mailbox_id,
        source=source,
        address=address,
        policy="staff",
        origin="manual",
        stable_id="/o=Example/cn=Recipients/cn=ann",
        location=Location("https://mail.example.com/EWS/Exchange.asmx", "mail.example.com/g1"),
    )


def add(store: Store, mailbox_id: str = "m1", phase: Phase = Phase.LIVE, **more: Any) -> Session:
    session = Session(mailbox_id, phase, NOW, **more)
    store.add_mailbox(mailbox(mailbox_id, f"{mailbox_id}@example.com"), session, entry("activate"))
    return session


def row(meeting_id: str, **changes: Any) -> IndexRow:
    fields: dict[str, Any] = {
        "meeting_id": meeting_id,
        "series_key": f"series-{meeting_id}",
        "item_id": f"item-{meeting_id}",
        "home_id": f"home-{meeting_id}",
        "change_key": "ck",
        "original_start": NOW,
        "start": NOW,
        "end": NOW + HOUR,
        "digest": "d",
        "digest_version": 1,
        "rules_version": 1,
        "key_uri": "kms://k/1",
        "revision": 1,
        "generation": 1,
    }
    return IndexRow(**{**fields, **changes})


def event(
    event_id: str,
    kind: EventKind = EventKind.MEETING_PUT,
    meeting_id: str | None = None,
    mailbox_id: str = "m1",
    **more: Any,
) -> Envelope:
    more.setdefault("data", {"id": event_id})
    return Envelope(event_id, kind, mailbox_id, meeting_id=meeting_id, **more)


def put(
    event_id: str, meeting_id: str = "", starts: datetime | None = None, mailbox_id: str = "m1"
) -> Envelope:
    return event(event_id, EventKind.MEETING_PUT, meeting_id or f"of-{event_id}", mailbox_id, starts=starts)


def commit(store: Store, mailbox_id: str = "m1", at: datetime = NOW, **parts: Any) -> Session:
    session = store.session(mailbox_id)
    assert session is not None
    return store.commit(Commit(session, **parts), at)


def send(store: Store, *envelopes: Envelope, at: datetime = NOW) -> None:
    """Commit the envelopes, each with the session of its own mailbox."""
    for envelope in envelopes:
        commit(store, envelope.mailbox_id, at, envelopes=(envelope,))


def ids(queued: Sequence[Queued]) -> list[str]:
    return [one.envelope.id for one in queued]


def claimed(store: Store, limit: int = 100, urgent_before: datetime = NEVER) -> list[str]:
    return ids(store.claim(limit, urgent_before))


def key(uri: str = "kms://k/1", mailbox_id: str = "m1", **more: Any) -> WrappedKey:
    return WrappedKey(uri, mailbox_id, b"\x00wrapped\xff", 1, more.pop("created_at", NOW), **more)
