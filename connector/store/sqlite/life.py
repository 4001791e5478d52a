"""Epoch, settings and subscriptions."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from sys import intern

from connector.model import Phase, Stage
from connector.source.base import Subscription
from connector.store.rows import OF_ONE_LIFE, from_micros, to_micros
from connector.store.sqlite.sealing import Sealing
from connector.store.sqlite.verbs import Verbs

_LOAD_ANEW = """
UPDATE sessions SET
  phase = :loading, cursor = NULL, due = :now, version = version + 1,
  load_stage = :feed, load_generation = version + 1, load_resend = 1,
  load_filled_to = NULL, load_snapshot = NULL, presence_digest = NULL
WHERE phase IN (:loading, :live)
"""

_LOAD_LATER = """
UPDATE sessions SET resume = NULL, presence_digest = NULL, version = version + 1
WHERE phase NOT IN (:loading, :live) AND (resume IS NOT NULL OR presence_digest IS NOT NULL)
"""


class LifeVerbs(Verbs):
    """This life of the database, and small things that have no room of their own."""

    def epoch(self) -> int:
        """The number of this life."""
        with self._database.read() as connection:
            epoch: int = connection.execute("SELECT epoch FROM life").fetchone()["epoch"]
            return epoch

    def last_sequence(self) -> int:
        """The highest sequence given out in this epoch."""
        with self._database.read() as connection:
            last: int = connection.execute("SELECT last_sequence FROM life").fetchone()["last_sequence"]
            return last

    def raise_epoch(self, epoch: int, now: datetime) -> None:
        """Begin a new life, unless ``epoch`` is not greater than the present one."""
        phases = {"loading": int(Phase.LOADING), "live": int(Phase.LIVE)}
        with self._database.write() as connection:
            raised = connection.execute("UPDATE life SET epoch = :new WHERE epoch < :new", {"new": epoch})
            if raised.rowcount == 0:
                return
            connection.executemany(
                "DELETE FROM outbox WHERE kind = ?", [(kind.value,) for kind in sorted(OF_ONE_LIFE)]
            )
            _renumber(connection)
            connection.execute(_LOAD_LATER, phases)
            connection.execute(_LOAD_ANEW, {**phases, "feed": Stage.FEED.value, "now": to_micros(now)})

    def setting(self, name: str) -> str | None:
        """A small named value."""
        with self._database.read() as connection:
            return read_setting(connection, self._sealing, name)

    def put_setting(self, name: str, value: str | None) -> None:
        """Set it, or remove it with None."""
        with self._database.write() as connection:
            write_setting(connection, self._sealing, name, value)

    def subscriptions(self, source: str) -> tuple[Subscription, ...]:
        """All of one source."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM subscriptions WHERE source = ?", (source,))
            return tuple(map(self._subscription_of, rows))

    def save_subscription(self, subscription: Subscription) -> None:
        """Remember or replace; the way back to the server names mailboxes and hosts and rests sealed."""
        private = {"id": subscription.id, "group": subscription.group, "route": subscription.route}
        sealed = self._sealing.seal("subscriptions", subscription.mailbox_id, private)
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO subscriptions (mailbox_id, source, made_at, sealed)"
                " VALUES (?, ?, ?, ?)",
                (subscription.mailbox_id, subscription.source, to_micros(subscription.made_at), sealed),
            )

    def drop_subscription(self, mailbox_id: str) -> None:
        """Forget."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM subscriptions WHERE mailbox_id = ?", (mailbox_id,))

    def _subscription_of(self, row: sqlite3.Row) -> Subscription:
        """Group and route are those of some two hundred, and are held in memory once."""
        private = self._sealing.open("subscriptions", row["mailbox_id"], row["sealed"])
        return Subscription(
            source=intern(row["source"]),
            mailbox_id=row["mailbox_id"],
            id=private["id"],
            group=intern(private["group"]),
            route=intern(private["route"]),
            made_at=from_micros(row["made_at"]),
        )


def read_setting(connection: sqlite3.Connection, sealing: Sealing, name: str) -> str | None:
    """The value of one setting, inside a transaction that is open already."""
    row = connection.execute("SELECT sealed FROM settings WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    value: str = sealing.open("settings", name, row["sealed"])["value"]
    return value


def write_setting(connection: sqlite3.Connection, sealing: Sealing, name: str, value: str | None) -> None:
    """Set or remove one setting, inside a transaction that is open already."""
    if value is None:
        connection.execute("DELETE FROM settings WHERE name = ?", (name,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO settings (name, sealed) VALUES (?, ?)",
        (name, sealing.seal("settings", name, {"value": value})),
    )


def _renumber(connection: sqlite3.Connection) -> None:
    """Close the gaps; going upwards, no row meets a number that is still taken."""
    kept = [row["sequence"] for row in connection.execute("SELECT sequence FROM outbox ORDER BY sequence")]
    connection.executemany(
        "UPDATE outbox SET sequence = ? WHERE sequence = ?", list(enumerate(kept, start=1))
    )
    connection.execute("UPDATE life SET last_sequence = ?", (len(kept),))
