"""Step A: the conference of an intent is made, moved, ended. Providers are asked here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from connector.conference.base import Provider, by_hub
from connector.errors import Refused, Verdict
from connector.model import Conference, ConferenceOrder, Intent, IntentState, Wish
from connector.sync.keywords import cloud, marker, planning
from connector.sync.keywords.journal import noted
from connector.sync.keywords.planning import Case
from connector.sync.keywords.settling import commit, settle, tell
from connector.sync.outcome import Step
from connector.sync.publish import Draft
from connector.sync.visit import Visit

Answer = TypeVar("Answer")


class Elsewhere(Exception):
    """What a provider or directory said: no trouble of the mailbox's own source."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


def recall(visit: Visit, case: Case, key: str, wish: Wish) -> Step:
    """Ask for a conference that the item tells of; another one that is held in its place is of an earlier day and ends."""
    if key != case.intent.key:
        end_conference(visit, case.intent)
    intent = replace(
        case.known_as(key),
        wish=wish,
        shared=False,
        conference=None,
        state=IntentState.WANTED,
        due=visit.now,
        written="",
        code="",
    )
    order = _order(visit, replace(case, intent=intent))
    known = replace(intent, order=order)
    found = _found(visit, known)
    if found is not None:
        known = replace(known, state=IntentState.MADE, conference=found)
    return commit(
        visit, noted(known, visit.now, "recalled", wish.keyword), "the invitation told of a conference"
    )


def make(visit: Visit, case: Case, wish: Wish) -> Step:
    """Make the conference under the intent's key, or look for the one whose making was cut short.

    What is asked for is committed first: killed in between, whoever comes next knows where to look for what was made.
    """
    before = case.intent
    intent = replace(before, wish=wish, shared=False, conference=None)
    provider = _provider(visit, wish)
    order = _order(visit, replace(case, intent=intent))
    if by_hub(provider):
        return tell(visit, cloud.ask(visit, intent, order), "asked the cloud")
    asked = intent.state in {IntentState.ASKED, IntentState.UNCERTAIN}
    if asked and not provider.tagged:
        found = abroad(lambda: provider.find(order))
        if found is None:
            uncertain = replace(intent, state=IntentState.UNCERTAIN, order=order)
            return settle(visit, uncertain, "conference-uncertain")
        return _made(visit, intent, order, found)
    begun = replace(intent, order=order, state=IntentState.WANTED if provider.tagged else IntentState.ASKED)
    if begun != before:
        draft = Draft(visit)
        draft.intend(begun)
        visit = visit.after(draft.commit(visit.session))
    conference = abroad(lambda: provider.make(order))
    if before.order is not None and before.order != order:
        conference = abroad(lambda: provider.move(conference, order))  # made, it may be, for the time before
    return _made(visit, intent, order, conference)


def _made(visit: Visit, intent: Intent, order: ConferenceOrder, conference: Conference) -> Step:
    made = replace(
        intent, state=IntentState.MADE, conference=conference, order=order, attempts=0, code="", due=visit.now
    )
    return commit(visit, noted(made, visit.now, "made", order.organizer.address), "made the conference")


def replaced(visit: Visit, case: Case, wish: Wish) -> Step:
    """End what was made for the keyword before; the block stays until the next one takes its place in the same write."""
    intent = case.intent
    end_conference(visit, intent)
    wanted = replace(
        intent,
        key=marker.following(intent.key),
        state=IntentState.WANTED,
        wish=wish,
        conference=None,
        order=None,
        shared=False,
    )
    draft = cloud.told(visit, intent, cloud.ENDED)
    draft.intend(noted(wanted, visit.now, "replaced", wish.keyword))
    return tell(visit, draft, "another keyword stands there")


def move(visit: Visit, case: Case) -> Step:
    """Tell the provider of the meeting's new time, rule or subject."""
    intent = case.intent
    if intent.conference is None or intent.wish is None:
        return settle(visit, intent, "")
    conference, provider = intent.conference, _provider(visit, intent.wish)
    order = _order(visit, case)
    moved = abroad(lambda: provider.move(conference, order))
    after = replace(intent, conference=moved, order=order, attempts=0, code="", due=visit.now)
    draft = cloud.told(visit, after, cloud.MOVED)
    draft.intend(noted(after, visit.now, "moved"))
    return tell(visit, draft, "moved the conference")


def end_conference(visit: Visit, intent: Intent) -> None:
    """A provider that is no longer configured can't be asked; what it made stays with it."""
    order, wish = intent.order, intent.wish
    if intent.shared or order is None or wish is None:
        return
    provider = visit.context.rules.keywords.providers.get(wish.action)
    conference = intent.conference or _found(visit, intent)
    if provider is not None and conference is not None:
        abroad(lambda: provider.end(conference, order, visit.now))


def _found(visit: Visit, intent: Intent) -> Conference | None:
    """What stands at the provider for an intent's order, if anything came of it."""
    order, wish = intent.order, intent.wish
    provider = visit.context.rules.keywords.providers.get(wish.action) if wish else None
    return abroad(lambda: provider.find(order)) if provider is not None and order is not None else None


def ended(intent: Intent) -> Intent:
    """The intent with nothing left of it."""
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


def details_digest(visit: Visit, conference: Conference) -> str:
    """Of the details; the text can be no UID that a calendar gives."""
    return visit.context.digests.series_key(f"details\0{conference.details!r}")


def _provider(visit: Visit, wish: Wish) -> Provider:
    provider = visit.context.rules.keywords.providers.get(wish.action)
    if provider is None:
        raise Refused("conference-unknown", wish.action)
    return provider


def _order(visit: Visit, case: Case) -> ConferenceOrder:
    person = abroad(lambda: case.terms.person(visit.mailbox, case.item))
    return planning.order_of(case, person)


def abroad(ask: Callable[[], Answer]) -> Answer:
    """Ask somebody other than the mailbox's source."""
    try:
        return ask()
    except Verdict as verdict:
        raise Elsewhere(verdict) from verdict
