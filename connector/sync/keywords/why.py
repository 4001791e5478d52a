"""Why a meeting is decorated or not: its item is read anew, the rules are asked again, the sealed journal is added.

Nothing readable is kept for it; what it tells holds no link and no text of the meeting but its title.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.errors import Refused, Unreadable, UserError, Verdict
from connector.model import IndexRow, Intent, IntentState, Mailbox, Meeting, Session, WholeItem
from connector.reasons import explain
from connector.sync import gate
from connector.sync.context import Context
from connector.sync.keywords import noticing, planning
from connector.sync.keywords.journal import SENTENCES
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
from connector.sync.keywords.step import case_of
from connector.sync.keywords.writing import CAUSE
from connector.sync.scheduler import Scheduler
from connector.sync.visit import Visit

PATIENCE = timedelta(seconds=20)
"""So long the end of a step is waited for."""

MOST = 10
"""So many meetings are told of at most."""

_PLANS: dict[type[Plan], str] = {
    Recall: "the invitation tells of a conference that the database had forgotten: it is to be known again",
    Make: "a conference is to be made",
    Share: "it takes the conference of its series",
    Replace: "another keyword stands there now: the conference before is to be ended",
    Move: "the conference is to be moved to its new time or title",
    Put: "the join details are to be written",
    Host: "the calendar is to be asked for a conference of its own",
    Await: "the calendar was asked for a conference and has not made it yet",
    Adopt: "the calendar has made the conference: it is to be taken over",
    End: "no keyword asks for anything: details and conference of before are to go",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which meetings are asked about: part of the title, or an id (of the hub, the UID or the item's)."""

    subject: str = ""
    id: str = ""

    def means(self, meeting: Meeting, meeting_id: str) -> bool:
        """Whether this is one of them."""
        if self.id:
            return self.id in {meeting_id, meeting.uid, meeting.item_id, meeting.home_id}
        return self.subject.casefold() in meeting.subject.casefold()


def tell_alone(
    context: Context, scheduler: Scheduler, mailbox: Mailbox, asked: Asked
) -> list[dict[str, Any]]:
    """The same between two steps of the mailbox, so that nothing half done is told of. Raises UserError as well."""
    with scheduler.alone(mailbox.id, PATIENCE) as free:
        if not free:
            raise UserError(f"{mailbox.address} is being read just now; try again in a minute")
        session = context.store.session(mailbox.id)
        return tell(context, mailbox, session, asked) if session else []


def tell(context: Context, mailbox: Mailbox, session: Session, asked: Asked) -> list[dict[str, Any]]:
    """What there is to say of each meeting that is meant, at most ``MOST``. Raises verdicts of the source."""
    visit = Visit.begin(context, mailbox, session)
    seen = visit.source.view(mailbox, visit.window)
    digests = context.digests
    found: dict[str, Meeting] = {}
    for series in seen.series:
        for meeting in series.meetings:
            meeting_id = digests.meeting_id(meeting.uid, meeting.original_start)
            alone = meeting.exception and meeting.item_id != meeting.home_id
            place = meeting_id if alone else digests.series_key(meeting.uid)
            if asked.means(meeting, meeting_id) and len(found) < MOST:
                found.setdefault(place, meeting)
    return [_told(visit, place, meeting) for place, meeting in found.items()]


def _told(visit: Visit, place: str, meeting: Meeting) -> dict[str, Any]:
    series_key = visit.context.digests.series_key(meeting.uid)
    held = [one for one in visit.store.intents_of_series([series_key]) if one.mailbox_id == visit.mailbox.id]
    intent = next((one for one in held if one.place == place), None)
    return {
        "title": meeting.subject,
        "start": meeting.start.isoformat(timespec="minutes"),
        "kind": _kind(meeting, whole=place == series_key),
        "sentences": [
            *_way_in(visit, meeting),
            *_keyword(visit, meeting, place, series_key, intent, held),
            *_sent(visit, meeting),
        ],
        "journal": [
            {"at": note.at.isoformat(timespec="seconds"), "what": _line(note.what, note.about)}
            for note in (intent.journal if intent else ())
        ],
    }


