"""What is to be done for one place, given its item as it stands, its intent and the terms. Pure.

The order of the questions is the order of what matters most: whose item it is, whether the meeting still is, what was
asked for, whether it may be written, and only then what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from connector.meeting.invitation import Standing
from connector.meeting.invitation.invitations import too_large
from connector.model import (
    Conference,
    ConferenceOrder,
    Hosted,
    Intent,
    IntentState,
    Making,
    Person,
    Sensitivity,
    WholeItem,
    Wish,
)
from connector.sync.keywords import marker
from connector.sync.keywords.marker import Marker
from connector.sync.keywords.terms import KeywordTerms

UNDECORATED = "undecorated"
MOST_LOOKS = 20
"""So often it is looked whether the calendar system has made a conference."""
PRIVATE = frozenset({Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL})


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is done; ``code`` says why, "" where all is as it should be."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Make:
    """A conference is to be made for ``wish``; ``key`` where the item tells of one of ours from before."""

    wish: Wish
    key: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """The series' conference is this occurrence's too."""

    home: Intent


@dataclass(frozen=True, slots=True)
class Replace:
    """Another keyword stands there now: the conference made so far is to be ended."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Move:
    """The meeting got another time, rule or subject."""


@dataclass(frozen=True, slots=True)
class Put:
    """The block is to be written."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is asked for any more: the block is to be taken out where ``clean``, and the conference ended."""

    clean: bool


@dataclass(frozen=True, slots=True)
class Host:
    """The calendar system is to make the conference itself."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Await:
    """It was asked, under the write of this key, and has not made it yet."""

    wish: Wish
    key: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """It has made it."""

    wish: Wish
    key: str
    conference: Conference


Plan = Leave | Make | Share | Replace | Move | Put | End | Host | Await | Adopt


@dataclass(frozen=True, slots=True)
class Case:
    """All that a plan goes by.

    ``private`` is the policy's word for private meetings, ``home`` the intent of the series that an occurrence belongs to,
    ``listed`` how many people its distribution lists stand for.
    """

    item: WholeItem
    intent: Intent
    home: Intent | None
    terms: KeywordTerms
    private: str
    now: datetime
    written: str = ""
    """Keyed digest of the details that are to stand there."""
    listed: int = 0

    @property
    def mark(self) -> Marker | None:
        """What the item says of our last write."""
        return marker.read(self.item.marker)

    @property
    def block(self) -> str | None:
        """The digest of the block that was written last, as the item says."""
        return self.mark.digest if self.mark else None

    @property
    def wish(self) -> Wish | None:
        """What its location asks for."""
        return self.terms.find(self.item.meeting.location)

    @property
    def ours(self) -> Hosted | None:
        """The conference that the calendar system keeps with the item, if it is the one that our write ordered."""
        mark, hosted = self.mark, self.item.hosted
        return hosted if mark and hosted and hosted.tag.partition(".")[0] == mark.key else None

    @property
    def standing(self) -> Standing | None:
        """What became of our block, or of the conference that stands in its place."""
        if self.ours is not None and self.ours.making is not Making.FAILED:
            return Standing.AS_WRITTEN
        return self.terms.blocks.standing(self.item, self.block)


def plan(case: Case) -> Plan:
    """The next thing to do; asked again after it is done, until it says Leave."""
    if not case.item.own:
        return Leave("attendee-copy")
    if is_over(case.item, case.now):
        return Leave("meeting-over")
    if case.item.meeting.cancelled:
        return End(clean=False)
    wish = case.wish
    if wish is None:
        return _unwanted(case)
    if code := case.intent.code if case.intent.code == UNDECORATED else obstacle(case, wish):
        return Leave(code)
    return _wanted(case, wish)


def is_over(item: WholeItem, now: datetime) -> bool:
    """Whether the meeting, or the last of its series, has ended."""
    ends = item.ends if item.series else item.meeting.end
    return ends is not None and ends <= now


def obstacle(case: Case, wish: Wish) -> str:
    """Why the item is left alone although its location asks for something, as a reason code; "" where nothing forbids it."""
    item, terms = case.item, case.terms
    hidden = item.meeting.sensitivity in PRIVATE and case.private == "times-only"
    invitees = len(item.meeting.attendees) - len(item.lists) + case.listed
    answers = (
        ("conference-unknown", wish.action not in terms.providers),
        ("conference-needs-google", terms.hosted(wish) and not item.hosts),
        ("private-meeting", hidden),
        ("too-many-invitees", invitees > terms.most_invitees),
        (item.obstacle, bool(item.obstacle)),
        ("body-too-large", too_large(item.body)),
    )
    code = next((code for code, holds in answers if holds), "")
    fresh = case.intent.conference is None and not code and case.standing is None
    return _taken(case) if fresh else code


def _taken(case: Case) -> str:
    """Somebody else's join details: other products' blocks are never touched, other links as configured."""
    if case.item.foreign:
        return "foreign-join-details"
    return "link-there" if case.terms.blocks.taken(case.item, case.block) else ""


def order_of(case: Case, person: Person) -> ConferenceOrder:
    """What a provider is asked for; the subject of a private meeting is its owner's where the policy hides it."""
    meeting, wish = case.item.meeting, case.wish
    hidden = meeting.sensitivity in PRIVATE and case.private != "full"
    return ConferenceOrder(
        tag=case.intent.key,
        organizer=person,
        subject="" if hidden else meeting.subject,
        start=meeting.start,
        end=meeting.end,
        rule=case.item.rule,
        site=(wish.override or wish.site) if wish else "",
    )


