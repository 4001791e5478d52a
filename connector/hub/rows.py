"""The ledger's statements: what is known of a mailbox, and what each kind of event does to it."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from connector.hub.changes import Change
from connector.model import EventKind
from connector.relay import wire

_NOTHING: wire.Order = (0, 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a mailbox stands. ``snapshot`` is the open one, which began at the floor."""

    number: int
    connector: int
    floor: wire.Order
    last_record: wire.Order
    last_presence: wire.Order
    last_snapshot: wire.Order
    snapshot: str | None


def standing(connection: sqlite3.Connection, connector: int, mailbox_id: str) -> Standing:
    """The mailbox of that id; one never heard of begins now, and belongs to the connector."""
    asked = "SELECT * FROM mailboxes WHERE id = ?"
    row = connection.execute(asked, (mailbox_id,)).fetchone()
    if row is None:
        connection.execute("INSERT INTO mailboxes (id, connector) VALUES (?, ?)", (mailbox_id, connector))
        row = connection.execute(asked, (mailbox_id,)).fetchone()
    return Standing(
        number=row["number"],
        connector=row["connector"],
        floor=(row["floor_epoch"], row["floor_sequence"]),
        last_record=(row["record_epoch"], row["record_sequence"]),
        last_presence=(row["presence_epoch"], row["presence_sequence"]),
        last_snapshot=(row["snapshot_epoch"], row["snapshot_sequence"]),
        snapshot=row["snapshot"],
    )


def was_taken(connection: sqlite3.Connection, connector: int, event_id: str) -> bool:
    """Whether the event was acknowledged before."""
    asked = "SELECT 1 FROM taken WHERE connector = ? AND event = ?"
    return connection.execute(asked, (connector, event_id)).fetchone() is not None


def remember(connection: sqlite3.Connection, connector: int, event_id: str, now: int) -> None:
    """The event is acknowledged."""
    connection.execute(
        "INSERT INTO taken (connector, event, at) VALUES (?, ?, ?)", (connector, event_id, now)
    )


def sign_of_life(connection: sqlite3.Connection, connector: int, mark: wire.Order, now: int) -> None:
    """The connector's current run has spoken, and its mark is this."""
    connection.execute(
        "UPDATE connectors SET seen_at = ?, epoch = ?, sequence = ? WHERE number = ?", (now, *mark, connector)
    )


def revise(connection: sqlite3.Connection, mailbox_ids: Iterable[str]) -> None:
    """Readers see something else of these mailboxes."""
    connection.executemany(
        "UPDATE mailboxes SET revision = revision + 1 WHERE id = ?", [(one,) for one in mailbox_ids]
    )


def meeting_order(connection: sqlite3.Connection, mailbox: int, meeting_id: str) -> wire.Order:
    """The last order of a meeting, of a deleted one too."""
    asked = "SELECT epoch, sequence FROM meetings WHERE mailbox = ? AND id = ?"
    return _order(connection.execute(asked, (mailbox, meeting_id)).fetchone())


def outcome_order(connection: sqlite3.Connection, mailbox: int, command_id: str) -> wire.Order:
    """The last order of the outcome of a command."""
    asked = "SELECT epoch, sequence FROM outcomes WHERE mailbox = ? AND command = ?"
    return _order(connection.execute(asked, (mailbox, command_id)).fetchone())


def count_meetings(connection: sqlite3.Connection, mailbox: int) -> int:
    """How many a mailbox has, deleted ones among them."""
    counted: int = connection.execute(
        "SELECT count(*) FROM meetings WHERE mailbox = ?", (mailbox,)
    ).fetchone()[0]
    return counted


def _order(row: sqlite3.Row | None) -> wire.Order:
    return (row["epoch"], row["sequence"]) if row else _NOTHING


# --- what each kind does -------------------------------------------------------------------------


