"""What the verbs need of the process they run in: a running daemon, or a command that opened the store by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from connector.errors import UserError
from connector.model import ContentKey
from connector.operations.desk import Desk
from connector.operations.status import Vitals
from connector.roster.base import RosterPlace


class NeedsDaemon(UserError):
    """Only the running daemon can do this."""

    def __init__(self) -> None:
        super().__init__("this needs the running daemon: systemctl start calendar-connector")


class Live(Protocol):
    """What only a running daemon can do."""

    def vitals(self) -> Vitals:
        """Threads, streams, hub, holds, alarms."""

    def pause_source(self, name: str, until: datetime) -> None:
        """Ask nothing of a source until then."""

    def resume_source(self, name: str) -> None:
        """Go on with it, with jitter."""

    def unsubscribe(self, name: str) -> int:
        """Give every streaming subscription of a source back at the server; they are made anew unless it is paused."""

    def release_writes(self) -> bool:
        """Let calendar writes flow again; whether they had been stopped."""

    def reader_keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """Keys that open what the hub holds of a mailbox."""

    def why(self, mailbox_id: str, subject: str, meeting: str) -> list[dict[str, Any]]:
        """What became of the meetings that are meant, and why; reads the calendar. Raises UserError."""

    def secret_changed(self, name: str) -> None:
        """A credential was typed or deleted: whoever waits for it goes on."""


class Redirects(Protocol):
    """Pending redirects of one source."""

    def pending(self) -> Sequence[Any]:
        """Those found and not yet allowed."""

    def allow(self, host: str) -> bool:
        """Allow one; whether it was pending."""


class Premises(Protocol):
    """Where a verb runs."""

    def desk(self, actor: str) -> Desk:
        """A desk for the person who asks."""

    def places(self) -> Sequence[RosterPlace]:
        """The places of the roster, in order."""

    def redirects(self, source: str) -> Redirects:
        """Pending Autodiscover redirects of a source. Raises NotFound."""

    @property
    def live(self) -> Live | None:
        """The daemon, when this is it."""


def daemon(premises: Premises) -> Live:
    """The daemon's abilities. Raises NeedsDaemon."""
    if premises.live is None:
        raise NeedsDaemon
    return premises.live
