"""Turns into steps: what the scheduler's workers do, and how the rest of the process wakes a mailbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from connector.errors import Scope, SessionChanged, Verdict
from connector.model import Mailbox, Phase, Session
from connector.source.base import Notice
from connector.sync import failing, state, storms, validation
from connector.sync import session as sessions
from connector.sync.absence import Rounds
from connector.sync.agenda import Turn
from connector.sync.context import Context
from connector.sync.holds import Hold, Holds, server_key
from connector.sync.outcome import Step
from connector.sync.scheduler import Next, Scheduler
from connector.sync.storms import Storms
from connector.sync.storms import Turn as Change

HELD_LONGEST, BLOCKED_LONGEST = timedelta(hours=2), timedelta(hours=30)
"""No mailbox is put off for longer (``sync.state``), unless the clock was wrong when it was."""
ROOM_AGAIN = timedelta(seconds=10)
ROOM_KNOWN = timedelta(seconds=1)
LOCATE = "@locate/"
"""Key of the batched look-ups of a source; never a mailbox id, which is hexadecimal."""
STORM = "notification-storm"
ABSENCE = "@absence/"
"""Key of the batched question who is away."""


class Observer(Protocol):
    """Is told what happened; logs, counts and raises alarms. Must not raise."""

    def stepped(self, mailbox: Mailbox, before: Phase, step: Step) -> None:
        """A step went well."""

    def failed(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        """A step ended in a verdict, and this is the stored session now."""

    def held(self, key: str, hold: Hold) -> None:
        """A source or server is held back because of what one mailbox met."""

    def passed(self, mailbox: Mailbox) -> None:
        """The first step got through after a hold."""


class Room:
    """Whether the outbox takes more; asked of the store at most once a second."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._asked: datetime | None = None
        self._there = True

    def there(self, now: datetime) -> bool:
        """Whether fewer envelopes wait than may."""
        if self._asked is None or not self._asked <= now < self._asked + ROOM_KNOWN:
            self._asked = now
            self._there = self._context.store.outbox().waiting < self._context.outbox_limit
        return self._there


