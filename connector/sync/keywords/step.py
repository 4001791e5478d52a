"""One thing done for one intent, by the steps of design.md, "Intents run once".

A  the conference is made under the intent's key and committed
B  one UpdateItem writes body and marker; an item that holds our write's key already was written before a kill
C  what the calendar made of it, the index, the envelope and the intent are committed together

What stands in the calendar is read anew each time, so that a kill in between repeats only what can be repeated.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.errors import Conflict, Refused, Throttled, Transient, Unreadable
from connector.model import Intent, IntentState, WholeItem, Wish
from connector.sync import gate, state
from connector.sync.due import well
from connector.sync.keywords import cloud, hosting, planning
from connector.sync.keywords.conferences import (
    Elsewhere,
    details_digest,
    end_conference,
    ended,
    make,
    move,
    recall,
    replaced,
)
from connector.sync.keywords.journal import noted
from connector.sync.keywords.planning import Case
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
from connector.sync.keywords.settling import commit, put_off, refused, settle
from connector.sync.keywords.writing import CAUSE, clear, put, strip, take_out
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit


def step(visit: Visit, intent: Intent) -> Step:
    """Bring one intent one step further.

    Raises verdicts that concern the mailbox or its server as a whole; what concerns this item or a provider is kept with the
    intent, which is tried again later.
    """
    if intent.state is IntentState.LENT:
        return _relink(visit, intent)
    try:
        return _advance(visit, intent)
    except Elsewhere as said:
        return refused(_anew(visit), intent, said.verdict)
    except Refused as refusal:
        return refused(_anew(visit), intent, refusal)
    except (Conflict, Unreadable) as verdict:
        return put_off(_anew(visit), intent, verdict)
    except Transient as verdict:
        if verdict.code != "epoch-unconfirmed" and (
            isinstance(verdict, Throttled) or state.far_reaching(verdict)
        ):
            raise
        return put_off(_anew(visit), intent, verdict)


def _anew(visit: Visit) -> Visit:
    """The visit with the session as it is now: a step that failed may have committed its order already."""
    return visit.after(visit.store.session(visit.mailbox.id) or visit.session)


def _advance(visit: Visit, intent: Intent) -> Step:
    try:
        item = visit.source.read(visit.mailbox, intent.item_id)
    except Refused as refusal:
        if refusal.code != "item-not-found":
            raise
        return _end(visit, intent)
    home = None if intent.whole else _home(visit, intent)
    wish = visit.context.rules.keywords.find(item.meeting.location)
    if home is not None and home.open and home.due and (wish is None or home.wish in {None, wish}):
        return commit(visit, replace(intent, due=home.due + timedelta(seconds=1)), "the series comes first")
    case = case_of(visit, intent, item, home)
    return strip(visit, case) if intent.state is IntentState.UNDECORATE else _carry_out(visit, case)


def case_of(visit: Visit, intent: Intent, item: WholeItem, home: Intent | None) -> Case:
    """All that is to be known for a plan."""
    terms = visit.context.rules.keywords
    case = Case(item, intent, home, terms, visit.policy.private, visit.now, life=visit.store.epoch())
    if intent.conference is not None:
        case = replace(case, written=details_digest(visit, intent.conference))
    if item.lists and intent.conference is None and case.wish is not None:
        most = terms.most_invitees
        case = replace(case, listed=visit.source.members(visit.mailbox, item.lists, most))
    return case


def _home(visit: Visit, intent: Intent) -> Intent | None:
    found = visit.store.intents_of_series([intent.series_key])
    return next((one for one in found if one.whole and one.mailbox_id == intent.mailbox_id), None)


def _carry_out(visit: Visit, case: Case) -> Step:
    plan = planning.plan(case)
    if _changes_something(plan):
        gate.check(visit.context, visit.mailbox, CAUSE)
    match plan:
        case Leave(code=code):
            done = settle(visit, _left(case), code) if code else _right(visit, case)
        case Recall() | Make() | Replace() | Move():
            done = _conference(visit, case, plan)
        case Share(home=home):
            done = _share(visit, case.intent, home)
        case Put():
            done = put(visit, case)
        case Host() | Await() | Adopt():
            done = hosting.carry_out(visit, case, plan)
        case End(clean=clean):
            done = take_out(visit, case) if clean else _end(visit, case.intent)
    return done


def _conference(visit: Visit, case: Case, plan: Recall | Make | Replace | Move) -> Step:
    match plan:
        case Recall(key=key, wish=wish):
            return recall(visit, case, key, wish)
        case Make(wish=wish):
            return _make(visit, case, wish)
        case Replace(wish=wish):
            return replaced(visit, case, wish)
        case Move():
            return move(visit, case)


def _make(visit: Visit, case: Case, wish: Wish) -> Step:
    """Make it; where that is refused, a block that names the conference before it, which has ended, goes."""
    try:
        return make(visit, case, wish)
    except Elsewhere as said:
        if not (isinstance(said.verdict, Refused) and case.names_what_ended):
            raise
        return clear(_anew(visit), case, said.verdict.code)


def _changes_something(plan: Plan) -> bool:
    return isinstance(plan, (Recall, Make, Replace, Move, Put, Host)) or (
        isinstance(plan, End) and plan.clean
    )


def _right(visit: Visit, case: Case) -> Step:
    """All stands as it should."""
    return settle(visit, replace(case.intent, written=case.written), "")


def _left(case: Case) -> Intent:
    """The intent with what its location asks for, which the occurrences of a series go by."""
    intent = case.intent
    wish = intent.wish if intent.conference or intent.order else case.wish
    return replace(intent, wish=wish)


def _share(visit: Visit, intent: Intent, home: Intent) -> Step:
    end_conference(visit, intent)
    shared = replace(
        intent,
        state=IntentState.MADE,
        shared=True,
        wish=home.wish,
        conference=home.conference,
        order=None,
        due=visit.now,
    )
    return commit(visit, shared, "takes the conference of its series")


def _end(visit: Visit, intent: Intent) -> Step:
    """Nothing of it stands in the calendar (any more): the conference is ended."""
    if not (intent.conference or intent.order or intent.writes):
        return commit(visit, ended(intent), "nothing was made for it")
    end_conference(visit, intent)
    draft = cloud.told(visit, intent, cloud.ENDED)
    draft.intend(noted(ended(intent), visit.now, "ended"))
    if intent.whole:
        shared = [
            one for one in visit.store.intents_of_series([intent.series_key]) if one.shared and one.open
        ]
        for one in shared:
            draft.intend(replace(one, due=visit.now))
    return Step("ended the conference", draft.commit(well(visit, visit.session)), notable=True)


def _relink(visit: Visit, intent: Intent) -> Step:
    """Send a room's meetings again with the way in that the organiser's copy lends them."""
    rows = visit.store.rows_of_series(visit.mailbox.id, [intent.series_key])
    draft = Draft(visit)
    draft.intend(replace(intent, due=None))
    if rows:
        homes = list(dict.fromkeys(row.home_id for row in rows))
        draft.take(visit.source.expand(visit.mailbox, homes, visit.reach), whole=True, resend=True)
    return Step(f"borrowed a way in: {draft.put_count} sent", draft.commit(well(visit, visit.session)))
