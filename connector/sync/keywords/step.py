"""One thing done for one intent, by the steps of design.md, "Intents run once".

A  the conference is made under the intent's key and committed
B  one UpdateItem writes body and marker; an item that holds our write's key already was written before a kill
C  what the calendar made of it, the index, the envelope and the intent are committed together

What stands in the calendar is read anew each time, so that a kill in between repeats only what can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from connector.conference.base import Provider
from connector.errors import Conflict, Refused, Throttled, Transient, Unreadable, Verdict
from connector.meeting.invitation import Standing
from connector.model import (
    Applied,
    AuditEntry,
    Conference,
    ConferenceOrder,
    Intent,
    IntentState,
    MailMode,
    MeetingUpdate,
    WholeItem,
    Wish,
)
from connector.sync import gate, state
from connector.sync.due import well
from connector.sync.keywords import planning
from connector.sync.keywords.journal import noted
from connector.sync.keywords.marker import Marker
from connector.sync.keywords.planning import Case, End, Leave, Make, Move, Put, Replace, Share
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

CAUSE = "keyword"
WRITTEN = "calendar.written"
BRAKED = timedelta(minutes=1)
"""How often an intent looks whether the brake was released."""
UNCONFIRMED = timedelta(seconds=5)
Answer = TypeVar("Answer")


class Elsewhere(Exception):
    """What a provider or directory said: no trouble of the mailbox's own source."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


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
        return _refused(visit, intent, said.verdict)
    except Refused as refusal:
        return _refused(visit, intent, refusal)
    except (Conflict, Unreadable) as verdict:
        return _put_off(visit, intent, verdict)
    except Transient as verdict:
        if verdict.code != "epoch-unconfirmed" and (
            isinstance(verdict, Throttled) or state.far_reaching(verdict)
        ):
            raise
        return _put_off(visit, intent, verdict)


def _advance(visit: Visit, intent: Intent) -> Step:
    try:
        item = visit.source.read(visit.mailbox, intent.item_id)
    except Refused as refusal:
        if refusal.code != "item-not-found":
            raise
        return _end(visit, intent)
    home = None if intent.whole else _home(visit, intent)
    if home is not None and home.open and home.due is not None and home.conference is None:
        return _commit(visit, replace(intent, due=home.due + timedelta(seconds=1)), "the series comes first")
    case = case_of(visit, intent, item, home)
    return _strip(visit, case) if intent.state is IntentState.UNDECORATE else _carry_out(visit, case)


def case_of(visit: Visit, intent: Intent, item: WholeItem, home: Intent | None) -> Case:
    """All that is to be known for a plan."""
    terms = visit.context.rules.keywords
    case = Case(item, intent, home, terms, visit.policy.private, visit.now)
    if intent.conference is not None:
        case = replace(case, written=_digest(visit, intent.conference))
    if item.lists and intent.conference is None and case.wish is not None:
        most = terms.most_invitees
        case = replace(case, listed=visit.source.members(visit.mailbox, item.lists, most))
    return case


def _home(visit: Visit, intent: Intent) -> Intent | None:
    found = visit.store.intents_of_series([intent.series_key])
    return next((one for one in found if one.whole and one.mailbox_id == intent.mailbox_id), None)


def _carry_out(visit: Visit, case: Case) -> Step:
    plan = planning.plan(case)
    if isinstance(plan, (Make, Replace, Move, Put)) or (isinstance(plan, End) and plan.clean):
        gate.check(visit.context, visit.mailbox, CAUSE)
    match plan:
        case Leave(code=code):
            done = _settle(visit, case.intent, code)
        case Share(home=home):
            done = _share(visit, case.intent, home)
        case Make(wish=wish, key=key):
            done = _make(visit, case, wish, key)
        case Replace(wish=wish):
            done = _replace(visit, case, wish)
        case Move():
            done = _move(visit, case)
        case Put():
            done = _put(visit, case)
        case End(clean=clean):
            done = _take_out(visit, case) if clean else _end(visit, case.intent)
    return done


def _share(visit: Visit, intent: Intent, home: Intent) -> Step:
    shared = replace(
        intent, state=IntentState.MADE, shared=True, wish=home.wish, conference=home.conference, due=visit.now
    )
    return _commit(visit, shared, "takes the conference of its series")


# --- step A: the conference


def _make(visit: Visit, case: Case, wish: Wish, key: str) -> Step:
    intent = replace(case.intent, key=key or case.intent.key, wish=wish, shared=False, conference=None)
    provider = _provider(visit, wish)
    order = _order(visit, replace(case, intent=intent))
    asked = intent.state in {IntentState.ASKED, IntentState.UNCERTAIN}
    if asked and not provider.tagged:
        found = _abroad(lambda: provider.find(order))
        if found is None:
            uncertain = replace(intent, state=IntentState.UNCERTAIN, order=order)
            return _settle(visit, uncertain, "conference-uncertain")
        return _made(visit, intent, order, found)
    if not provider.tagged:
        begun = Draft(visit)
        begun.intend(replace(intent, state=IntentState.ASKED, order=order))
        visit = visit.after(begun.commit(visit.session))
    return _made(visit, intent, order, _abroad(lambda: provider.make(order)))