class Engine:
    """Steps sessions, holds back what would meet the same fault, and keeps the agenda true to the store."""

    def __init__(
        self,
        context: Context,
        holds: Holds,
        observer: Observer,
        *,
        workers: int,
        watched_changed: Callable[[], None],
        noticed: Callable[[str, Notice], None] = lambda _source, _notice: None,
    ) -> None:
        self.context = context
        self.holds = holds
        self.scheduler = Scheduler(self.work, context.clock, workers)
        self._observer = observer
        self._room = Room(context)
        self._waiting: set[str] = set()
        self._rounds: dict[str, Rounds] = {}
        self._watched_changed = watched_changed
        self._noticed = noticed
        self._storms = Storms()
        self._storm_lock = threading.Lock()

    def start(self, *, resync: bool) -> None:
        """Fill the agenda from the store. ``resync`` asks each mailbox for a delta: something may have been missed."""
        mailboxes = {mailbox.id: mailbox for mailbox in self.context.store.mailboxes()}
        for session in self.context.store.sessions():
            mailbox = mailboxes.get(session.mailbox_id)
            if mailbox is not None:
                self._place(mailbox, session)
                if resync and session.phase is Phase.LIVE:
                    self.wake(mailbox.id, "start")
        for source in self.context.sources:
            self.scheduler.put(LOCATE + source, LOCATE + source, self.context.now())

    def wake(self, mailbox_id: str, reason: str, delay: timedelta = timedelta()) -> None:
        """Look at this mailbox soon."""
        self.scheduler.wake(mailbox_id, reason, delay)

    def nudge(self, mailbox_id: str, reason: str) -> None:
        """As ``wake``, after the debounce time that lets the events of one user action gather; later in a storm."""
        mailbox = self.context.store.mailbox(mailbox_id)
        if mailbox is None:
            return
        with self._storm_lock:
            turn = self._storms.nudge(mailbox_id, self.context.now())
            raging = self._storms.raging(mailbox_id)
        if turn is Change.BEGAN:
            self._noticed(mailbox.source, Notice(STORM, mailbox.address))
        self.wake(mailbox_id, reason, storms.SLOW if raging else self.context.pace_of(mailbox).debounce)

    def _look_for_calm(self, mailbox: Mailbox) -> None:
        """A storm's end is looked for until it has come, also when nothing nudges any more."""
        with self._storm_lock:
            turn = self._storms.look(mailbox.id, self.context.now())
            raging = self._storms.raging(mailbox.id)
        if turn is Change.ENDED:
            self._noticed(mailbox.source, Notice(STORM, mailbox.address, over=True))
        elif raging:
            self.wake(mailbox.id, "storm", storms.SLOW)

    def unstreamed(self, mailbox_ids: Iterable[str]) -> None:
        """No stream covers them any more: from now on they are polled, unless one does again by then."""
        for mailbox_id in mailbox_ids:
            mailbox = self.context.store.mailbox(mailbox_id)
            if mailbox is not None:
                self.wake(mailbox_id, "unstreamed", self.context.pace_of(mailbox).poll)

    def changed(self, mailbox_id: str) -> None:
        """An administrator changed this mailbox's session; bring the agenda in line."""
        mailbox, session = self.context.store.mailbox(mailbox_id), self.context.store.session(mailbox_id)
        if mailbox is None or session is None or session.phase not in state.WORKING:
            self.scheduler.forget(mailbox_id)
        elif session.phase is Phase.REQUESTED:
            self.scheduler.forget(mailbox_id)
            self.scheduler.put(LOCATE + mailbox.source, LOCATE + mailbox.source, session.due)
        else:
            self.scheduler.release(mailbox_id)
            self._place(mailbox, session)
        self._watched_changed()

    def source_changed(self, source: str) -> None:
        """A credential or a pause changed: whoever waited because of it goes on."""
        self.holds.lift(source)
        for mailbox in self.context.store.mailboxes():
            if mailbox.source == source:
                self._look_up_now(mailbox)
                self.scheduler.release(mailbox.id)
        self.scheduler.release(LOCATE + source)
        self.scheduler.wake(LOCATE + source, "admin")

    def renewed(self) -> None:
        """The store has begun a new life: every session is read from it again, those that load anew go on now."""
        mailboxes = {mailbox.id: mailbox for mailbox in self.context.store.mailboxes()}
        for session in self.context.store.sessions():
            mailbox = mailboxes.get(session.mailbox_id)
            if mailbox is not None:
                self._place(mailbox, session)

    def _look_up_now(self, mailbox: Mailbox) -> None:
        """Let a mailbox that was looked up in vain be among the next that are."""
        session, now = self.context.store.session(mailbox.id), self.context.now()
        if session is not None and session.phase is Phase.REQUESTED and session.due > now:
            with suppress(SessionChanged):  # whoever changed it has put it where it belongs
                self.context.store.change_session(replace(session, due=now))

    def work(self, turn: Turn) -> Next:
        """One turn of a worker. StoreError passes through and ends the process."""
        if turn.key.startswith(LOCATE):
            return self._locate(turn.key.removeprefix(LOCATE))
        if turn.key.startswith(ABSENCE):
            return self._ask_absences(turn.key.removeprefix(ABSENCE))
        mailbox, before = self.context.store.mailbox(turn.key), self.context.store.session(turn.key)
        if mailbox is None or before is None:
            return Next(None)
        later = self._obstacle(mailbox, before)
        if later is not None:
            return Next(later, held=True, reasons=turn.reasons)
        self.holds.claim_probe(mailbox)
        try:
            step = sessions.step(self.context, mailbox.id, turn.reasons)
        except Verdict as verdict:
            return self._failed(mailbox, before, verdict, turn)
        return self._stepped(mailbox, before, step)

    def _obstacle(self, mailbox: Mailbox, session: Session) -> datetime | None:
        """When to come back, because something beyond the mailbox forbids its step now."""
        now = self.context.now()
        held = self.holds.until(mailbox)
        if held is not None:
            self._waiting.add(mailbox.id)
            return self._spread(held)
        if not self._room.there(now):
            return self._spread(now + ROOM_AGAIN)
        first_loads = self.context.first_loads.get(mailbox.source)
        return first_loads.postpone(session, now) if first_loads else None

    def _stepped(self, mailbox: Mailbox, before: Session, step: Step) -> Next:
        if self.holds.passed(mailbox):
            self._observer.passed(mailbox)
            self._go_on()
        self._observer.stepped(mailbox, before.phase, step)
        self._look_for_calm(mailbox)
        if step.session is None:
            self.context.hints.forget(mailbox.id)
        elif step.session.phase is Phase.LIVE:
            self._tend_absences(mailbox.source)
        if step.session is None or _watch_differs(before.phase, step.session.phase):
            self._watched_changed()
        return self._next(mailbox, step)

    def _go_on(self) -> None:
        """Whoever waited for a hold to end; one that still stands takes them back."""
        waiting, self._waiting = self._waiting, set()
        for key in waiting:
            self.scheduler.release(key)

    def _next(self, mailbox: Mailbox, step: Step) -> Next:
        after = step.session
        if after is None or after.phase not in state.WORKING:
            return Next(None)
        if after.phase is Phase.REQUESTED:
            self.scheduler.put(LOCATE + mailbox.source, LOCATE + mailbox.source, self.context.now())
            return Next(None)
        if step.more:
            return Next(self.context.now(), reasons=frozenset({"more"}))
        return Next(after.due)

    def _failed(self, mailbox: Mailbox, before: Session, verdict: Verdict, turn: Turn) -> Next:
        session = failing.record(self.context, before, verdict)
        self._observer.failed(mailbox, verdict, session)
        hold = self.holds.meet(mailbox, verdict)
        if hold is not None:
            self._waiting.add(mailbox.id)
            self._observer.held(mailbox.source, hold)
        if session is None or _watch_differs(before.phase, session.phase):
            self._watched_changed()
        if session is None or session.phase not in state.WORKING:
            return Next(None)
        if session.phase is Phase.REQUESTED:
            self.scheduler.put(LOCATE + mailbox.source, LOCATE + mailbox.source, session.due)
            return Next(None)
        return Next(session.due, held=True, reasons=turn.reasons)

    def _ask_absences(self, source: str) -> Next:
        """One batch of hints; a source that is held back is not asked. Its failures hold nobody else back."""
        held = self.holds.until(_stand_in(source))
        if held is not None:
            return Next(self._spread(held), held=True)
        woken, due = self._rounds[source].turn()
        for mailbox_id in woken:
            self.wake(mailbox_id, "presence")
        return Next(due, held=True)

    def _locate(self, source: str) -> Next:
        if source not in self.context.sources:
            return Next(None)
        stand_in = _stand_in(source)
        held = self.holds.until(stand_in)
        if held is not None:
            self._waiting.add(LOCATE + source)
            return Next(self._spread(held), held=True)
        try:
            looked, following = validation.locate(self.context, source)
        except Verdict as verdict:
            return self._locate_failed(stand_in, verdict)
        for one in looked:
            if one.verdict is not None:
                self._observer.failed(one.mailbox, one.verdict, one.session)
            self._place(one.mailbox, one.session)
        refused = next((one.verdict for one in looked if _of_the_source(one.verdict)), None)
        if refused is not None:
            return self._locate_failed(stand_in, refused)
        if looked and self.holds.passed(stand_in):
            self._observer.passed(stand_in)
            self._go_on()
        return Next(following or self.context.now() + timedelta(hours=1))

    def _locate_failed(self, stand_in: Mailbox, verdict: Verdict) -> Next:
        hold = self.holds.meet(stand_in, verdict)
        if hold is None:
            return Next(self.context.now() + state.back_off(3, self.context.luck()), held=True)
        self._observer.held(stand_in.source, hold)
        return Next(self._spread(hold.until), held=True)

    def _place(self, mailbox: Mailbox, session: Session) -> None:
        if session.phase in state.WORKING and session.phase is not Phase.REQUESTED:
            now = self.context.now()
            due = now if _costs_no_logon(session) else _believable(session, now)
            held = session.attempts > 0 and due > now
            self.scheduler.put(mailbox.id, server_key(mailbox), due, held=held)
        if session.phase is Phase.LIVE:
            self._tend_absences(mailbox.source)

    def _tend_absences(self, source: str) -> None:
        """Have absences asked for from the first live mailbox on."""
        if source not in self._rounds and source in self.context.sources:
            self._rounds[source] = Rounds(self.context, source)
            self.scheduler.put(ABSENCE + source, ABSENCE + source, self.context.now())

    def _spread(self, until: datetime) -> datetime:
        """Shortly after a hold ends, not all at the same moment."""
        return until + timedelta(seconds=5 * self.context.luck())


def _stand_in(source: str) -> Mailbox:
    """For what concerns a source and none of its mailboxes."""
    return Mailbox(id="", source=source, address="", policy="", origin="")


def _of_the_source(verdict: Verdict | None) -> bool:
    """Whether all mailboxes of the source would hear the same: the account is refused, not one address or server."""
    return verdict is not None and verdict.scope is Scope.SOURCE


def _watch_differs(before: Phase, after: Phase) -> bool:
    return (before in state.WATCHED) != (after in state.WATCHED)


def _believable(session: Session, now: datetime) -> datetime:
    """Its due time, but for one that only a clock which was ahead can have given it."""
    if session.phase is Phase.LIVE and not session.attempts:
        return session.due
    return min(session.due, now + (BLOCKED_LONGEST if session.phase is Phase.BLOCKED else HELD_LONGEST))


def _costs_no_logon(session: Session) -> bool:
    """Whether its last trouble is one that the source remembers by itself, so that asking again harms nobody."""
    return session.reason in {"credential-refused", "credential-missing"}
