"""Who is away, without asking each mailbox for it: hints by the batch, and only whose state seems to differ is read.

A round asks the source about everybody who is live and whose policy sends presence, a batch a turn, evenly over the
round. A hint only wakes; the truth is ``Source.presence``. Where hints are refused or keep failing the truth itself is
read, spread over a round ten times as long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connector.errors import Refused, Throttled, Verdict
from connector.model import Mailbox, Phase
from connector.sync import due, state
from connector.sync.context import Context, Pace
from connector.sync.hints import FALLBACK_ROUNDS, NOT_AWAY
from connector.sync.visit import Visit

ROUND = 0.95
"""A round's share of the time in which a change is to be shown; the rest is for reading it."""
GAP = timedelta(seconds=0.2)
"""At most five batches a second, however many people there are."""
AT_ONCE = 100
"""So many are offered to the source; it answers for as many as one request may carry."""
REFUSED_FOR = timedelta(hours=6)
"""A source that refuses hints is asked for them again after so long."""
FAILURES = 3
"""So many failures in a row, and the truth is read in place of hints."""

Looked = tuple[Sequence[str], datetime]
"""The mailbox ids to be woken, and when the next turn is due."""


class Rounds:
    """The batched session of one source; one turn at a time."""

    def __init__(self, context: Context, source: str) -> None:
        self._context = context
        self._source = source
        self._left: deque[str] = deque()
        self._total = 0
        self._begun: datetime | None = None
        self._refused_until: datetime | None = None
        self._failures = 0

    def turn(self) -> Looked:
        """Ask about one batch: the mailbox ids to be woken, and when the next turn is due. Raises nothing but StoreError."""
        now = self._context.now()
        if not self._left:
            if self._begun is not None and now < self._begun + self._round:
                return (), self._begun + self._round
            self._begin(now)
        people = self._next_people()
        if not people:
            return (), (self._begun or now) + self._round if not self._left else now + GAP
        if self._refused_until is not None and now < self._refused_until:
            return self._read_all(people, now)
        return self._ask(people, now)

    @property
    def _round(self) -> timedelta:
        return self._pace.presence * ROUND

    @property
    def _fallback(self) -> timedelta:
        return self._pace.presence * FALLBACK_ROUNDS

    @property
    def _pace(self) -> Pace:
        return self._context.pace_of(Mailbox("", self._source, "", "", ""))

    def _begin(self, now: datetime) -> None:
        mine = [one for one in self._context.store.mailboxes(Phase.LIVE) if self._concerns(one)]
        mine.sort(key=lambda one: one.location.endpoint if one.location else "")
        self._left, self._total, self._begun = deque(one.id for one in mine), len(mine), now

    def _concerns(self, mailbox: Mailbox) -> bool:
        return mailbox.source == self._source and self._context.rules.policy(mailbox.policy).presence != "off"

    def _next_people(self) -> list[Mailbox]:
        """Those at the front who are still live; whoever is not any more drops out and is not asked for."""
        people: list[Mailbox] = []
        for mailbox_id in [self._left[place] for place in range(min(AT_ONCE, len(self._left)))]:
            mailbox, session = (
                self._context.store.mailbox(mailbox_id),
                self._context.store.session(mailbox_id),
            )
            if mailbox and session and session.phase is Phase.LIVE and self._concerns(mailbox):
                people.append(mailbox)
            else:
                self._left.remove(mailbox_id)
        return people

    def _ask(self, people: Sequence[Mailbox], now: datetime) -> Looked:
        try:
            found = self._context.sources[self._source].absences(people)
        except Refused:
            self._refused_until = now + REFUSED_FOR
            return (), now + GAP
        except Verdict as verdict:
            return self._failed(verdict, now)
        self._failures = 0
        for mailbox_id in found:
            self._left.remove(mailbox_id)
        return self._heard(found, now), self._following(len(found), self._round, now)

    def _heard(self, found: Mapping[str, str | None], now: datetime) -> list[str]:
        back = self._context.digests.presence(NOT_AWAY)
        return [one for one, mark in found.items() if self._differs(one, mark, back, now)]

    def _differs(self, mailbox_id: str, mark: str | None, back: str, now: datetime) -> bool:
        mailbox, session = self._context.store.mailbox(mailbox_id), self._context.store.session(mailbox_id)
        if mailbox is None or session is None:
            return False
        seemed_back = (session.presence_digest or "").endswith(back)
        self._context.hints.hear(mailbox_id, mark, now, seemed_back=seemed_back)
        return due.presence_at(Visit(self._context, mailbox, session, now)) <= now

    def _failed(self, verdict: Verdict, now: datetime) -> Looked:
        """Another is acted for next time; after some failures in a row the truth is read for a while."""
        self._failures += 1
        self._left.rotate(-1)
        if self._failures >= FAILURES:
            self._failures, self._refused_until = 0, now + self._fallback
            return (), now + GAP
        wait = state.back_off(self._failures, self._context.luck())
        return (), now + (max(wait, verdict.retry_after) if isinstance(verdict, Throttled) else wait)

    def _read_all(self, people: Sequence[Mailbox], now: datetime) -> Looked:
        """No hints: whoever has not been read for long is, a batch at a time over the longer round."""
        batch = [one.id for one in people[: AT_ONCE // 2]]
        for mailbox_id in batch:
            self._left.remove(mailbox_id)
        woken = self._heard(dict.fromkeys(batch), now)
        return woken, self._following(len(batch), self._fallback, now)

    def _following(self, done: int, span: timedelta, now: datetime) -> datetime:
        """Evenly over the span; nothing answered means that a limit is being found, and the next try is soon."""
        return now + max(GAP, span * (done / max(1, self._total)))
