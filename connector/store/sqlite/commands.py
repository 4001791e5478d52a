"""Commands that came down."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from connector.model import SealedCommand
from connector.store.rows import (
    DOWNLINK_CURSOR,
    FINISHED_COMMANDS_KEPT,
    INTENTS_KEPT,
    from_micros,
    to_micros,
)
from connector.store.sqlite.database import give_back_pages
from connector.store.sqlite.intents import forget_intents
from connector.store.sqlite.life import read_setting, write_setting
from connector.store.sqlite.verbs import Verbs

_PAGES_GIVEN_BACK = 2000


class CommandVerbs(Verbs):
    """Kept as received until finished; their ids a while longer."""

    def accept(self, commands: Sequence[SealedCommand], cursor: str) -> tuple[str, ...]:
        """Keep the new ones and move the downlink cursor; the mailboxes concerned, each once."""
        concerned: dict[str, None] = {}
        with self._database.write() as connection:
            for command in commands:
                if self._keep(connection, command):
                    concerned[command.mailbox_id] = None
            write_setting(connection, self._sealing, DOWNLINK_CURSOR, cursor)
        return tuple(concerned)

    def next_command(self, mailbox_id: str) -> SealedCommand | None:
        """The oldest not finished, by arrival."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT * FROM commands WHERE mailbox_id = ? ORDER BY number LIMIT 1", (mailbox_id,)
            ).fetchone()
        if row is None:
            return None
        jwe = self._sealing.open("commands", row["id"], row["sealed"])["jwe"]
        return SealedCommand(row["id"], mailbox_id, jwe, from_micros(row["received_at"]))

    def downlink_cursor(self) -> str:
        """The bookmark of the last accepted command."""
        with self._database.read() as connection:
            return read_setting(connection, self._sealing, DOWNLINK_CURSOR) or ""

    def purge(self, now: datetime) -> None:
        """Forget ids of commands that are over, and commands of mailboxes that are not ours, after 7 days; old intents.

        Gives back at most a few megabytes of free space a time.
        """
        edge = to_micros(now - FINISHED_COMMANDS_KEPT)
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM commands WHERE received_at < ? AND mailbox_id NOT IN (SELECT id FROM mailboxes)",
                (edge,),
            )
            connection.execute(
                "DELETE FROM seen_commands WHERE seen_at < ? AND id NOT IN (SELECT id FROM commands)", (edge,)
            )
            forget_intents(connection, now - INTENTS_KEPT)
            give_back_pages(connection, _PAGES_GIVEN_BACK)

    def _keep(self, connection: sqlite3.Connection, command: SealedCommand) -> bool:
        received = to_micros(command.received_at)
        seen = connection.execute(
            "INSERT INTO seen_commands (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
            (command.id, received),
        )
        if seen.rowcount == 0:
            return False
        sealed = self._sealing.seal("commands", command.id, {"jwe": command.jwe})
        connection.execute(
            "INSERT INTO commands (id, mailbox_id, received_at, sealed) VALUES (?, ?, ?, ?)",
            (command.id, command.mailbox_id, received, sealed),
        )
        return True


def finish_command(connection: sqlite3.Connection, command_id: str, now: datetime) -> None:
    """Delete a command in a transaction that is open already; its id is remembered from now on."""
    connection.execute("DELETE FROM commands WHERE id = ?", (command_id,))
    connection.execute(
        "INSERT OR REPLACE INTO seen_commands (id, seen_at) VALUES (?, ?)", (command_id, to_micros(now))
    )
