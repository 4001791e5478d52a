"""How one thing done for an intent is left behind: committed, settled with a reason, or put off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.errors import Refused, Throttled, Verdict
from connector.model import Intent, IntentState
from connector.sync import state
from connector.sync.due import well
from connector.sync.keywords.journal import noted
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

BRAKED = timedelta(minutes=1)
"""How often an intent looks whether the brake was released."""
UNCONFIRMED = timedelta(seconds=5)


def commit(visit: Visit, intent: Intent, sentence: str) -> Step:
    """Store the intent as it stands now, and nothing else."""
    draft = Draft(visit)
    draft.intend(intent)
    return tell(visit, draft, sentence)


def tell(visit: Visit, draft: Draft, sentence: str) -> Step:
    """Store what the draft holds."""
    return Step(sentence, draft.commit(well(visit, visit.session)))


def settle(visit: Visit, intent: Intent, code: str) -> Step:
    """Nothing more is to be done until something changes."""
    state_now = intent.state
    if intent.conference is None and state_now is not IntentState.UNCERTAIN:
        state_now = IntentState.LEFT
    elif intent.conference is not None and not code:
        state_now = IntentState.DONE
    settled = replace(current(visit, intent), state=state_now, due=None, attempts=0, code=code)
    if code and code != intent.code:
        settled = noted(settled, visit.now, "left", code)
    return commit(visit, settled, f"the keyword is settled {code}".rstrip())


def refused(visit: Visit, intent: Intent, verdict: Verdict) -> Step:
    """What a refusal leaves behind: the brake is waited for, all else settles the intent until something changes."""
    if verdict.code == "brake":
        return commit(visit, replace(intent, due=visit.now + BRAKED, code="brake"), "all writes are stopped")
    if isinstance(verdict, Refused):
        return settle(visit, intent, verdict.code)
    return put_off(visit, intent, verdict)


def put_off(visit: Visit, intent: Intent, verdict: Verdict) -> Step:
    """Try again later, more patiently each time; the mailbox is read meanwhile."""
    attempts = intent.attempts + 1
    wait = state.back_off(attempts, visit.context.luck())
    if isinstance(verdict, Throttled):
        wait = max(wait, verdict.retry_after)
    if verdict.code == "epoch-unconfirmed":
        attempts, wait = intent.attempts, UNCONFIRMED
    later = replace(current(visit, intent), due=visit.now + wait, attempts=attempts, code=verdict.code)
    return commit(visit, later, f"the keyword waits: {verdict.code}")


def current(visit: Visit, intent: Intent) -> Intent:
    """The intent as it is stored: a step that failed may have written ASKED already."""
    found = visit.store.intents_of_series([intent.series_key])
    mine = (one for one in found if (one.mailbox_id, one.place) == (intent.mailbox_id, intent.place))
    return next(mine, intent)
