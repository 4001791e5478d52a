"""Invitations as an administrator turns to them: why one is as it is, writing blocks anew, taking them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from connector.errors import SessionChanged, UserError
from connector.model import Commit, Intent, IntentState, Mailbox, Phase
from connector.operations.desk import TRIES, Desk
from connector.operations.mailboxes import Answer
from connector.sync import state

Change = Callable[[Intent], Intent]


def redecorate(desk: Desk, addresses: Sequence[str], *, dry_run: bool = False) -> list[Answer]:
    """Have every keyword of these mailboxes carried out anew, by the keywords, services and templates now in force.

    The calendars are read afresh, so that keywords count that were not known when they were typed. Invitees are mailed
    about what changes. Blocks that somebody edited stay as they are.
    """
    found = [_redecorate(desk, desk.mailbox(one), dry_run=dry_run) for one in dict.fromkeys(addresses)]
    return _recorded(desk, found, "meeting.redecorate", dry_run=dry_run)


def undecorate(desk: Desk, addresses: Sequence[str], *, dry_run: bool = False) -> list[Answer]:
    """Have our blocks taken out of the invitations of these mailboxes, without mails, and their conferences ended.

    The keywords stay where they are and ask for nothing more until they are typed again, or ``redecorate``.
    """
    found = [_undecorate(desk, desk.mailbox(one), dry_run=dry_run) for one in dict.fromkeys(addresses)]
    return _recorded(desk, found, "meeting.undecorate", dry_run=dry_run)


def _recorded(desk: Desk, answers: list[Answer], action: str, *, dry_run: bool) -> list[Answer]:
    for answer in answers:
        if answer.done and not dry_run:
            desk.store.audit(desk.entry(action, answer.address))
    return answers


def _redecorate(desk: Desk, mailbox: Mailbox, *, dry_run: bool) -> Answer:
    now = desk.now()

    def anew(intent: Intent) -> Intent:
        forgotten = {IntentState.DONE: IntentState.MADE, IntentState.LEFT: IntentState.WANTED}
        stage = forgotten.get(intent.state, intent.state)
        return replace(intent, state=stage, written="", seen="", code="", attempts=0, due=now)

    return _alter(
        desk, mailbox, anew, "are looked at anew; the calendar is read afresh", dry_run=dry_run, read=True
    )


def _undecorate(desk: Desk, mailbox: Mailbox, *, dry_run: bool) -> Answer:
    now = desk.now()

    def out(intent: Intent) -> Intent:
        return replace(intent, state=IntentState.UNDECORATE, code="", attempts=0, due=now)

    return _alter(desk, mailbox, out, "lose their join details, without mails", dry_run=dry_run, read=False)


def _alter(desk: Desk, mailbox: Mailbox, change: Change, what: str, *, dry_run: bool, read: bool) -> Answer:
    """Change every open intent of what is not over yet, against steps that commit at the same time."""
    if desk.session(mailbox).phase not in state.WATCHED:
        return Answer(mailbox.address, done=False, sentence="it is not being read at present", code=1)
    for _ in range(TRIES):
        session, now = desk.session(mailbox), desk.now()
        chosen = [one for one in desk.store.intents(mailbox.id) if one.open and one.until > now]
        sentence = f"{len(chosen)} invitations {what}"
        if dry_run:
            return Answer(mailbox.address, done=True, sentence=f"would do: {sentence}")
        anew = replace(session, due=now)
        if read and session.phase is Phase.LIVE:
            anew = replace(anew, phase=Phase.LOADING, load=state.reread(session), cursor=None)
        try:
            desk.store.commit(Commit(anew, intents=tuple(map(change, chosen))), now)
        except SessionChanged:
            continue
        desk.changed(mailbox.id)
        return Answer(mailbox.address, done=True, sentence=sentence)
    raise UserError(f"{mailbox.address} is too busy just now; try again")


def why(told: list[dict[str, Any]], address: str) -> list[dict[str, Any]]:
    """What is told of each meeting, or one sentence that none was found. Raises UserError with it."""
    if not told:
        raise UserError(
            f"{address} has no such meeting between the days that are read (`window:`); try another part of its title"
        )
    return told
