"""Conferences that the calendar system makes itself: ordered by the same write that marks the item, then awaited.

Nothing is put into the text: the calendar shows its own conference to everybody. The order's tag is the key of the write,
so that a retry orders nothing anew; what came of it is read from the item, at its next change or when it is due.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model import IntentState
from connector.sync.due import well
from connector.sync.keywords import planning
from connector.sync.keywords.conferences import abroad, details_digest
from connector.sync.keywords.journal import noted
from connector.sync.keywords.marker import NO_BLOCK, Marker
from connector.sync.keywords.planning import Case
from connector.sync.keywords.plans import (
    Adopt,
    Await,
    Host,
)
from connector.sync.keywords.settling import commit
from connector.sync.keywords.writing import update, write
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

FIRST_LOOK = timedelta(seconds=1)
LAST_LOOK = timedelta(minutes=15)


def carry_out(visit: Visit, case: Case, plan: Host | Await | Adopt) -> Step:
    """One step on the way to a conference of the calendar's own."""
    match plan:
        case Host():
            return _order(visit, case, plan)
        case Await():
            return _wait(visit, case, plan)
        case Adopt():
            return _adopt(visit, case, plan)


def _order(visit: Visit, case: Case, plan: Host) -> Step:
    """Have the calendar make it; a block of ours that stands there from before goes in the same write."""
    intent = replace(case.intent, wish=plan.wish, shared=False, conference=None)
    case = replace(case, intent=intent)
    rest = case.terms.blocks.take_out(case.item, case.block)
    mark = Marker(
        intent.key, intent.place, NO_BLOCK, case.mark.past(NO_BLOCK) if case.mark else (), plan.wish
    )
    change = update(
        case,
        None if rest == case.item.body else rest,
        mark.write(),
        case.write_key,
    )
    person = abroad(lambda: case.terms.person(visit.mailbox, case.item))
    asked = replace(intent, state=IntentState.ASKED, order=planning.order_of(case, person), code="")
    return write(visit, case, asked, change)


def _wait(visit: Visit, case: Case, plan: Await) -> Step:
    """Look again, less and less often; a change of the item is looked at when it comes."""
    intent = case.known_as(plan.key)
    pause = min(FIRST_LOOK * float(2**intent.attempts), LAST_LOOK)
    waiting = replace(
        intent,
        state=IntentState.ASKED,
        wish=plan.wish,
        due=visit.now + pause,
        attempts=intent.attempts + 1,
        code="conference-pending",
    )
    return commit(visit, waiting, "the calendar has not made the conference yet")


def _adopt(visit: Visit, case: Case, plan: Adopt) -> Step:
    """Take over what was made, and send the meeting again with its way in."""
    case = replace(case, intent=case.known_as(plan.key))
    person = abroad(lambda: case.terms.person(visit.mailbox, case.item))
    done = replace(
        case.intent,
        state=IntentState.DONE,
        wish=plan.wish,
        conference=plan.conference,
        order=planning.order_of(case, person),
        written=details_digest(visit, plan.conference),
        shared=False,
        due=None,
        seen="",
        attempts=0,
        code="",
    )
    draft = Draft(visit)
    draft.intend(noted(done, visit.now, "made", person.address))
    expansion = visit.source.expand(visit.mailbox, [done.item_id], visit.reach)
    draft.take(expansion, whole=True, resend=True)
    return Step("the calendar made the conference", draft.commit(well(visit, visit.session)), notable=True)
