"""Steps B and C: the block is written into the calendar, or taken out, and all that follows from it is committed."""

from __future__ import annotations

from dataclasses import replace

from connector.meeting.invitation import Standing
from connector.model import Applied, AuditEntry, Intent, IntentState, MailMode, MeetingUpdate
from connector.sync import gate
from connector.sync.due import well
from connector.sync.keywords import cloud, planning
from connector.sync.keywords.conferences import details_digest, end_conference, ended
from connector.sync.keywords.journal import noted
from connector.sync.keywords.marker import Marker
from connector.sync.keywords.planning import Case
from connector.sync.keywords.settling import settle, tell
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

CAUSE = "keyword"
WRITTEN = "calendar.written"


def put(visit: Visit, case: Case) -> Step:
    """Write the block."""
    intent, item = case.intent, case.item
    if intent.conference is None:
        return settle(visit, intent, "")
    written = case.terms.blocks.put(item, intent.conference.details, case.block)
    mark = Marker(intent.key, intent.place, written.digest)
    done = replace(intent, state=IntentState.DONE, code="", written=details_digest(visit, intent.conference))
    return _write(visit, case, done, _update(case, written.body, mark.write()))


def take_out(visit: Visit, case: Case) -> Step:
    """Take the block out, then end the conference, then say so: killed in between, all of it is found done."""
    body = case.terms.blocks.take_out(case.item, case.block)
    return _write(visit, case, ended(case.intent), _update(case, body, ""))


def strip(visit: Visit, case: Case) -> Step:
    """As an administrator wishes: the block goes without mails, and the keyword asks for nothing more for now."""
    bare = replace(ended(case.intent), state=IntentState.LEFT, code=planning.UNDECORATED)
    stands = case.standing is not None and case.standing is not Standing.EDITED
    if not (stands and case.item.own) or case.item.obstacle:
        end_conference(visit, case.intent)
        draft = cloud.told(visit, case.intent, cloud.ENDED)
        draft.intend(noted(bare, visit.now, "ended"))
        return tell(visit, draft, "the join details were taken out already")
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
            context,
            mailbox,
            CAUSE,
            {**facts, "acting": mailbox.address, "digest_before": case.intent.seen.partition(" ")[0]},
        )
        applied = visit.source.apply(mailbox, update)
    if after.conference is None:
        end_conference(visit, case.intent)
    expansion = visit.source.expand(mailbox, [applied.item_id], visit.reach)
    draft = Draft(visit)
    due = visit.now if applied.repeated else None
    what = "written" if after.state is IntentState.DONE else "taken-out"
    settled = replace(after, due=due, attempts=0, seen="", writes=after.writes + 1)
    if after.conference is None:
        cloud.tell(visit, case.intent, cloud.ENDED, draft)
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
