"""Commands that came down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.model import SealedCommand
from connector.store.memory.intents import IntentVerbs
from connector.store.rows import DOWNLINK_CURSOR, FINISHED_COMMANDS_KEPT, INTENTS_KEPT


class CommandVerbs(IntentVerbs):
    """Kept as received until finished; their ids a while longer."""

    def accept(self, commands: Sequence[SealedCommand], cursor: str) -> tuple[str, ...]:
        """Keep the new ones and move the downlink cursor; the mailboxes concerned, each once."""
        with self._lock:
            concerned: dict[str, None] = {}
            for command in commands:
                if command.id in self._state.seen:
                    continue
                self._state.seen[command.id] = command.received_at
                self._state.commands[command.id] = command
                concerned[command.mailbox_id] = None
            self._state.settings[DOWNLINK_CURSOR] = cursor
            return tuple(concerned)

    def next_command(self, mailbox_id: str) -> SealedCommand | None:
        """The oldest not finished, by arrival."""
        with self._lock:
            waiting = self._state.commands.values()
            return next((command for command in waiting if command.mailbox_id == mailbox_id), None)

    def downlink_cursor(self) -> str:
        """The bookmark of the last accepted command."""
        with self._lock:
            return self._state.settings.get(DOWNLINK_CURSOR, "")

    def purge(self, now: datetime) -> None:
        """Forget ids of commands that are over, and commands of mailboxes that are not ours, after 7 days; old intents."""
        with self._lock:
            state, edge = self._state, now - FINISHED_COMMANDS_KEPT
            state.commands = {
                i: c
                for i, c in state.commands.items()
                if c.received_at >= edge or c.mailbox_id in state.mailboxes
            }
            self._forget_intents(now - INTENTS_KEPT)
            state.seen = {i: at for i, at in state.seen.items() if at >= edge or i in state.commands}
