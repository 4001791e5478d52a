"""What an expansion shows of keywords: which places ask for something, or no longer do. Pure, and asks nobody.

A place is a meeting, a series as a whole, or an occurrence that differs from its series in what concerns us: another
keyword, none, or a block that went missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connector.model import Attendee, Intent, IntentState, Meeting, Response, Series, Wish

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Digests(Protocol):
    """Keyed digests; implemented by ``connector.seal.digest``."""

    def series_key(self, uid: str) -> str:
        """Digest of a UID."""

    def meeting_id(self, uid: str, original_start: datetime) -> str:
        """Digest of a UID and the original start of one occurrence."""

    def content(self, meeting: Meeting) -> str:
        """Digest of all fields that come from the source."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What noticing goes by.

    ``whole`` tells that all occurrences in the window were seen, not a slice of them. ``shows_block`` looks for our block in a
    plain text.
    """

    mailbox_id: str
    address: str
    digests: Digests
    find: Callable[[str], Wish | None]
    shows_block: Callable[[str], bool]
    now: datetime
    revision: int
    whole: bool


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place as the expansion shows it; ``meeting`` stands for it."""

    place: str
    item_id: str
    meeting: Meeting
    until: datetime
    digest: str


def mine(meeting: Meeting, address: str) -> bool:
    """Whether the mailbox organises it. Appointments have no organiser, or the owner; a delegate's is the owner's."""
    if meeting.response is Response.ORGANIZER:
        return True
    organizer = meeting.organizer
    return meeting.response is Response.NONE and (organizer is None or organizer.address in {"", address})


def notice(series: Series, held: Mapping[str, Intent], sight: Sight) -> list[Intent]:
    """The intents that this series begins or makes due, as they are to be stored."""
    key = sight.digests.series_key(series.uid)
    home, occurrences = _spots(series, key, sight)
    found: list[Intent] = []
    before = held.get(key)
    if home is not None and (one := _consider(home, before, key, sight)):
        found.append(one)
    home_wish = _wish(home, sight) if home else before.wish if before and before.open else None
    for spot in occurrences:
        own = held.get(spot.place)
        if (own is None or not own.open) and not _differs(spot, home_wish, before, sight):
            continue
        if one := _consider(spot, own, key, sight, always=True):
            found.append(one)
    return found


def look_again(intents: Iterable[Intent], now: datetime) -> Iterator[Intent]:
    """Those of them whose item has gone from where it was."""
    return (
        replace(one, due=now, attempts=0, seen="")
        for one in intents
        if one.open and one.code != "meeting-over"
    )


def _spots(series: Series, key: str, sight: Sight) -> tuple[_Spot | None, list[_Spot]]:
    occurrences = [one for one in series.meetings if one.exception and one.item_id != one.home_id]
    plain = [one for one in series.meetings if not (one.exception and one.item_id != one.home_id)]
    home = None
    if plain:
        first = min(plain, key=lambda one: one.start)
        until = max(one.end for one in series.meetings)
        home = _Spot(key, first.home_id, first, until, _digest_of_series(first, plain, sight.digests))
    return home, [_occurrence(one, sight.digests) for one in occurrences]


def _occurrence(meeting: Meeting, digests: Digests) -> _Spot:
    place = digests.meeting_id(meeting.uid, meeting.original_start)
    return _Spot(place, meeting.item_id, meeting, meeting.end, digests.content(_without_answers(meeting)))


def _digest_of_series(first: Meeting, plain: Sequence[Meeting], digests: Digests) -> str:
    """The same whichever occurrence is the first of the window; a single meeting's own times count.

    Behind a blank stand the days of the week: a slice of the window does not show all of them.
    """
    bare = _without_answers(first)
    if not first.recurring:
        return digests.content(bare)
    clock = first.start.timetz()
    start = _EPOCH + timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
    end = start + (first.end - first.start)
    day = _EPOCH.date() if first.first_day else None
    days = ",".join(sorted({f"{one.start:%a}" for one in plain}))
    bare = replace(bare, original_start=start, start=start, end=end, first_day=day)
    return f"{digests.content(bare)} {days}"


def _known(intent: Intent, spot: _Spot, sight: Sight) -> bool:
    """Whether the place is as it was when its intent was settled, as far as was seen."""
    if sight.whole:
        return intent.seen == spot.digest
    return intent.seen.partition(" ")[0] == spot.digest.partition(" ")[0]


def _without_answers(meeting: Meeting) -> Meeting:
    """What attendees answer is no reason to look again."""
    people = tuple(Attendee(one.address, role=one.role) for one in meeting.attendees)
    return replace(meeting, attendees=people, exception=False)


def _wish(spot: _Spot, sight: Sight) -> Wish | None:
    return sight.find(spot.meeting.location) if mine(spot.meeting, sight.address) else None


def _differs(spot: _Spot, home_wish: Wish | None, home: Intent | None, sight: Sight) -> bool:
    """Whether an occurrence without an intent needs one of its own.

    The series comes first: while something is to be done for it, an occurrence that inherits its text will follow, and
    what keeps a text of its own is seen when the series is settled.
    """
    wish = _wish(spot, sight)
    if wish is not None and wish != home_wish:
        return True
    settled = home is not None and (home.state is IntentState.DONE if home_wish else not home.open)
    if home is None or not settled or home.wish != home_wish:
        return False
    shows = sight.shows_block(spot.meeting.body) or _has(spot.meeting, home)
    if wish is None:
        return shows and mine(spot.meeting, sight.address)
    return not shows or _left_behind(spot.meeting, home)


def _left_behind(meeting: Meeting, home: Intent) -> bool:
    """Whether an occurrence with a text of its own still names a conference that was replaced for its series."""
    was_replaced = any(note.what == "replaced" for note in home.journal)
    return was_replaced and home.conference is not None and not _has(meeting, home)


def _has(meeting: Meeting, home: Intent) -> bool:
    """Whether an occurrence names the conference of its series, in its text or where the calendar states one."""
    details = home.conference.details if home.conference else None
    return details is not None and (details.url in meeting.body or details.url in meeting.online)


def _consider(
    spot: _Spot, intent: Intent | None, series_key: str, sight: Sight, *, always: bool = False
) -> Intent | None:
    """What becomes of a place: a new intent, one that is due again, or None where nothing changed."""
    if intent is None or not intent.open:
        begins = always or _wish(spot, sight) is not None
        known = intent is not None and _known(intent, spot, sight)
        return _begun(spot, intent, series_key, sight) if begins and not known else None
    if _known(intent, spot, sight):
        return None
    return replace(
        intent, due=sight.now, attempts=0, seen=spot.digest, item_id=spot.item_id, until=spot.until
    )


def _begun(spot: _Spot, before: Intent | None, series_key: str, sight: Sight) -> Intent:
    # The text can be no UID that a calendar gives, so that the key stands for nothing else.
    text = f"intent\0{sight.mailbox_id}\0{spot.place}\0{sight.revision}"
    return Intent(
        key=sight.digests.series_key(text),
        mailbox_id=sight.mailbox_id,
        series_key=series_key,
        place=spot.place,
        item_id=spot.item_id,
        state=IntentState.WANTED,
        due=sight.now,
        until=spot.until,
        seen=spot.digest,
        journal=before.journal if before else (),
    )