def _made(visit: Visit, intent: Intent, order: ConferenceOrder, conference: Conference) -> Step:
    made = replace(
        intent, state=IntentState.MADE, conference=conference, order=order, attempts=0, code="", due=visit.now
    )
    return _commit(visit, noted(made, visit.now, "made", order.organizer.address), "made the conference")


def _replace(visit: Visit, case: Case, wish: Wish) -> Step:
    """End what was made for the keyword before; the block stays until the next one takes its place in the same write."""
    intent = case.intent
    _end_conference(visit, intent)
    key = visit.context.digests.series_key(f"replaced\0{intent.key}\0{wish}")
    wanted = replace(
        intent, key=key, state=IntentState.WANTED, wish=wish, conference=None, order=None, shared=False
    )
    return _commit(visit, noted(wanted, visit.now, "replaced", wish.keyword), "another keyword stands there")


def _move(visit: Visit, case: Case) -> Step:
    intent = case.intent
    if intent.conference is None or intent.wish is None:
        return _settle(visit, intent, "")
    conference, provider = intent.conference, _provider(visit, intent.wish)
    order = _order(visit, case)
    moved = _abroad(lambda: provider.move(conference, order))
    after = replace(intent, conference=moved, order=order, attempts=0, code="", due=visit.now)
    return _commit(visit, noted(after, visit.now, "moved"), "moved the conference")


# --- steps B and C: the calendar


def _put(visit: Visit, case: Case) -> Step:
    intent, item = case.intent, case.item
    if intent.conference is None:
        return _settle(visit, intent, "")
    written = case.terms.blocks.put(item, intent.conference.details, case.block)
    mark = Marker(intent.key, intent.place, written.digest)
    done = replace(intent, state=IntentState.DONE, code="", written=_digest(visit, intent.conference))
    return _write(visit, case, done, _update(case, written.body, mark.write()))


def _take_out(visit: Visit, case: Case) -> Step:
    """Take the block out, then end the conference, then say so: killed in between, all of it is found done."""
    body = case.terms.blocks.take_out(case.item, case.block)
    return _write(visit, case, _ended(case.intent), _update(case, body, ""))


def _strip(visit: Visit, case: Case) -> Step:
    """As an administrator wishes: the block goes without mails, and the keyword asks for nothing more for now."""
    bare = replace(_ended(case.intent), state=IntentState.LEFT, code=planning.UNDECORATED)
    stands = case.standing is not None and case.standing is not Standing.EDITED
    if not (stands and case.item.own) or case.item.obstacle:
        _end_conference(visit, case.intent)
        return _commit(visit, noted(bare, visit.now, "ended"), "the join details were taken out already")
    gate.check(visit.context, visit.mailbox, CAUSE)
    body = case.terms.blocks.take_out(case.item, case.block)
    return _write(visit, case, bare, replace(_update(case, body, ""), mail=MailMode.NONE))


def _update(case: Case, body: str, marker: str) -> MeetingUpdate:
    item, intent = case.item, case.intent
    mail = case.terms.mail if item.invites and item.sent else MailMode.NONE
    return MeetingUpdate(
        key=f"{intent.key}.{intent.writes}",
        item_id=intent.item_id,
        change_key=item.meeting.change_key,
        body=body,
        kind=item.kind,
        marker=marker,
        mail=mail,
    )


def _write(visit: Visit, case: Case, after: Intent, update: MeetingUpdate) -> Step:
    context, mailbox, item = visit.context, visit.mailbox, case.item
    facts = {"item": update.item_id, "fields": ["body"], "mail": update.mail.value, "intent": case.intent.key}
    if item.key == update.key or (item.body, item.marker) == (update.body, update.marker):
        applied = Applied(update.item_id, item.meeting.change_key, repeated=True)
    else:
        gate.admit(
            context, mailbox, CAUSE, {**facts, "acting": mailbox.address, "digest_before": case.intent.seen}
        )
        applied = visit.source.apply(mailbox, update)
    if after.conference is None:
        _end_conference(visit, case.intent)
    expansion = visit.source.expand(mailbox, [applied.item_id], visit.reach)
    draft = Draft(visit)
    due = visit.now if applied.repeated else None
    what = "written" if after.state is IntentState.DONE else "taken-out"
    settled = replace(after, due=due, attempts=0, seen="", writes=after.writes + 1)
    draft.intend(noted(settled, visit.now, what, update.mail.value))
    draft.take(expansion, whole=True, resend=applied.repeated)  # a kill may have sent it without its link
    found = {
        **facts,
        "address": mailbox.address,
        "repeated": applied.repeated,
        "digest_after": draft.seen(after.place),
    }
    draft.record(AuditEntry(visit.now, "connector", WRITTEN, mailbox.id, found))
    sentence = "wrote the join details" if after.state is IntentState.DONE else "took the join details out"
    return Step(sentence, draft.commit(well(visit, visit.session)), notable=True)


