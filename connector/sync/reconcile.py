"""What really changed: series as they stand in the calendar against the index rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.model import IndexRow, Meeting, Series


class Digests(Protocol):
    """Keyed digests of what is sent; implemented by ``connector.seal.digest``."""

    version: int

    def series_key(self, uid: str) -> str:
        """Digest of a UID."""

    def meeting_id(self, uid: str, original_start: datetime) -> str:
        """Digest of a UID and the original start of one occurrence."""

    def content(self, meeting: Meeting) -> str:
        """Digest of all fields that come from the source."""


@dataclass(frozen=True, slots=True)
class Put:
    """The meeting is new or differs from what was sent."""

    meeting: Meeting
    meeting_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The meeting is no longer in the calendar or in the window."""

    row: IndexRow


@dataclass(frozen=True, slots=True)
class Keep:
    """The meeting is as it was sent; ``moved`` holds a row whose ids or digest version have to be noted silently."""

    row: IndexRow
    moved: IndexRow | None = None


Change = Put | Drop | Keep


@dataclass(frozen=True, slots=True)
class Basis:
    """What a comparison goes by.

    ``generation`` marks rows met by a full read; with ``resend`` a row that it has not met yet is sent even when
    nothing differs. ``rules_version`` is that of join rules and policies.
    """

    digests: Digests
    rules_version: int
    generation: int
    resend: bool = False


def reconcile(
    series: Iterable[Series], rows: Iterable[IndexRow], basis: Basis, *, whole: bool
) -> list[Change]:
    """Changes that lead from ``rows`` to ``series``.

    ``rows`` must hold all rows of the series given. With ``whole`` each series is complete for the window, so a row
    without a meeting is a Drop; without it (a slice of the window was read) such rows are left alone.
    """
    known = {row.meeting_id: row for row in rows}
    changes = [
        _compare(meeting, known, basis) for one in series for meeting in _once(one.meetings, basis.digests)
    ]
    if whole:
        met = {_id_of(change) for change in changes}
        changes += [Drop(row) for row in known.values() if row.meeting_id not in met]
    return changes


def _once(meetings: Sequence[Meeting], digests: Digests) -> Iterable[Meeting]:
    """Each occurrence once: a source that doubles one under two item ids must not make two events of it."""
    return {digests.meeting_id(m.uid, m.original_start): m for m in meetings}.values()


def _compare(meeting: Meeting, known: Mapping[str, IndexRow], basis: Basis) -> Change:
    meeting_id = basis.digests.meeting_id(meeting.uid, meeting.original_start)
    digest = basis.digests.content(meeting)
    row = known.get(meeting_id)
    if row is None or _differs(row, digest, basis):
        return Put(meeting, meeting_id, digest)
    current = _noted(row, meeting, digest, basis)
    return Keep(row, current if current != row else None)


def _differs(row: IndexRow, digest: str, basis: Basis) -> bool:
    if row.rules_version != basis.rules_version:
        return True
    if basis.resend and row.generation < basis.generation:
        return True
    return row.digest_version == basis.digests.version and row.digest != digest


def _noted(row: IndexRow, meeting: Meeting, digest: str, basis: Basis) -> IndexRow:
    """The row with the item's present ids and the digest under the present key; nothing of it is worth an event."""
    return IndexRow(
        meeting_id=row.meeting_id,
        series_key=row.series_key,
        item_id=meeting.item_id,
        home_id=meeting.home_id,
        change_key=meeting.change_key,
        original_start=row.original_start,
        start=row.start,
        end=row.end,
        digest=digest,
        digest_version=basis.digests.version,
        rules_version=row.rules_version,
        key_uri=row.key_uri,
        revision=row.revision,
        generation=row.generation,
    )


def _id_of(change: Change) -> str:
    return change.meeting_id if isinstance(change, Put) else change.row.meeting_id
