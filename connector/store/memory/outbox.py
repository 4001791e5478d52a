"""The outbox and its dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from connector.model import DeadLetter, Queued
from connector.store.base import OutboxState
from connector.store.memory.state import Verbs
from connector.store.order import LeftBehind
from connector.store.rows import BARRIERS, DEAD_LETTERS_SHOWN, from_json, to_json


class OutboxVerbs(Verbs):
    """Envelopes on their way."""

    def claim(self, limit: int, urgent_before: datetime) -> tuple[Queued, ...]:
        """The next envelopes to send: urgent ones first, then by sequence, none past what it has to follow."""
        with self._lock:
            taken = self._urgent(urgent_before)[: max(limit, 0)]
            taken += self._in_order({queued.envelope.id for queued in taken}, limit - len(taken))
            self._state.claimed |= {queued.envelope.id for queued in taken}
            return tuple(_copied(queued) for queued in taken)

    def acknowledge(self, event_ids: Sequence[str]) -> None:
        """The hub has them for good."""
        with self._lock:
            for event_id in event_ids:
                self._state.outbox.pop(event_id, None)
                self._state.claimed.discard(event_id)

    def release(self, event_ids: Sequence[str]) -> None:
        """They were not taken: to be claimed again, attempts counted."""
        with self._lock:
            for event_id in self._state.claimed & set(event_ids):
                queued = self._state.outbox[event_id]
                self._state.outbox[event_id] = replace(queued, attempts=queued.attempts + 1)
                self._state.claimed.discard(event_id)

    def bury(self, event_id: str, code: str, now: datetime) -> None:
        """Move it to the dead letters."""
        with self._lock:
            queued = self._state.outbox.pop(event_id, None)
            self._state.claimed.discard(event_id)
            if queued:
                self._state.dead.pop(event_id, None)
                self._state.dead[event_id] = DeadLetter(queued, code, now)

    def release_all(self) -> int:
        """Give free what a killed process had claimed."""
        with self._lock:
            count = len(self._state.claimed)
            self._state.claimed.clear()
            return count

    def outbox(self) -> OutboxState:
        """Its present size."""
        with self._lock:
            waiting = self._state.outbox.values()
            oldest = min((queued.queued_at for queued in waiting), default=None)
            return OutboxState(len(waiting), oldest, len(self._state.dead))

    def waiting(self, mailbox_id: str) -> tuple[Queued, ...]:
        """What waits of one mailbox, in order."""
        with self._lock:
            found = (one for one in self._state.outbox.values() if one.envelope.mailbox_id == mailbox_id)
            return tuple(_copied(queued) for queued in found)

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """The newest first, at most 1,000."""
        with self._lock:
            newest = list(reversed(self._state.dead.values()))[:DEAD_LETTERS_SHOWN]
            return tuple(replace(letter, queued=_copied(letter.queued)) for letter in newest)

    def drop_dead_letter(self, event_id: str) -> bool:
        """Forget one; whether it was there."""
        with self._lock:
            return self._state.dead.pop(event_id, None) is not None

    def _urgent(self, before: datetime) -> list[Queued]:
        """Waiting meetings that start soon and would overtake nothing that they have to follow."""
        urgent: list[Queued] = []
        passed = LeftBehind()
        for queued in self._state.outbox.values():
            envelope = queued.envelope
            place = (envelope.kind, envelope.mailbox_id, envelope.meeting_id)
            soon = envelope.starts is not None and envelope.starts < before and envelope.kind not in BARRIERS
            if soon and envelope.id not in self._state.claimed and not passed.holds(*place):
                urgent.append(queued)
            passed.add(*place)
        return urgent

    def _in_order(self, taken: set[str], limit: int) -> list[Queued]:
        """Waiting envelopes by sequence, except those ``taken`` already and those that have to wait."""
        chosen: list[Queued] = []
        left = LeftBehind()
        for queued in self._state.outbox.values():
            envelope = queued.envelope
            place = (envelope.kind, envelope.mailbox_id, envelope.meeting_id)
            if len(chosen) >= limit:
                break
            if envelope.id in taken:
                continue
            if envelope.id in self._state.claimed or left.holds(*place):
                left.add(*place)
            else:
                chosen.append(queued)
        return chosen


def _copied(queued: Queued) -> Queued:
    envelope = queued.envelope
    return replace(queued, envelope=replace(envelope, data=from_json(to_json(envelope.data))))