def _unwanted(case: Case) -> Plan:
    standing = case.standing
    ours = case.mark is not None or case.intent.writes > 0
    clean = standing is not None and ours and not case.item.obstacle
    return End(clean=clean and standing is not Standing.EDITED)


def _wanted(case: Case, wish: Wish) -> Plan:
    intent, home = case.intent, case.home
    if case.terms.hosted(wish):
        return _hosted(case, wish)
    if intent.conference is None or (intent.shared and (home is None or not home.open)):
        return _begun(case, wish)
    if intent.wish != wish:
        return Replace(wish)
    if intent.shared and home is not None and home.conference not in {None, intent.conference}:
        return Share(home)
    if not intent.shared and _moved(case):
        return Move()
    return _written(case)


def _begun(case: Case, wish: Wish) -> Plan:
    intent, home = case.intent, case.home
    if intent.wish not in {None, wish} and case.ours is not None and intent.state is IntentState.ASKED:
        return Replace(wish)  # the calendar system was asked for another one meanwhile
    if home is not None and home.wish == wish and home.conference is not None and home.open:
        return Share(home)
    return Make(wish, _known_before(case))


def _hosted(case: Case, wish: Wish) -> Plan:
    """A conference of the calendar system's own is never shared: the occurrences of a series have it by themselves."""
    intent = case.intent
    if intent.conference is None:
        return _ordered(case, wish)
    if intent.wish != wish:
        return Replace(wish)
    if _moved(case):
        return Move()
    return Leave("" if case.standing else "block-removed")


def _ordered(case: Case, wish: Wish) -> Plan:
    """How far the calendar system has come; an order that a restored database has forgotten is known by the marker."""
    mark, hosted, intent = case.mark, case.ours, case.intent
    asked = intent.state is IntentState.ASKED and mark is not None and mark.key == intent.key
    if mark is None or hosted is None or mark.place != intent.place:
        return Leave("block-removed") if asked else Host(wish)
    if hosted.conference is not None:
        return Adopt(wish, mark.key, hosted.conference)
    if hosted.making is Making.PENDING and intent.attempts < MOST_LOOKS:
        return Await(wish, mark.key)
    return Leave("conference-not-made") if asked else Host(wish)


def _known_before(case: Case) -> str:
    """The key of an intent that a restored database has forgotten, as the item itself tells it."""
    mark = case.mark
    known = mark is not None and mark.place == case.intent.place and case.intent.state is IntentState.WANTED
    return mark.key if known and mark and case.standing is Standing.AS_WRITTEN else ""


def _moved(case: Case) -> bool:
    before = case.intent.order
    if before is None:
        return True
    return order_of(case, before.organizer) != replace(before, tag=case.intent.key)


def _written(case: Case) -> Plan:
    """Whether the block stands as it should. What a user has changed in it, or taken out by hand, is respected."""
    standing, mark, intent = case.standing, case.mark, case.intent
    ours = mark is not None and mark.key == intent.key and mark.place == intent.place
    if standing is None:
        return Leave("block-removed") if ours and intent.whole and intent.state is IntentState.DONE else Put()
    if standing is Standing.EDITED and ours:
        return Leave("block-edited")
    if ours and standing is Standing.AS_WRITTEN and intent.written == case.written:
        return Leave()
    return Put()
