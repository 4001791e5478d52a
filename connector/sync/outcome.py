"""What one step of a session leaves behind."""

from __future__ import annotations

from dataclasses import dataclass

from connector.model import Session


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence for the log, the session as it is now stored, and whether more waits to be done at once.

    ``session`` is None when the mailbox is no longer there. ``notable`` steps are worth a line in the log of a healthy
    day even though the phase stays the same; in those that have ``changed`` something, meetings came or went.
    """

    sentence: str
    session: Session | None
    more: bool = False
    notable: bool = False
    changed: bool = False
