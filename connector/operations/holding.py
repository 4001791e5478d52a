"""What is held about a person, for whoever has a right to know: everything in the store that names the mailbox or its address.

The words of meetings are not kept here: they stand sealed in what waits for the hub, and in what keywords asked for. Keys are
named, never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from connector.errors import NotFound
from connector.model import Mailbox
from connector.operations import letters
from connector.operations.desk import Desk
from connector.operations.mailboxes import moment
from connector.sync import failing

EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
PAGE = 1000
_RENAMED = "mailbox.rename"


def export(desk: Desk, address: str) -> dict[str, Any]:
    """All of it as one document. An address that is not activated may still be in the audit trail.

    Raises NotFound where nothing at all is held.
    """
    found = desk.store.find_mailbox(address) or desk.store.mailbox(address)
    names = _names(desk, address.strip().lower(), found)
    trail = list(_trail(desk, names))
    if found is None and not trail:
        raise NotFound(f"nothing is held about {address}")
    held = _of_mailbox(desk, found) if found else {}
    desk.store.audit(desk.entry("mailbox.export", found.address if found else address, rows=len(trail)))
    return {
        "address": found.address if found else address,
        "at": moment(desk.now()),
        "connector": desk.config.instance,
        **held,
        "audit": trail,
    }


def _of_mailbox(desk: Desk, mailbox: Mailbox) -> dict[str, Any]:
    store = desk.store
    command = store.next_command(mailbox.id)
    return {
        "mailbox": _plain(mailbox) | {"primary_address": failing.primary_address(store, mailbox.id)},
        "session": _plain(store.session(mailbox.id)),
        "meetings": [_plain(row) for row in store.rows_between(mailbox.id, *EVER)],
        "unreadable": [_plain(one) for one in store.quarantine(mailbox.id)],
        "keywords": [_plain(intent) for intent in store.intents(mailbox.id)],
        "waiting_for_hub": [_plain(one) for one in store.waiting(mailbox.id)],
        "refused_by_hub": [
            _plain(one) for one in store.dead_letters() if one.queued.envelope.mailbox_id == mailbox.id
        ],
        "commands": [_plain(command)] if command else [],
        "keys": [
            {"uri": key.uri, "created_at": moment(key.created_at), "retired_at": moment(key.retired_at)}
            for key in store.wrapped_keys(mailbox.id)
        ],
        "subscriptions": [
            _plain(one) for one in store.subscriptions(mailbox.source) if one.mailbox_id == mailbox.id
        ],
    }


def _names(desk: Desk, address: str, mailbox: Mailbox | None) -> frozenset[str]:
    """All by which the trail may know the person: the mailbox's id, its address, and those it had before."""
    names = {address, *((mailbox.id, mailbox.address) if mailbox else ())}
    for row in _rows(desk):
        facts = row["facts"]
        if row["action"] == _RENAMED and names & {row["mailbox"], facts.get("mailbox_id")}:
            names |= {str(facts[name]) for name in ("former", "mailbox_id") if facts.get(name)}
    return frozenset(names)


def _trail(desk: Desk, names: frozenset[str]) -> Iterator[dict[str, Any]]:
    for row in _rows(desk):
        said = (value for value in row["facts"].values() if isinstance(value, str))
        if row["mailbox"] in names or any(value in names for value in said):
            yield row


def _rows(desk: Desk) -> Iterator[dict[str, Any]]:
    after, last = 0, desk.store.last_audit()
    while after < last:
        page = letters.audit_rows(desk, after, PAGE)
        if not page:
            return
        yield from page
        after = page[-1]["number"]


def _plain(value: Any) -> Any:
    """As JSON can say it."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.name.lower() if isinstance(value, Enum) else value
