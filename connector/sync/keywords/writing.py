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
from connector.sync.keywords.marker import TAKEN_OUT, Marker
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
    before = case.mark.past(written.digest) if case.mark else ()
    mark = Marker(intent.key, intent.place, written.digest, before, None if intent.shared else intent.wish)
    done = replace(intent, state=IntentState.DONE, code="", written=details_digest(visit, intent.conference))
    return write(visit, case, done, update(case, written.body, mark.write()))


def take_out(visit: Visit, case: Case) -> Step:
    """Take the block out, then end the conference, then say so: killed in between, all of it is found done."""
    body = case.terms.blocks.take_out(case.item, case.block)
    return write(visit, case, ended(case.intent), update(case, body, _bare(case)))


def clear(visit: Visit, case: Case, code: str) -> Step:
    """Take out a block whose conference has ended and that no other can follow, for a reason."""
    body = case.terms.blocks.take_out(case.item, case.block)
    left = replace(ended(case.intent), state=IntentState.LEFT, wish=case.wish, code=code)
    return write(visit, case, left, update(case, body, _bare(case)))


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
    return write(visit, case, bare, replace(update(case, body, _bare(case)), mail=MailMode.NONE))


def _bare(case: Case) -> str:
    """The marker without a block: none, but for a series, whose occurrences may still hold one that it has to tell of."""
    if not case.item.series or case.mark is None:
        return ""
    return Marker(case.intent.key, case.intent.place, TAKEN_OUT, case.mark.past(TAKEN_OUT)).write()


def update(case: Case, body: str | None, marker: str, conference: str | None = None) -> MeetingUpdate:
    """The write of a body and of our properties; a conference of the calendar's own that we ordered goes with it."""
    item, intent = case.item, case.intent
    mail = case.terms.mail if item.invites and item.sent else MailMode.NONE
    return MeetingUpdate(
        key=case.write_key,
        item_id=intent.item_id,
        change_key=item.meeting.change_key,
        body=body,
        kind=item.kind,
        marker=marker,
        conference="" if conference is None and case.ours is not None else conference,
        mail=mail,
    )


def write(visit: Visit, case: Case, after: Intent, change: MeetingUpdate) -> Step:
    """Carry the write out through the gate, and commit what it leaves behind; ``after`` is the intent as it stands then."""
    applied = _apply(visit, case, change)
    ends = after.state in {IntentState.ENDED, IntentState.LEFT}
    if ends:
        end_conference(visit, case.intent)
    expansion = visit.source.expand(visit.mailbox, [applied.item_id], visit.reach)
    draft = Draft(visit)
    awaits = applied.repeated or after.state is IntentState.ASKED
    settled = replace(after, due=visit.now if awaits else None, attempts=0, seen="", writes=after.writes + 1)
    if ends:
        cloud.tell(visit, case.intent, cloud.ENDED, draft)
    what, sentence = _SAID.get(after.state, _TAKEN_OUT)
    draft.intend(noted(settled, visit.now, what, change.mail.value))
    draft.take(expansion, whole=True, resend=applied.repeated)  # a kill may have sent it without its link
    found = {
        **_facts(case, change),
        "address": visit.mailbox.address,
        "repeated": applied.repeated,
        "digest_after": draft.seen(after.place),
    }
    draft.record(AuditEntry(visit.now, "connector", WRITTEN, visit.mailbox.id, found))
    return Step(sentence, draft.commit(well(visit, visit.session)), notable=True)


_SAID = {
    IntentState.DONE: ("written", "wrote the join details"),
    IntentState.ASKED: ("ordered", "asked the calendar for a conference"),
}
_TAKEN_OUT = ("taken-out", "took the join details out")


def _apply(visit: Visit, case: Case, change: MeetingUpdate) -> Applied:
    item, mailbox = case.item, visit.mailbox
    same = change.conference is None and (item.body, item.marker) == (change.body, change.marker)
    if item.key == change.key or same:
        return Applied(change.item_id, item.meeting.change_key, repeated=True)
    facts = {"acting": mailbox.address, "digest_before": case.intent.seen.partition(" ")[0]}
    gate.admit(visit.context, mailbox, CAUSE, _facts(case, change) | facts)
    return visit.source.apply(mailbox, change)


def _facts(case: Case, change: MeetingUpdate) -> dict[str, object]:
    written = {"body": change.body, "conference": change.conference}
    return {
        "item": change.item_id,
        "fields": [name for name, value in written.items() if value is not None],
        "mail": change.mail.value,
        "intent": case.intent.key,
    }
