"""Which envelope may be sent before which: the one rule of the outbox, pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.model import EventKind
from connector.store.rows import BARRIERS


@dataclass(slots=True)
class LeftBehind:
    """Envelopes passed over on a walk through the outbox by sequence: in flight, or held back themselves.

    What comes later on the walk has to stay behind too if it is of the same meeting, if a barrier of its mailbox was
    left behind, or if it is a barrier itself and anything of its mailbox was.
    """

    _mailboxes: set[str] = field(default_factory=set)
    _walled: set[str] = field(default_factory=set)
    _meetings: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: EventKind, mailbox_id: str, meeting_id: str | None) -> None:
        """Remember one that was passed over."""
        self._mailboxes.add(mailbox_id)
        if kind in BARRIERS:
            self._walled.add(mailbox_id)
        if meeting_id is not None:
            self._meetings.add((mailbox_id, meeting_id))

    def holds(self, kind: EventKind, mailbox_id: str, meeting_id: str | None) -> bool:
        """Whether an envelope that comes now has to wait for one that was passed over."""
        if mailbox_id not in self._mailboxes:
            return False
        same_meeting = meeting_id is not None and (mailbox_id, meeting_id) in self._meetings
        return same_meeting or kind in BARRIERS or mailbox_id in self._walled
