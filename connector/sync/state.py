"""How the life of a mailbox goes on after a step: pure decisions, no I/O.

::

    REQUESTED --located--> VALIDATING --ours, readable--> LOADING --swept--> LIVE
        ^                                                    ^                |
        |  MailboxMoved (address is looked up again)         |  CursorExpired |
        +----------------------------------------------------+----------------+
    LOADING, LIVE --address unknown, or no primary one any more--> REQUESTED    (renamed, or moved to Exchange Online?)
    any other --AccessDenied--> BLOCKED --slow retry--> VALIDATING
    any --moved to Exchange Online--> MOVED          (nothing is asked any more)
    any --administrator--> PAUSED | LEAVING
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.errors import (
    AccessDenied,
    CredentialRefused,
    CursorExpired,
    MailboxMoved,
    Scope,
    Throttled,
    Verdict,
)
from connector.model import Load, Phase, Session, Stage

FIRST_RETRY = timedelta(seconds=5)
LAST_RETRY = timedelta(minutes=15)
PROBE_EVERY = timedelta(minutes=1)
"""The longest rest between two looks whether a server is back: one mailbox looks for all, so that costs little."""
BLOCKED_RETRY = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
GONE_ONLINE = "moved-to-exchange-online"

ELSEWHERE = frozenset({"address-unknown", "alias-address"})
"""What a mailbox that could be read until now answers under an address that is no longer its own."""

WORKING = frozenset(
    {Phase.REQUESTED, Phase.VALIDATING, Phase.LOADING, Phase.LIVE, Phase.BLOCKED, Phase.LEAVING}
)
"""Phases in which a session is due at some time; the others wait for an administrator."""

WATCHED = frozenset({Phase.LOADING, Phase.LIVE})
"""Phases in which the mailbox may be subscribed."""


@dataclass(frozen=True, slots=True)
class Move:
    """What follows from a verdict: the phase to be in, and how long to wait before the next step."""

    phase: Phase
    delay: timedelta


def back_off(attempts: int, luck: float) -> timedelta:
    """Delay before retry number ``attempts`` (from 1): doubling to a cap, with full jitter above one half.

    ``luck`` is a random number in [0, 1). Half of the delay is certain, so that a broken peer gets rest.
    """
    doublings = min(max(attempts - 1, 0), 16)
    ceiling = min(FIRST_RETRY * float(2**doublings), LAST_RETRY)
    return ceiling / 2 + ceiling / 2 * luck


def transition(phase: Phase, verdict: Verdict, attempts: int, luck: float) -> Move:
    """Where a mailbox goes when its step ended in ``verdict``; ``attempts`` counts this failure too."""
    match verdict:
        case MailboxMoved(code=code) if code == GONE_ONLINE:
            move = Move(Phase.MOVED, LAST_RETRY)
        case MailboxMoved():
            move = Move(Phase.REQUESTED, back_off(attempts, luck))
        case CursorExpired():
            again = phase is Phase.LOADING and attempts > 1
            move = Move(Phase.LOADING, back_off(attempts, luck) if again else timedelta())
        case AccessDenied(code=code) if code in ELSEWHERE and phase in WATCHED:
            move = Move(Phase.REQUESTED, back_off(attempts, luck))
        case AccessDenied():
            patience = BLOCKED_RETRY[min(attempts, len(BLOCKED_RETRY)) - 1]
            move = Move(Phase.BLOCKED, patience * (1 + luck / 10))
        case Throttled(retry_after=patience):
            move = Move(phase, max(patience * (1 + luck / 10), back_off(attempts, luck)))
        case CredentialRefused():
            move = Move(phase, LAST_RETRY)
        case _ if far_reaching(verdict):
            move = Move(phase, min(back_off(attempts, luck), PROBE_EVERY))
        case _:
            move = Move(phase, back_off(attempts, luck))
    return move


def after_failure(session: Session, verdict: Verdict, now: datetime, luck: float) -> Session:
    """The session as it must be stored after its step failed."""
    attempts = session.attempts + 1
    move = transition(session.phase, verdict, attempts, luck)
    changed = move.phase is not session.phase
    return replace(
        session,
        phase=move.phase,
        due=now + move.delay,
        attempts=0 if changed and move.phase is Phase.LOADING else attempts,
        reason=verdict.code,
        failed_at=now,
        load=reread(session) if isinstance(verdict, CursorExpired) else session.load,
        cursor=None if isinstance(verdict, CursorExpired) else session.cursor,
        resume=session.resume or resumable(session.phase) if changed else session.resume,
    )


def resumable(phase: Phase) -> Phase | None:
    """The phase to come back to when an obstacle is gone, if the mailbox had got that far."""
    return phase if phase in WATCHED else None


def reread(session: Session, *, resend: bool = False) -> Load:
    """The beginning of a full read. Without ``resend`` only real differences go to the hub.

    The generation is taken from the session's version, which only grows: every row written before is older.
    """
    unfinished = session.load if session.phase is Phase.LOADING else None
    return Load(
        stage=Stage.FEED,
        generation=session.version + 1,
        resend=resend or (unfinished is not None and unfinished.resend),
    )


def far_reaching(verdict: Verdict) -> bool:
    """Whether others would meet the same fault, so that one is enough to find out when it is over."""
    return verdict.scope in {Scope.SERVER, Scope.SOURCE, Scope.GROUP}
