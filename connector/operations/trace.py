"""``mailbox trace``: one mailbox's steps in the log, one by one, for a while.

The wish is a setting of the store, so it survives reload and restart and can be made before the daemon runs. What is logged
are sentences, phases, times, codes and the request ids of failures; addresses as ``log.addresses`` says, meeting data never.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.errors import StoreError, UserError, Verdict
from connector.model import Clock, Mailbox, Phase, Session
from connector.operations.desk import Desk
from connector.store.base import Store
from connector.sync.engine import Observer
from connector.sync.holds import Hold
from connector.sync.outcome import Step

LONGEST = timedelta(hours=24)
MOST = 20
"""Mailboxes traced at once."""

SETTING = "traces"
LOOK = timedelta(seconds=1)
"""How old the knowledge of who is traced may be."""


@dataclass(frozen=True, slots=True)
class Trace:
    """The wish for one mailbox."""

    source: str
    until: datetime


def begin(desk: Desk, address: str, span: timedelta) -> dict[str, Any]:
    """Trace an activated mailbox for so long from now; a trace that runs is replaced.

    Raises NotFound for a mailbox that is not activated, UserError for a span out of bounds or too many traces.
    """
    if not timedelta() < span <= LONGEST:
        raise UserError("a trace runs for at most 24h; write for instance --for 30m")
    mailbox, now = desk.mailbox(address), desk.now()
    running = {one: trace for one, trace in read(desk.store).items() if trace.until > now}
    if len(running | {mailbox.id: None}) > MOST:
        raise UserError(
            f"{MOST} mailboxes are traced already; end one: calendar-connector mailbox trace ADDRESS --off"
        )
    until = now + span
    _write(desk.store, running | {mailbox.id: Trace(mailbox.source, until)})
    desk.store.audit(desk.entry("mailbox.trace", mailbox.address, until=until.isoformat(timespec="seconds")))
    return {"address": mailbox.address, "trace": mailbox.id, "until": until.isoformat(timespec="seconds")}


def end(desk: Desk, address: str) -> bool:
    """End a trace before its time; whether there was one."""
    mailbox = desk.mailbox(address)
    traces = read(desk.store)
    there = traces.pop(mailbox.id, None) is not None
    _write(desk.store, traces)
    return there


def read(store: Store) -> dict[str, Trace]:
    """Every trace that was wished for, by mailbox id; those past their time too."""
    kept = json.loads(store.setting(SETTING) or "{}")
    return {one: Trace(row["source"], datetime.fromisoformat(row["until"])) for one, row in kept.items()}


def _write(store: Store, traces: Mapping[str, Trace]) -> None:
    rows = {one: {"source": trace.source, "until": trace.until.isoformat()} for one, trace in traces.items()}
    store.put_setting(SETTING, json.dumps(rows) if rows else None)


class Tracing:
    """An Observer before another: tells it everything, and writes down what concerns a traced mailbox. Thread-safe.

    Written down whatever ``log.level`` says: somebody asked for it.
    """

    def __init__(self, told: Observer, store: Store, clock: Clock) -> None:
        self._told = told
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._traces: dict[str, Trace] = {}
        self._looked: datetime | None = None

    def stepped(self, mailbox: Mailbox, before: Phase, step: Step) -> None:
        """A step went well."""
        if mailbox.id in self._running():
            _log(mailbox.id, step.sentence, mailbox=mailbox.address, **_stepped(before, step))
        self._told.stepped(mailbox, before, step)

    def failed(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        """A step ended in a verdict."""
        if mailbox.id in self._running():
            facts = {
                "code": verdict.code,
                "detail": verdict.detail,
                "scope": verdict.scope.value,
                **_state(session),
            }
            _log(mailbox.id, "the step failed", mailbox=mailbox.address, **facts)
        self._told.failed(mailbox, verdict, session)

    def held(self, key: str, hold: Hold) -> None:
        """A source or server is held back."""
        for mailbox_id, trace in self._running().items():
            if trace.source == key.partition(" ")[0]:
                _log(mailbox_id, "its source is held back", code=hold.code, until=hold.until)
        self._told.held(key, hold)

    def passed(self, mailbox: Mailbox) -> None:
        """The first step got through after a hold."""
        if mailbox.id in self._running():
            _log(mailbox.id, "its source answers again", mailbox=mailbox.address)
        self._told.passed(mailbox)

    def _running(self) -> Mapping[str, Trace]:
        """Who is traced now; those whose time is up are told so, once."""
        now = self._clock()
        with self._lock:
            if self._looked is None or not self._looked <= now < self._looked + LOOK:
                self._looked = now
                self._look(now)
            return self._traces

    def _look(self, now: datetime) -> None:
        try:
            wished = read(self._store)
        except StoreError:
            return  # whoever steps meets the same trouble and tells of it
        before, self._traces = (
            self._traces,
            {one: trace for one, trace in wished.items() if trace.until > now},
        )
        for mailbox_id in before.keys() - self._traces.keys():
            _log(mailbox_id, "the trace has ended")


def _stepped(before: Phase, step: Step) -> dict[str, Any]:
    facts: dict[str, Any] = {"before": before.name.lower(), "more": step.more or None}
    return facts | _state(step.session)


def _state(session: Session | None) -> dict[str, Any]:
    if session is None:
        return {"state": "gone"}
    load = session.load
    return {
        "state": session.phase.name.lower(),
        "version": session.version,
        "revision": session.revision,
        "next": session.due,
        "attempts": session.attempts or None,
        "reason": session.reason,
        "stage": load.stage.value if load else None,
        "filled_to": load.filled_to if load else None,
    }


def _log(mailbox_id: str, sentence: str, **facts: Any) -> None:
    """At level info, past the filter of levels; ``trace`` is what journalctl finds it by (CC_TRACE)."""
    wrapper = structlog.make_filtering_bound_logger(logging.NOTSET)
    logger = structlog.wrap_logger(structlog.get_config()["logger_factory"](), wrapper_class=wrapper)
    told = {name: fact for name, fact in facts.items() if fact is not None}
    logger.info(sentence, trace=mailbox_id, **told)