def _kind(meeting: Meeting, *, whole: bool) -> str:
    if not meeting.recurring:
        return "meeting"
    return "series" if whole else "occurrence"


def _line(what: str, about: str) -> str:
    if what == "left":
        return f"left as it is: {explain(about).sentence}"
    return SENTENCES.get(what, what).format(about=about)


def _way_in(visit: Visit, meeting: Meeting) -> Iterator[str]:
    link = visit.context.rules.enrich(meeting).link
    if link is None:
        yield "Its words hold no way into a meeting that a rule knows."
    else:
        yield f"Its words hold a way in: {link.service or 'a video address'}, found by the rule {link.rule}."


def _keyword(
    visit: Visit, meeting: Meeting, place: str, series_key: str, intent: Intent | None, held: Sequence[Intent]
) -> Iterator[str]:
    terms = visit.context.rules.keywords
    wish = terms.find(meeting.location)
    if not terms.on:
        yield "No keywords are configured."
        return
    if wish is None:
        yield "Its location holds no keyword."
    else:
        yield f"Its location holds the keyword {wish.keyword}, which stands for {wish.action}."
    if wish is None and (intent is None or not intent.open):
        return
    home = next((one for one in held if one.whole), None) if place != series_key else None
    item_id = meeting.item_id if place != series_key else meeting.home_id
    stands_for = intent or _unborn(visit, place, series_key, item_id, meeting)
    yield from _planned(visit, stands_for, home)


def _unborn(visit: Visit, place: str, series_key: str, item_id: str, meeting: Meeting) -> Intent:
    """What would be noticed now, for a place that has no intent yet."""
    key = visit.context.digests.series_key(f"why\0{place}")
    state, now = IntentState.WANTED, visit.now
    return Intent(key, visit.mailbox.id, series_key, place, item_id, state, now, meeting.end)


def _planned(visit: Visit, intent: Intent, home: Intent | None) -> Iterator[str]:
    item = _read(visit, intent)
    if isinstance(item, Verdict):
        yield f"The item can't be read just now: {explain(item.code).sentence}"
        return
    plan = planning.plan(case_of(visit, intent, item, home))
    if isinstance(plan, Leave):
        yield _left(plan.code)
        return
    yield f"Next: {_PLANS[type(plan)]}."
    yield from _forbidden(visit)
    if intent.attempts:
        yield f"It was tried {intent.attempts} times: {explain(intent.code).sentence}"


def _read(visit: Visit, intent: Intent) -> WholeItem | Verdict:
    try:
        return visit.source.read(visit.mailbox, intent.item_id)
    except (Refused, Unreadable) as verdict:
        return verdict


def _left(code: str) -> str:
    if not code:
        return "The join details stand in the invitation as they should."
    reason = explain(code)
    return f"Nothing is written: {reason.sentence} {reason.remedy}".rstrip()


def _forbidden(visit: Visit) -> Iterator[str]:
    try:
        gate.check(visit.context, visit.mailbox, CAUSE)
    except Verdict as verdict:
        reason = explain(verdict.code)
        yield f"It is not done because of the write gate: {reason.sentence} {reason.remedy}".rstrip()


def _sent(visit: Visit, meeting: Meeting) -> Iterator[str]:
    row = _row(visit, meeting)
    if row is None:
        yield "The hub's list does not hold it yet."
    elif row.digest == visit.context.digests.content(meeting):
        yield "The hub was sent it as it stands."
    else:
        yield "The hub was sent it, and is about to be sent what changed since."
    if not noticing.mine(meeting, visit.mailbox.address):
        yield "Somebody else organises it; only the organiser's own copy is ever written."


def _row(visit: Visit, meeting: Meeting) -> IndexRow | None:
    digests = visit.context.digests
    wanted = digests.meeting_id(meeting.uid, meeting.original_start)
    rows = visit.store.rows_of_series(visit.mailbox.id, [digests.series_key(meeting.uid)])
    return next((row for row in rows if row.meeting_id == wanted), None)
