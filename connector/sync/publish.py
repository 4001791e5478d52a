"""From what a source says to one commit: reconcile, enrich, seal. No I/O beyond the key service and the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connector.model import (
    AuditEntry,
    Commit,
    ContentKey,
    Envelope,
    EventKind,
    Expansion,
    IndexRow,
    Intent,
    Meeting,
    Quarantined,
    Series,
    Session,
    ShowAs,
)
from connector.relay.wire import uuid7
from connector.seal.envelope import seal_meeting
from connector.sync.keywords.held import Held
from connector.sync.reconcile import Basis, Change, Drop, Put, reconcile
from connector.sync.visit import Visit

REVISIONS_PER_EPOCH = 1 << 32
"""Revisions of a later life of the database are above all of an earlier one, so that none is ever used twice."""


class Draft:
    """One commit in the making for one mailbox. Everything in it carries the same revision."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._context = visit.context
        self._mailbox = visit.mailbox
        self._before = visit.session
        self._revision = max(visit.session.revision + 1, visit.store.epoch() * REVISIONS_PER_EPOCH)
        self._key: ContentKey | None = None
        self._rows: dict[str, IndexRow] = {}
        self._dropped: dict[str, None] = {}
        self._touched: dict[str, None] = {}
        self._envelopes: list[Envelope] = []
        self._quarantined: list[Quarantined] = []
        self._released: list[str] = []
        self._audit: list[AuditEntry] = []
        self._finished: str | None = None
        self._held = Held(visit, self._revision)

    @property
    def key(self) -> ContentKey:
        """The key of this commit, asked for once."""
        if self._key is None:
            self._key = self._context.keys.sealing_key(self._mailbox.id)
        return self._key

    @property
    def revision(self) -> int:
        """The revision that everything of this commit is sealed with."""
        return self._revision

    @property
    def put_count(self) -> int:
        """How many meetings go up as new or changed."""
        return sum(envelope.kind is EventKind.MEETING_PUT for envelope in self._envelopes)

    @property
    def drop_count(self) -> int:
        """How many meetings go up as gone."""
        return len(self._dropped)

    @property
    def envelopes(self) -> Sequence[Envelope]:
        """What goes up, in order."""
        return self._envelopes

    def take(self, expansion: Expansion, *, whole: bool, resend: bool = False) -> None:
        """Take over what the source said of some series (all their occurrences in the window when ``whole``).

        ``resend`` sends what is there even where nothing differs.
        """
        self._held.notice(expansion.series, whole=whole)
        self._settle(self._changes(expansion.series, whole=whole, resend=resend))
        self._quarantined += expansion.unreadable
        bad = {item.item_id for item in expansion.unreadable}
        self._released += [
            item
            for one in expansion.series
            for meeting in one.meetings
            for item in dict.fromkeys((meeting.item_id, meeting.home_id))
            if item not in bad
        ]
        self._released += [item for item in expansion.gone if item not in bad]
        if bad and bad - {one.item_id for one in self._context.store.quarantine(self._mailbox.id)}:
            self._context.second_looks.set_aside(self._mailbox, self._visit.now)

    def release(self, items: Iterable[str]) -> None:
        """These can be read, or are no longer there."""
        self._released += items

    def drop(self, rows: Iterable[IndexRow]) -> None:
        """Tell the hub that these meetings are gone."""
        rows = list(rows)
        self._held.lost(rows)
        for row in rows:
            if row.meeting_id in self._rows or row.meeting_id in self._dropped:
                continue
            self._dropped[row.meeting_id] = None
            self._add(
                EventKind.MEETING_GONE,
                {"id": row.meeting_id, "revision": self._revision},
                meeting_id=row.meeting_id,
            )

    def announce(self, kind: EventKind, data: Mapping[str, Any], *, sealed: bool = False) -> None:
        """Send an event that belongs to the mailbox rather than to one meeting."""
        self._add(kind, data, key_uri=self.key.uri if sealed else "")

    def record(self, entry: AuditEntry) -> None:
        """Write an audit row in the same transaction."""
        self._audit.append(entry)

    def intend(self, intent: Intent) -> None:
        """This is how an intent stands now; to be told before what the calendar made of it is taken over."""
        self._held.settle(intent)

    def seen(self, place: str) -> str:
        """The digest an intent of this commit was settled with."""
        seen = next((one.seen for one in self._held.changed if one.place == place), "")
        return seen.partition(" ")[0]

    def finish(self, command_id: str) -> None:
        """The command's outcome is in this commit."""
        self._finished = command_id

    def commit(self, session: Session) -> Session:
        """Write everything in one transaction; ``session`` is the state after it. Raises SessionChanged."""
        session = replace(session, due=self._soonest(session.due))
        stored = self._context.store.commit(
            Commit(
                session=replace(session, version=self._before.version, revision=self._revision),
                rows=tuple(self._rows.values()),
                dropped=tuple(self._dropped),
                touched=tuple(self._touched),
                envelopes=tuple(self._envelopes),
                quarantined=tuple(self._quarantined),
                released=tuple(self._released),
                finished=self._finished,
                audit=tuple(self._audit),
                intents=self._held.changed,
            ),
            self._visit.now,
        )
        if self._envelopes:
            self._context.committed()
        for mailbox_id in {one.mailbox_id for one in self._held.changed} - {self._mailbox.id}:
            self._context.wake(mailbox_id)
        return stored

    def _soonest(self, due: datetime) -> datetime:
        """The session's due time, or that of an intent of this commit that comes before."""
        mine = [one.due for one in self._held.changed if one.mailbox_id == self._mailbox.id and one.due]
        return min([due, *mine])

    def _changes(self, series: Sequence[Series], *, whole: bool, resend: bool) -> list[Change]:
        digests = self._context.digests
        rows = self._context.store.rows_of_series(
            self._mailbox.id, [digests.series_key(one.uid) for one in series]
        )
        load = self._before.load
        basis = Basis(
            digests=digests,
            rules_version=self._context.rules.version,
            generation=self._generation(),
            resend=resend or (load is not None and load.resend),
        )
        return reconcile(series, rows, basis, whole=whole)

    def _settle(self, changes: Iterable[Change]) -> None:
        for change in changes:
            if isinstance(change, Put):
                self._put(change)
            elif isinstance(change, Drop):
                self.drop([change.row])
            else:
                self._touched[change.row.meeting_id] = None
                if change.moved:
                    self._rows[change.row.meeting_id] = replace(change.moved, generation=self._generation())

    def _put(self, put: Put) -> None:
        if self._context.rules.absent_by_items and put.meeting.show_as is ShowAs.OUT_OF_OFFICE:
            self._context.hints.owe(self._mailbox.id)
        meeting = self._linked(put)
        policy = self._visit.policy
        data = seal_meeting(
            meeting,
            self.key,
            self._mailbox.id,
            put.meeting_id,
            self._revision,
            policy,
            self._context.digests,
        )
        self._rows[put.meeting_id] = self._row(put, meeting)
        self._dropped.pop(put.meeting_id, None)
        self._add(
            EventKind.MEETING_PUT,
            data,
            meeting_id=put.meeting_id,
            key_uri=self.key.uri,
            starts=meeting.start,
        )

    def _linked(self, put: Put) -> Meeting:
        """The meeting with its way in: what a keyword made goes before what is found in its words."""
        meeting = self._context.rules.enrich(put.meeting)
        link = self._held.way_in(meeting, put.meeting_id)
        meeting = replace(meeting, link=link) if link else meeting
        if meeting.link:
            before, after = self._context.rules.buffers
            meeting = replace(meeting, link=replace(meeting.link, before=before, after=after))
        self._held.lend(meeting, put.meeting_id)
        return meeting

    def _row(self, put: Put, meeting: Meeting) -> IndexRow:
        digests = self._context.digests
        return IndexRow(
            meeting_id=put.meeting_id,
            series_key=digests.series_key(meeting.uid),
            item_id=meeting.item_id,
            home_id=meeting.home_id,
            change_key=meeting.change_key,
            original_start=meeting.original_start,
            start=meeting.start,
            end=meeting.end,
            digest=put.digest,
            digest_version=digests.version,
            rules_version=self._context.rules.version,
            key_uri=self.key.uri,
            revision=self._revision,
            generation=self._generation(),
        )

    def _generation(self) -> int:
        load = self._before.load
        return load.generation if load else self._before.version

    def _add(
        self,
        kind: EventKind,
        data: Mapping[str, Any],
        *,
        meeting_id: str | None = None,
        key_uri: str = "",
        starts: datetime | None = None,
    ) -> None:
        self._envelopes.append(
            Envelope(
                id=uuid7(self._context.now()),
                kind=kind,
                mailbox_id=self._mailbox.id,
                data=data,
                meeting_id=meeting_id,
                revision=self._revision,
                key_uri=key_uri,
                starts=starts,
            )
        )
