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
from connector.sync.keywords.marker import NO_BLOCK, TAKEN_OUT, Marker, foreseen
from connector.sync.keywords.plans import (
    Adopt,
    Await,
    End,
    Host,
    Leave,
    Make,
    Move,
    Plan,
    Put,
    Recall,
    Replace,
    Share,
)
from connector.sync.keywords.terms import KeywordTerms

UNDECORATED = "undecorated"
MOST_LOOKS = 20
"""So often it is looked whether the calendar system has made a conference."""
PRIVATE = frozenset({Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL})


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
    life: int = 0
    """The database's epoch: a name given to a write in another life of it stands for another write."""

    @property
    def mark(self) -> Marker | None:
        """What the item says of our last write."""
        return marker.read(self.item.marker)

    @property
    def block(self) -> str | None:
        """The digest that tells our block: of the one that stands there where we wrote it, be it long ago, else of the last."""
        mark = self.mark
        if mark is None:
            return None
        found = self.terms.blocks.digest(self.item, mark.digest)
        return found if mark.wrote(found) else mark.digest

    @property
    def write_key(self) -> str:
        """What the next write is called."""
        return f"{self.intent.key}.{self.life}.{self.intent.writes}"

    def known_as(self, key: str) -> Intent:
        """The intent under the key that the item tells of; what its writes are called goes on from there."""
        if self.intent.key == key:
            return self.intent
        count = self.item.key.rpartition(".")[2]
        return replace(
            self.intent, key=key, writes=int(count) + 1 if count.isdecimal() else self.intent.writes
        )

    @property
    def wish(self) -> Wish | None:
        """What its location asks for."""
        return self.terms.find(self.item.meeting.location)

    @property
    def names_what_ended(self) -> bool:
        """Whether our block stands there as we wrote it, and no conference is held for it any more."""
        held = self.intent.conference is not None or self.item.obstacle != ""
        return not held and self.mark is not None and self.standing is Standing.AS_WRITTEN

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
    if forgotten := _forgotten(case):
        return forgotten
    if case.item.meeting.cancelled or not (case.intent.whole or case.item.meeting.exception):
        return End(clean=False)
    return _asked(case, case.wish) if case.wish else _unwanted(case)


def _asked(case: Case, wish: Wish) -> Plan:
    code = case.intent.code if case.intent.code == UNDECORATED else obstacle(case, wish)
    return Leave(code) if code else _wanted(case, wish)


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
    meeting, wish = case.item.meeting, case.intent.wish or case.wish
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


def _forgotten(case: Case) -> Recall | None:
    """What a database that was set back does not know, as the item tells it."""
    mark, intent = case.mark, case.intent
    if (
        mark is None
        or mark.wish is None
        or mark.place != intent.place
        or mark.digest in {NO_BLOCK, TAKEN_OUT}
    ):
        return None
    return None if foreseen(mark.key, intent.key) else Recall(mark.key, mark.wish)


def _unwanted(case: Case) -> Plan:
    standing = case.standing
    ours = case.mark is not None or case.intent.writes > 0 or (case.home is not None and case.home.writes > 0)
    clean = standing is not None and ours and not case.item.obstacle
    return End(clean=clean and standing is not Standing.EDITED)


def _wanted(case: Case, wish: Wish) -> Plan:
    intent, home = case.intent, case.home
    if _begun(intent) and intent.wish != wish:
        return Replace(wish)
    if case.terms.hosted(wish):
        return _hosted(case, wish)
    alike = home if home is not None and home.open and home.wish == wish else None
    if intent.conference is None or intent.shared:
        return _borrowed(case, wish, alike)
    return Move() if _moved(case) else _written(case)


def _begun(intent: Intent) -> bool:
    """Whether a provider of its own was asked for it, or may have been."""
    return not intent.shared and (intent.conference is not None or intent.order is not None)


def _borrowed(case: Case, wish: Wish, home: Intent | None) -> Plan:
    """What asks for the same as its series shares what that has, or goes without for the same reason."""
    if home is None:
        return Make(wish)
    if home.conference is None:
        return End(clean=True) if case.names_what_ended else Leave(home.code)
    if case.intent.conference != home.conference:
        return Share(home)
    return _written(case)


def _hosted(case: Case, wish: Wish) -> Plan:
    """A conference of the calendar system's own is never shared: the occurrences of a series have it by themselves."""
    intent = case.intent
    if intent.conference is None:
        return _ordered(case, wish)
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


def _moved(case: Case) -> bool:
    before = case.intent.order
    if before is None:
        return True
    return order_of(case, before.organizer) != replace(before, tag=case.intent.key)


def _written(case: Case) -> Plan:
    """Whether the block stands as it should. What a user has changed in it, or taken out by hand, is respected."""
    standing, intent = case.standing, case.intent
    mark = case.mark if case.mark and _marked(case.mark, case) else None
    if standing is None:
        return _vanished(case, mark)
    if standing is Standing.EDITED:
        return Leave("block-edited")
    if mark is None or mark.digest != case.block or standing is not Standing.AS_WRITTEN:
        return Put()
    return Leave() if intent.written == case.written or _inherited(case, mark) else Put()


def _vanished(case: Case, mark: Marker | None) -> Plan:
    """The block was taken out by hand; or with its marker, by us in another life perhaps: does the conference stand yet?"""
    intent = case.intent
    if intent.state is not IntentState.DONE or intent.shared or intent.wish is None:
        return Put()
    if mark is None:
        return Recall(intent.key, intent.wish)
    return Leave("block-removed") if intent.whole else Put()


def _marked(mark: Marker, case: Case) -> bool:
    """Whether the item tells of this intent, or of its series', whose conference it shares."""
    intent, home = case.intent, case.home
    if intent.shared and home is not None and (mark.key, mark.place) == (home.key, home.place):
        return True
    return (mark.key, mark.place) == (intent.key, intent.place)


def _inherited(case: Case, mark: Marker) -> bool:
    """Whether an occurrence has block and marker from its series, of the conference that both have now."""
    conference = case.intent.conference
    if mark.place == case.intent.place or conference is None:
        return False
    return case.terms.blocks.names(case.item, conference.details, case.block)
