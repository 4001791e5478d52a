"""A command of the cloud: opened, checked, carried out, answered. All in the session of the mailbox it is sealed to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.errors import Conflict, Refused, Transient
from connector.model import (
    Applied,
    AuditEntry,
    Availability,
    Command,
    EventKind,
    Expansion,
    MailMode,
    MeetingUpdate,
    Outcome,
    QuickAdd,
    Removal,
    Reply,
    Result,
    SealedCommand,
    Write,
)
from connector.seal.commands import open_command
from connector.seal.envelope import seal_outcome
from connector.sync import aims, free_busy, gate, orders, state
from connector.sync.aims import NEW, Aim
from connector.sync.keywords import cloud
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

CAUSE = "hub"
WRITTEN = "calendar.written"
TRIES = 5
"""So often a command is tried that fails for its own sake."""


def step(visit: Visit, sealed: SealedCommand) -> Step:
    """Carry out one command and answer it.

    What fails because of a server or an account is tried again until the command expires; what fails for this command
    alone is given up after some tries, so that it does not keep the mailbox from being read.
    """
    context, mailbox, session = visit.context, visit.mailbox, visit.session
    draft = Draft(visit)
    try:
        command = open_command(sealed, lambda uri: context.keys.opening_key(uri, mailbox.id), visit.now)
        outcome = _carry_out(visit, command, draft)
    except Refused as refusal:
        outcome = Outcome(sealed.id, Result.REFUSED, refusal.code)
    except (Transient, Conflict) as verdict:
        if state.far_reaching(verdict) or session.attempts + 1 < TRIES:
            raise
        draft = Draft(visit)
        outcome = Outcome(sealed.id, Result.FAILED, verdict.code)
    data = seal_outcome(outcome, draft.key, mailbox.id, draft.revision)
    draft.announce(EventKind.COMMAND_OUTCOME, data, sealed=True)
    draft.finish(sealed.id)
    facts = {"command": sealed.id, "result": outcome.result.value, "code": outcome.code}
    draft.record(AuditEntry(visit.now, "hub", "command.answered", mailbox.address, facts))
    sentence = f"command {outcome.result.value} {outcome.code}".rstrip()
    answered = replace(session, attempts=0, reason=None, failed_at=None)
    stored = draft.commit(answered)
    aims.forget(visit)
    return Step(sentence, stored, notable=True)


def _carry_out(visit: Visit, command: Command, draft: Draft) -> Outcome:
    mailbox = visit.mailbox
    if command.actor != mailbox.address:
        raise Refused("write-not-allowed", "the acting user is not the owner")
    match orders.parse(command):
        case orders.AskFreeBusy(addresses=addresses, window=window):
            gate.admit_question(visit.context, mailbox, {"command": command.id, "people": len(addresses)})
            answers = free_busy.ask(visit, addresses, window)
            return Outcome(command.id, Result.DONE, body={"availability": [_spans(one) for one in answers]})
        case orders.Create(meeting=meeting):
            return _write(visit, command, draft, meeting)
        case orders.Quick() as quick:
            return _write(visit, command, draft, _sentence(visit, command, quick))
        case orders.ConferenceMade(tag=tag, conference=conference):
            return cloud.take(visit, command, tag, conference, draft)
        case orders.Update() | orders.Answer() | orders.Delete() as order:
            aim = aims.take(visit, command, order.meeting_id)
            return _write(visit, command, draft, _change(command, order, aim), aim)


def _sentence(visit: Visit, command: Command, quick: orders.Quick) -> QuickAdd:
    if not visit.source.quick_adds:
        raise Refused("quick-add-needs-google")
    return QuickAdd(command.id, quick.text, aims.begun_at(visit, command), quick.mail)


def _change(command: Command, order: orders.Update | orders.Answer | orders.Delete, aim: Aim) -> Write:
    match order:
        case orders.Answer(response=response, whole=whole):
            return Reply(command.id, aim.named(whole=whole), response)
        case orders.Delete(whole=whole, mail=mail):
            return Removal(command.id, aim.named(whole=whole), mail)
        case orders.Update():
            return MeetingUpdate(
                key=command.id,
                item_id=aim.item_id,
                location=order.location,
                body=order.body_html,
                marker=command.id,
                mail=order.mail,
            )


def _write(visit: Visit, command: Command, draft: Draft, write: Write, aim: Aim = NEW) -> Outcome:
    """Write, and read back what the calendar made of it. ``aim`` is what is about to be changed."""
    context, mailbox, source = visit.context, visit.mailbox, visit.source
    again = aims.begun_at(visit, command) is not None
    gate.admit(context, mailbox, CAUSE, {**_facts(command, write), "digest_before": aim.digest})
    aims.begin(visit, command, aim)
    applied = _applied(visit, write, again=again)
    expansion = source.expand(mailbox, [aim.home_id or applied.item_id], visit.reach)
    draft.take(expansion, whole=True)
    draft.drop(visit.store.rows_of_items(mailbox.id, expansion.gone) if expansion.gone else ())
    facts = {
        "address": mailbox.address,
        "command": command.id,
        "item": applied.item_id,
        "repeated": applied.repeated,
        "digest_after": _digest(visit, expansion, applied.item_id),
    }
    draft.record(AuditEntry(context.now(), "connector", WRITTEN, mailbox.id, facts))
    return Outcome(command.id, Result.DONE, body=_found(applied, draft))


def _applied(visit: Visit, write: Write, *, again: bool) -> Applied:
    """What an earlier try has made away with is not there any more: that was wanted."""
    try:
        return visit.source.apply(visit.mailbox, write)
    except Refused as refusal:
        if not (again and isinstance(write, (Reply, Removal)) and refusal.code == "item-not-found"):
            raise
        return Applied(write.item_id, "", repeated=True)


def _facts(command: Command, write: Write) -> dict[str, object]:
    """What the audit trail says of a write: ids and names of fields, none of their words."""
    match write:
        case MeetingUpdate(item_id=item):
            possible = {"location": write.location, "body": write.body}
            fields = [name for name, value in possible.items() if value is not None]
        case Reply(item_id=item):
            fields = ["response"]
        case Removal(item_id=item):
            fields = ["all"]
        case _:
            item, fields = "", ["all"]
    return {
        "command": command.id,
        "kind": command.kind,
        "acting": command.actor,
        "item": item,
        "fields": fields,
        "mail": MailMode.ALL.value if isinstance(write, Reply) else write.mail.value,
    }


def _digest(visit: Visit, expansion: Expansion, item_id: str) -> str:
    """The digest of the item as it now stands; "" when it lies outside the window."""
    meetings = (meeting for series in expansion.series for meeting in series.meetings)
    return next((visit.context.digests.content(one) for one in meetings if one.item_id == item_id), "")


def _found(applied: Applied, draft: Draft) -> dict[str, Any]:
    """The meeting ids that the write touched, so that a client finds them in its list."""
    meetings = [envelope.meeting_id for envelope in draft.envelopes if envelope.meeting_id]
    return {"meetings": meetings, "repeated": applied.repeated}


def _spans(answer: Availability) -> dict[str, Any]:
    return {
        "address": answer.address,
        "code": answer.code,
        "busy": [
            {"start": span.start.isoformat(), "end": span.end.isoformat(), "showAs": span.show_as.value}
            for span in answer.busy
        ],
    }
