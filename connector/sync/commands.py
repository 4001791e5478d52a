"""A command of the cloud: opened, checked, carried out, answered. All in the session of the mailbox it is sealed to."""

from __future__ import annotations

from typing import Any

from connector.errors import Refused
from connector.model import (
    Applied,
    AuditEntry,
    Availability,
    Command,
    EventKind,
    Mailbox,
    MeetingUpdate,
    Outcome,
    Result,
    SealedCommand,
    Session,
    Write,
)
from connector.seal.commands import open_command
from connector.seal.envelope import seal_outcome
from connector.sync import feed, gate, orders
from connector.sync.context import Context
from connector.sync.outcome import Step
from connector.sync.publish import Draft

CAUSE = "hub"


def step(context: Context, mailbox: Mailbox, session: Session, sealed: SealedCommand) -> Step:
    """Carry out one command. What fails for a while is tried again until the command expires; what never can is answered."""
    now = context.now()
    draft = Draft(context, mailbox, session)
    try:
        command = open_command(sealed, lambda uri: context.keys.opening_key(uri, mailbox.id), now)
        outcome = _carry_out(context, mailbox, session, command, draft)
    except Refused as refusal:
        outcome = Outcome(sealed.id, Result.REFUSED, refusal.code)
    data = seal_outcome(outcome, draft.key, mailbox.id, draft.revision)
    draft.announce(EventKind.COMMAND_OUTCOME, data, sealed=True)
    draft.finish(sealed.id)
    facts = {"command": sealed.id, "result": outcome.result.value, "code": outcome.code}
    draft.record(AuditEntry(now, "hub", "command.answered", mailbox.address, facts))
    sentence = f"command {outcome.result.value} {outcome.code}".rstrip()
    return Step(sentence, draft.commit(session, now), notable=True)


def _carry_out(
    context: Context, mailbox: Mailbox, session: Session, command: Command, draft: Draft
) -> Outcome:
    if command.actor != mailbox.address:
        raise Refused("write-not-allowed", "the acting user is not the owner")
    match orders.parse(command):
        case orders.AskFreeBusy(addresses=addresses, window=window):
            answers = context.source_of(mailbox).availability(mailbox, addresses, window)
            return Outcome(command.id, Result.DONE, body={"availability": [_spans(one) for one in answers]})
        case orders.Create(meeting=meeting):
            return _write(context, mailbox, session, command, draft, meeting)
        case orders.Update() as update:
            return _write(
                context, mailbox, session, command, draft, _aimed(context, mailbox, command, update)
            )


def _aimed(context: Context, mailbox: Mailbox, command: Command, update: orders.Update) -> MeetingUpdate:
    window = context.span.at(context.now())
    for row in context.store.rows_between(mailbox.id, window.start, window.end):
        if row.meeting_id == update.meeting_id:
            return MeetingUpdate(
                key=command.id,
                item_id=row.item_id,
                location=update.location,
                body_html=update.body_html,
                marker=command.id,
                mail=update.mail,
            )
    raise Refused("item-not-found", update.meeting_id)


def _write(
    context: Context, mailbox: Mailbox, session: Session, command: Command, draft: Draft, write: Write
) -> Outcome:
    item = write.item_id if isinstance(write, MeetingUpdate) else ""
    facts = {"command": command.id, "kind": command.kind, "item": item, "mail": write.mail.value}
    gate.admit(context, mailbox, CAUSE, facts)
    source = context.source_of(mailbox)
    applied = source.apply(mailbox, write)
    draft.take(source.expand(mailbox, [applied.item_id], feed.reach(context, session)), whole=True)
    return Outcome(command.id, Result.DONE, body=_found(applied, draft))


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
