"""Conferences that the cloud makes: what is told it of an order, and its answer.

An order goes up like the outcome of a command that nobody gave: ``conference.TAG`` is its id, ``code`` one of the words
below, and everything about it is sealed. The answer is the command ``conference.made`` (docs/relay.md section 9).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from connector.conference.base import by_hub
from connector.errors import Refused
from connector.model import (
    Command,
    Conference,
    ConferenceOrder,
    EventKind,
    Intent,
    IntentState,
    Outcome,
    Result,
)
from connector.seal.envelope import seal_outcome, write_time
from connector.sync.keywords.journal import noted
from connector.sync.publish import Draft
from connector.sync.visit import Visit

WANTED, MOVED, ENDED = "conference-wanted", "conference-moved", "conference-ended"
AGAIN = timedelta(hours=1)
"""So often an order is sent again that was not answered."""


def letter(order: ConferenceOrder, what: str, entry: str) -> Outcome:
    """What goes up of an order; ``entry`` is the name of the service in the configuration."""
    body: dict[str, Any] = {"tag": order.tag, "entry": entry}
    if what != ENDED:
        body |= {
            "organizer": {"address": order.organizer.address, "name": order.organizer.name},
            "subject": order.subject,
            "start": write_time(order.start),
            "end": write_time(order.end),
            "rule": order.rule,
            "site": order.site,
        }
    return Outcome(f"conference.{order.tag}", Result.DONE, what, body)


def tell(visit: Visit, intent: Intent, what: str, draft: Draft) -> None:
    """Send word of an intent's order, where the cloud is who makes its conference."""
    order, wish = intent.order, intent.wish
    if order is None or wish is None or intent.shared or not _of_hub(visit, intent):
        return
    said = letter(order, what, wish.action)
    data = seal_outcome(said, draft.key, visit.mailbox.id, draft.revision)
    draft.announce(EventKind.COMMAND_OUTCOME, data, sealed=True)


def told(visit: Visit, intent: Intent, what: str) -> Draft:
    """A draft that sends word of an intent's order, or an empty one where the cloud has no part in it."""
    draft = Draft(visit)
    tell(visit, intent, what, draft)
    return draft


def ask(visit: Visit, intent: Intent, order: ConferenceOrder) -> Draft:
    """A draft that sends the order and notes that it waits; sent again from time to time, as the hub keeps the last alone."""
    waiting = replace(
        intent,
        state=IntentState.ASKED,
        order=order,
        due=visit.now + AGAIN,
        attempts=0,
        code="conference-awaited",
    )
    draft = told(visit, waiting, WANTED)
    draft.intend(waiting if intent.state is IntentState.ASKED else noted(waiting, visit.now, "asked"))
    return draft


def take(visit: Visit, command: Command, tag: str, conference: Conference, draft: Draft) -> Outcome:
    """The conference of an intent that waits for it. Raises Refused ``conference-unasked``."""
    intents = visit.store.intents(visit.mailbox.id)
    waiting = next((one for one in intents if one.key == tag and _waits(visit, one)), None)
    if waiting is None:
        raise Refused("conference-unasked", tag)
    known = replace(
        waiting, state=IntentState.MADE, conference=conference, due=visit.now, code="", attempts=0
    )
    draft.intend(noted(known, visit.now, "made", command.actor))
    for one in intents:
        if one.series_key == waiting.series_key and one.place != waiting.place and one.conference is None:
            draft.intend(replace(one, due=visit.now))
    return Outcome(command.id, Result.DONE)


def _waits(visit: Visit, intent: Intent) -> bool:
    return intent.order is not None and not intent.shared and intent.open and _of_hub(visit, intent)


def _of_hub(visit: Visit, intent: Intent) -> bool:
    wish = intent.wish
    provider = visit.context.rules.keywords.providers.get(wish.action) if wish else None
    return provider is not None and by_hub(provider)
