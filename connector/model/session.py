"""The state of one mailbox: phases, progress, and what is remembered of sent meetings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum


class Phase(IntEnum):
    """Life of a mailbox. The numbers are for monitoring and never change meaning."""

    REQUESTED = 1  # the wish is recorded, nothing was opened yet
    VALIDATING = 2  # located; identity and access are being checked
    LOADING = 3  # first or repeated full read
    LIVE = 4  # list at the hub follows the calendar
    BLOCKED = 5  # closed to us; `reason` says why, retried slowly
    PAUSED = 6  # by an administrator or because it left the roster
    MOVED = 7  # moved to Exchange Online; nothing is asked any more
    LEAVING = 8  # deactivated; source and hub are being told


class Stage(StrEnum):
    """Where a full read stands."""

    FEED = "feed"  # the change feed is paged to its end, ids only, to get a cursor
    FILL = "fill"  # the window is read slice by slice
    CATCH_UP = "catch-up"  # what changed meanwhile
    SWEEP = "sweep"  # rows that were not seen are deletions


@dataclass(frozen=True, slots=True)
class Load:
    """Progress of a full read. ``generation`` marks rows seen by it; ``resend`` sends unchanged meetings too."""

    stage: Stage
    generation: int
    resend: bool
    filled_to: datetime | None = None
    snapshot: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The passive state of one mailbox. Data, not a thread.

    ``version`` grows with every commit: a commit names the version it read (SessionChanged otherwise).
    ``covered`` is the end of the window up to which the list is complete.
    """

    mailbox_id: str
    phase: Phase
    due: datetime
    version: int = 0
    cursor: str | None = None
    revision: int = 0
    attempts: int = 0
    reason: str | None = None
    load: Load | None = None
    covered: datetime | None = None
    synced_at: datetime | None = None
    presence_at: datetime | None = None
    presence_digest: str | None = None
    failed_at: datetime | None = None
    resume: Phase | None = None
    erase: bool = False


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What is remembered of a meeting that was sent: ids, times and keyed digests, never its words."""

    meeting_id: str
    series_key: str
    item_id: str
    home_id: str
    change_key: str
    original_start: datetime
    start: datetime
    end: datetime
    digest: str
    digest_version: int
    rules_version: int
    key_uri: str
    revision: int
    generation: int
