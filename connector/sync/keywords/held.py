"""The intents of the series that one commit touches: read once, changed by what is seen, written with the commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connector.model import (
    Conference,
    IndexRow,
    Intent,
    IntentState,
    JoinDetails,
    JoinLink,
    Kind,
    Meeting,
    Role,
    Series,
)
from connector.sync.keywords import noticing
from connector.sync.keywords.noticing import Sight
from connector.sync.visit import Visit


class Held:
    """Intents by mailbox and place, for one commit of one mailbox. ``revision`` goes into the keys of new ones."""

    def __init__(self, visit: Visit, revision: int) -> None:
        self._visit = visit
        self._revision = revision
        self._read: set[str] = set()
        self._known: dict[tuple[str, str], Intent] = {}
        self._changed: dict[tuple[str, str], Intent] = {}
        self._settled: set[str] = set()

    @property
    def changed(self) -> tuple[Intent, ...]:
        """What is to be written."""
        return tuple(self._changed.values())

    def settle(self, intent: Intent) -> None:
        """This is how it stands now; what the commit sees of its item is what it is settled with."""
        self._put(intent)
        self._settled.add(intent.place)

    def notice(self, series: Sequence[Series], *, whole: bool) -> None:
        """Compare what was seen with what is held."""
        digests = self._visit.context.digests
        self._load(digests.series_key(one.uid) for one in series)
        terms = self._visit.context.rules.keywords
        if not (terms.on and "keyword" in self._visit.policy.write):
            return
        sight = Sight(
            mailbox_id=self._visit.mailbox.id,
            address=self._visit.mailbox.address,
            digests=digests,
            find=terms.find,
            shows_block=terms.blocks.shown,
            now=self._visit.now,
            revision=self._revision,
            whole=whole,
        )
        for one in series:
            for intent in noticing.notice(one, self._own(digests.series_key(one.uid)), sight):
                self._noticed(intent)

    def lost(self, rows: Iterable[IndexRow]) -> None:
        """These meetings are no longer where they were: whatever was made for them is looked at again."""
        rows = list(rows)
        self._load(row.series_key for row in rows)
        places = {place for row in rows for place in (row.series_key, row.meeting_id)}
        mine = [
            one for (owner, place), one in self._all() if owner == self._visit.mailbox.id and place in places
        ]
        for intent in noticing.look_again(mine, self._visit.now):
            if intent.place not in self._settled:
                self._put(intent)

    def way_in(self, meeting: Meeting, meeting_id: str) -> JoinLink | None:
        """The way into a meeting that a keyword made, or that the organiser's copy lends; None where there is none."""
        series_key = self._visit.context.digests.series_key(meeting.uid)
        held = self._own(series_key)
        own, home = held.get(meeting_id), held.get(series_key)
        intent = home if own is None or self._borrows(own, home, meeting) else own
        if intent is None or intent.conference is None:
            return None
        if intent.state is IntentState.LENT:
            return None if meeting.link else _link(intent)
        return _link(intent) if intent.state is IntentState.DONE else None

    def _borrows(self, own: Intent, home: Intent | None, meeting: Meeting) -> bool:
        """Whether an occurrence has the way in of its series, although there is an intent of its own."""
        if own.shared or home is None or own.conference is not None:
            return own.shared
        wish = self._visit.context.rules.keywords.find(meeting.location)
        return wish is not None and wish == home.wish

    def lend(self, meeting: Meeting, meeting_id: str) -> None:
        """Let the rooms that are invited know the way in: Exchange may have stripped it from their copies."""
        rooms = [one.address for one in meeting.attendees if one.role is Role.RESOURCE and one.address]
        if not rooms or not noticing.mine(meeting, self._visit.mailbox.address):
            return
        for address in rooms:
            room = self._visit.store.find_mailbox(address)
            if room is not None and room.id != self._visit.mailbox.id:
                self._lend(room.id, meeting, meeting_id)

    def _lend(self, room_id: str, meeting: Meeting, meeting_id: str) -> None:
        digests = self._visit.context.digests
        series_key = digests.series_key(meeting.uid)
        alone = meeting.exception and meeting.item_id != meeting.home_id
        place = meeting_id if alone else series_key
        before = self._known.get((room_id, place))
        before = self._changed.get((room_id, place), before)
        lent = _lent(meeting.link) if meeting.link else None
        if (before.conference if before else None) == lent or (
            before and before.state is not IntentState.LENT
        ):
            return
        until = max(meeting.end, before.until) if before else meeting.end
        self._put(
            Intent(
                "", room_id, series_key, place, "", IntentState.LENT, self._visit.now, until, conference=lent
            )
        )

    def _noticed(self, intent: Intent) -> None:
        if intent.place in self._settled:
            intent = replace(intent, due=self._changed[intent.mailbox_id, intent.place].due)
        self._put(intent)

    def _put(self, intent: Intent) -> None:
        self._changed[intent.mailbox_id, intent.place] = intent

    def _load(self, series_keys: Iterable[str]) -> None:
        missing = [key for key in dict.fromkeys(series_keys) if key not in self._read]
        if missing:
            self._read |= set(missing)
            found = self._visit.store.intents_of_series(missing)
            self._known |= {(one.mailbox_id, one.place): one for one in found}

    def _all(self) -> list[tuple[tuple[str, str], Intent]]:
        return list({**self._known, **self._changed}.items())

    def _own(self, series_key: str) -> Mapping[str, Intent]:
        """This mailbox's intents of a series, by place."""
        return {
            place: one
            for (owner, place), one in self._all()
            if owner == self._visit.mailbox.id and one.series_key == series_key
        }


def _link(intent: Intent) -> JoinLink | None:
    if intent.conference is None:
        return None
    details = intent.conference.details
    rule = f"keyword {intent.wish.keyword}" if intent.wish else "organiser's copy"
    return JoinLink(
        url=details.url,
        service=details.service or (intent.wish.action if intent.wish else ""),
        rule=rule,
        sip=details.sip or None,
        meeting_id=details.meeting_id or None,
        passcode=details.passcode or None,
    )


def _lent(link: JoinLink) -> Conference:
    details = JoinDetails(link.url, link.service, link.meeting_id or "", link.passcode or "", link.sip or "")
    return Conference(Kind.PERSONAL, details)