# --- the end


def _end(visit: Visit, intent: Intent) -> Step:
    """Nothing of it stands in the calendar (any more): the conference is ended."""
    _end_conference(visit, intent)
    draft = Draft(visit)
    draft.intend(noted(_ended(intent), visit.now, "ended"))
    if intent.whole:
        shared = [
            one for one in visit.store.intents_of_series([intent.series_key]) if one.shared and one.open
        ]
        for one in shared:
            draft.intend(replace(one, due=visit.now))
    return Step("ended the conference", draft.commit(well(visit, visit.session)), notable=True)


def _ended(intent: Intent) -> Intent:
    return replace(
        intent,
        state=IntentState.ENDED,
        due=None,
        code="",
        attempts=0,
        conference=None,
        order=None,
        wish=None,
        shared=False,
    )


def _end_conference(visit: Visit, intent: Intent) -> None:
    """A provider that is no longer configured can't be asked; what it made stays with it."""
    conference, order, wish = intent.conference, intent.order, intent.wish
    if intent.shared or conference is None or order is None or wish is None:
        return
    provider = visit.context.rules.keywords.providers.get(wish.action)
    if provider is not None:
        _abroad(lambda: provider.end(conference, order, visit.now))


# --- what did not come about


def _refused(visit: Visit, intent: Intent, verdict: Verdict) -> Step:
    if verdict.code == "brake":
        return _commit(visit, replace(intent, due=visit.now + BRAKED, code="brake"), "all writes are stopped")
    if isinstance(verdict, Refused):
        return _settle(visit, intent, verdict.code)
    return _put_off(visit, intent, verdict)


def _put_off(visit: Visit, intent: Intent, verdict: Verdict) -> Step:
    """Try again later, more patiently each time; the mailbox is read meanwhile."""
    attempts = intent.attempts + 1
    wait = state.back_off(attempts, visit.context.luck())
    if isinstance(verdict, Throttled):
        wait = max(wait, verdict.retry_after)
    if verdict.code == "epoch-unconfirmed":
        attempts, wait = intent.attempts, UNCONFIRMED
    later = replace(_current(visit, intent), due=visit.now + wait, attempts=attempts, code=verdict.code)
    return _commit(visit, later, f"the keyword waits: {verdict.code}")


def _settle(visit: Visit, intent: Intent, code: str) -> Step:
    """Nothing more is to be done until something changes."""
    state_now = intent.state
    if intent.conference is None and state_now is not IntentState.UNCERTAIN:
        state_now = IntentState.LEFT
    settled = replace(_current(visit, intent), state=state_now, due=None, attempts=0, code=code)
    if code and code != intent.code:
        settled = noted(settled, visit.now, "left", code)
    return _commit(visit, settled, f"the keyword is settled {code}".rstrip())


def _current(visit: Visit, intent: Intent) -> Intent:
    """The intent as it is stored: a step that failed may have written ASKED already."""
    found = visit.store.intents_of_series([intent.series_key])
    mine = (one for one in found if (one.mailbox_id, one.place) == (intent.mailbox_id, intent.place))
    return next(mine, intent)


def _relink(visit: Visit, intent: Intent) -> Step:
    """Send a room's meetings again with the way in that the organiser's copy lends them."""
    rows = visit.store.rows_of_series(visit.mailbox.id, [intent.series_key])
    draft = Draft(visit)
    draft.intend(replace(intent, due=None))
    if rows:
        homes = list(dict.fromkeys(row.home_id for row in rows))
        draft.take(visit.source.expand(visit.mailbox, homes, visit.reach), whole=True, resend=True)
    return Step(f"borrowed a way in: {draft.put_count} sent", draft.commit(well(visit, visit.session)))


def _commit(visit: Visit, intent: Intent, sentence: str) -> Step:
    draft = Draft(visit)
    draft.intend(intent)
    return Step(sentence, draft.commit(well(visit, visit.session)))


# --- small things


def _provider(visit: Visit, wish: Wish) -> Provider:
    provider = visit.context.rules.keywords.providers.get(wish.action)
    if provider is None:
        raise Refused("conference-unknown", wish.action)
    return provider


def _order(visit: Visit, case: Case) -> ConferenceOrder:
    person = _abroad(lambda: case.terms.person(visit.mailbox, case.item))
    return planning.order_of(case, person)


def _digest(visit: Visit, conference: Conference) -> str:
    """Of the details; the text can be no UID that a calendar gives."""
    return visit.context.digests.series_key(f"details\0{conference.details!r}")


def _abroad(ask: Callable[[], Answer]) -> Answer:
    """Ask somebody other than the mailbox's source."""
    try:
        return ask()
    except Verdict as verdict:
        raise Elsewhere(verdict) from verdict
