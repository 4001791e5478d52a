"""What the core asks of a place that names mailboxes. Adapters: ``csvfile`` (and later ``directory``)."""

from __future__ import annotations

from typing import Protocol

from connector.errors import UserError


class RosterUnreadable(UserError):
    """The place can't be read or its content is not to be believed; nothing is changed because of it."""


class RosterPlace(Protocol):
    """One entry under ``roster.from``."""

    name: str
    policy: str

    def addresses(self) -> tuple[str, ...]:
        """Primary addresses, lower-case, each once. Raises RosterUnreadable, also when there is none at all."""
