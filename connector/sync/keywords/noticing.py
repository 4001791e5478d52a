"""What an expansion shows of keywords: which places ask for something, or no longer do. Pure, and asks nobody.

A place is a meeting, a series as a whole, or an exception of it in which something else stands than what is asked for there:
another keyword, none, a block that went missing or that was left behind. What stands there is what counts; the database, which
may have been set back, only says what was looked at already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from connector.model import Attendee, Intent, IntentState, Meeting, Response, Series, Wish
from connector.sync.keywords.planning import UNDECORATED

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
    home, occurrences, plain = _spots(series, key, sight)
    before = held.get(key)
    due = _of_series(home, before, key, sight) if home else _unseen(series, before, sight)
    given = _given(home, due or before, sight)
    found = [due] if due else []
    for spot in occurrences:
        own = held.get(spot.place)
        if not (own is not None and own.open) and not _differs(spot, given, sight):
            continue
        shown = replace(spot, digest=f"{spot.digest} {given.digest}")
        if one := _consider(shown, own, key, sight):
            found.append(one)
    return [*found, *_reverted(plain, held, sight)]


def look_again(intents: Iterable[Intent], now: datetime) -> Iterator[Intent]:
    """Those of them whose item has gone from where it was."""
    return (
        replace(one, due=now, attempts=0, seen="")
        for one in intents
        if one.open and one.code != "meeting-over"
    )


def _spots(series: Series, key: str, sight: Sight) -> tuple[_Spot | None, list[_Spot], list[Meeting]]:
    """The series as a whole, its exceptions, and the occurrences that are none."""
    alone = [one for one in series.meetings if one.exception and one.item_id != one.home_id]
    plain = [one for one in series.meetings if not (one.exception and one.item_id != one.home_id)]
    home = None
    if plain:
        first = min(plain, key=lambda one: one.start)
        until = max(one.end for one in series.meetings)
        home = _Spot(key, first.home_id, first, until, _digest_of_series(first, plain, sight.digests))
    return home, [_occurrence(one, sight.digests) for one in alone], plain


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


@dataclass(frozen=True, slots=True)
class _Given:
    """What an exception has from its series unless it says otherwise: what is asked for there, and what stands there.

    ``bare`` tells that nothing stands there although something is asked for. ``digest`` changes with what stands there; an exception that was settled with another one is looked at again. What keywords
    mean is no part of it: a changed configuration by itself is no reason to write.
    """

    wish: Wish | None
    url: str
    bare: bool
    digest: str


def _given(home: _Spot | None, intent: Intent | None, sight: Sight) -> _Given:
    wish = _wish(home, sight) if home else intent.wish if intent and intent.open else None
    held = intent.conference if intent else None
    url = held.details.url if held and intent and intent.state is IntentState.DONE else ""
    bare = intent is not None and intent.state is IntentState.LEFT and intent.code != UNDECORATED
    return _Given(wish, url, bare, sight.digests.series_key(f"given\0{url}{bare or ''}"))


def _differs(spot: _Spot, given: _Given, sight: Sight) -> bool:
    """Whether what stands in an exception is not what is asked for there."""
    meeting = spot.meeting
    if not mine(meeting, sight.address):
        return False
    wish = _wish(spot, sight)
    names = bool(given.url) and (given.url in meeting.body or given.url in meeting.online)
    if wish is None:
        return names or sight.shows_block(meeting.body)
    stale = given.bare and sight.shows_block(meeting.body)
    return wish != given.wish or stale or (bool(given.url) and not names)


def _of_series(home: _Spot, before: Intent | None, key: str, sight: Sight) -> Intent | None:
    if before is not None and before.open:
        return _consider(home, before, key, sight)
    wanted = _wish(home, sight) is not None or (
        mine(home.meeting, sight.address) and sight.shows_block(home.meeting.body)
    )
    return _consider(home, before, key, sight) if wanted else None


def _unseen(series: Series, before: Intent | None, sight: Sight) -> Intent | None:
    """A series that shows nothing but exceptions: only a look at its own item tells what became of it."""
    if before is None or not before.open or not series.meetings or not sight.whole or before.due is not None:
        return None
    return replace(before, due=sight.now, attempts=0)


def _reverted(plain: Sequence[Meeting], held: Mapping[str, Intent], sight: Sight) -> Iterator[Intent]:
    """Exceptions that are none any more: what was made for them alone is looked at again."""
    for meeting in plain:
        own = held.get(sight.digests.meeting_id(meeting.uid, meeting.original_start))
        if own is not None and own.open and own.due is None:
            yield replace(own, due=sight.now, attempts=0)


def _consider(spot: _Spot, intent: Intent | None, series_key: str, sight: Sight) -> Intent | None:
    """What becomes of a place: a new intent, one that is due again, or None where nothing changed."""
    if intent is not None and _known(intent, spot, sight):
        return None
    if intent is None or not intent.open:
        return _begun(spot, intent, series_key, sight)
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