def apply(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    """Do what the event says; its order was found to be high enough."""
    _APPLY[change.event.kind](connection, standing, change, now)
    if change.event.kind in _BRINGS_BACK:
        connection.execute("UPDATE mailboxes SET gone_at = NULL WHERE number = ?", (standing.number,))


_BRINGS_BACK = frozenset(
    {EventKind.MAILBOX_PUT, EventKind.SNAPSHOT_BEGIN, EventKind.MEETING_PUT, EventKind.PRESENCE_PUT}
)
"""A mailbox that was gone is shown again after one of these."""


def _put_meeting(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    _write_meeting(connection, standing, change, now, change.text)


def _drop_meeting(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    _write_meeting(connection, standing, change, now, None)


def _write_meeting(
    connection: sqlite3.Connection, standing: Standing, change: Change, now: int, data: str | None
) -> None:
    connection.execute(
        "INSERT INTO meetings (mailbox, id, epoch, sequence, at, starts, ends, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (mailbox, id) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence,"
        " at = excluded.at, starts = excluded.starts, ends = excluded.ends, data = excluded.data",
        (standing.number, change.name, *change.event.order, now, change.starts, change.ends, data),
    )


def _begin(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:  # noqa: ARG001 - one shape for all kinds
    order = change.event.order
    connection.execute(
        "UPDATE mailboxes SET snapshot = ?, snapshot_epoch = ?, snapshot_sequence = ?, floor_epoch = ?, floor_sequence = ?"
        " WHERE number = ?",
        (change.name, *order, *order, standing.number),
    )


def _end(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    """What was not put since the begin is gone (6.5)."""
    order = change.event.order
    connection.execute(
        "UPDATE meetings SET epoch = ?, sequence = ?, at = ?, starts = NULL, ends = NULL, data = NULL"
        " WHERE mailbox = ? AND data IS NOT NULL AND (epoch, sequence) < (?, ?)",
        (*order, now, standing.number, *standing.floor),
    )
    connection.execute(
        "UPDATE mailboxes SET snapshot = NULL, complete = 1, snapshot_epoch = ?, snapshot_sequence = ? WHERE number = ?",
        (*order, standing.number),
    )


def _put_presence(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:  # noqa: ARG001 - one shape for all kinds
    connection.execute(
        "UPDATE mailboxes SET presence = ?, presence_epoch = ?, presence_sequence = ? WHERE number = ?",
        (change.text, *change.event.order, standing.number),
    )


def _put_record(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:  # noqa: ARG001 - one shape for all kinds
    connection.execute(
        "UPDATE mailboxes SET address = ?, record_epoch = ?, record_sequence = ? WHERE number = ?",
        (change.name, *change.event.order, standing.number),
    )


def _drop_mailbox(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    """Everything goes but the floor, which keeps it from coming back by an event that was late."""
    order = change.event.order
    empty(connection, standing.number)
    connection.execute(
        "UPDATE mailboxes SET gone_at = ?, address = NULL, presence = NULL, presence_epoch = 0, presence_sequence = 0,"
        " snapshot = NULL, snapshot_epoch = 0, snapshot_sequence = 0, complete = 0,"
        " floor_epoch = ?, floor_sequence = ?, record_epoch = ?, record_sequence = ? WHERE number = ?",
        (now, *order, *order, standing.number),
    )


def empty(connection: sqlite3.Connection, mailbox: int) -> None:
    """Delete what hangs on a mailbox."""
    for table in ("meetings", "outcomes", "commands"):
        connection.execute(f"DELETE FROM {table} WHERE mailbox = ?", (mailbox,))  # noqa: S608 - our own names


def _put_outcome(connection: sqlite3.Connection, standing: Standing, change: Change, now: int) -> None:
    """A newer one takes a new place, so that readers who are past the old one see it."""
    connection.execute(
        "DELETE FROM outcomes WHERE mailbox = ? AND command = ?", (standing.number, change.name)
    )
    connection.execute(
        "INSERT INTO outcomes (nonce, mailbox, command, epoch, sequence, at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (secrets.token_hex(6), standing.number, change.name, *change.event.order, now, change.text),
    )


_Apply = Callable[[sqlite3.Connection, Standing, Change, int], None]
_APPLY: Mapping[EventKind, _Apply] = {
    EventKind.MEETING_PUT: _put_meeting,
    EventKind.MEETING_GONE: _drop_meeting,
    EventKind.SNAPSHOT_BEGIN: _begin,
    EventKind.SNAPSHOT_END: _end,
    EventKind.PRESENCE_PUT: _put_presence,
    EventKind.MAILBOX_PUT: _put_record,
    EventKind.MAILBOX_GONE: _drop_mailbox,
    EventKind.COMMAND_OUTCOME: _put_outcome,
}


def forget(connection: sqlite3.Connection, connector: int) -> None:
    """All that a connector ever sent, and the mark with it; which of its runs were superseded stays known."""
    connection.execute("DELETE FROM mailboxes WHERE connector = ?", (connector,))
    connection.execute("DELETE FROM taken WHERE connector = ?", (connector,))
    connection.execute("UPDATE connectors SET epoch = 0, sequence = 0 WHERE number = ?", (connector,))
