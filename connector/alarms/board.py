"""Which alarms stand now: raised and cleared under one id, many mailboxes with one cause being one alarm."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from connector.alarms.kinds import Kind, Severity
from connector.model import Clock

NAMED = 20
"""So many subjects are named in an alarm; the others are only counted."""

_SUBJECTS_LIMIT = 100_000
_ALARMS_LIMIT = 1000
_ORDER = {severity: place for place, severity in enumerate(Severity)}


class Change(StrEnum):
    """What happened to an alarm."""

    RAISED = "raised"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that stands, ``id`` being the same from its raising to its clearing.

    ``subjects`` are the first mailboxes (or servers, files …) it is about, ``count`` is the number of all.
    """

    id: str
    kind: Kind
    cause: str
    since: datetime
    subjects: tuple[str, ...]
    count: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return self.kind.sentence.format_map(_Facts(self.facts, cause=self.cause))

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return self.kind.remedy.format_map(_Facts(self.facts, cause=self.cause))


Listener = Callable[[Alarm, Change], None]
"""Is told of every alarm raised or cleared, in order; must be quick and must not raise."""


class _Facts(dict[str, Any]):
    """Facts for a sentence; one that nobody stated stands as its name in capitals."""

    def __init__(self, facts: Mapping[str, Any], cause: str) -> None:
        super().__init__(facts, cause=cause)

    def __missing__(self, name: str) -> str:
        return name.upper()


@dataclass(slots=True)
class _Standing:
    id: str
    kind: Kind
    cause: str
    since: datetime
    facts: Mapping[str, Any]
    subjects: dict[str, None] = field(default_factory=dict)
    shown: bool = False

    def seen(self) -> Alarm:
        named = tuple(list(self.subjects)[:NAMED])
        return Alarm(self.id, self.kind, self.cause, self.since, named, len(self.subjects), self.facts)


class Alarms:
    """The alarms of one daemon; safe to call from any thread, as often as the trouble is met."""

    def __init__(self, clock: Clock, listeners: tuple[Listener, ...] = ()) -> None:
        self._clock = clock
        self._listeners = listeners
        self._lock = threading.RLock()
        self._standing: dict[tuple[int, str], _Standing] = {}
        self._log = structlog.get_logger(__name__)

    def listen(self, *listeners: Listener) -> None:
        """From now on these are told, and no others; of what stands already, too."""
        with self._lock:
            self._listeners = listeners
            for alarm in self.current():
                for listener in listeners:
                    listener(alarm, Change.RAISED)

    def raise_(self, kind: Kind, cause: str = "", subject: str = "", **facts: Any) -> None:
        """State that something is wrong; ``facts`` fill the sentence, the latest ones count.

        The same kind and cause is the same alarm, whatever the subject. A kind with ``after`` waits so long before it
        is an alarm; ``tick`` or the next call makes it one.
        """
        with self._lock:
            standing = self._standing.get((kind.number, cause)) or self._begin(kind, cause)
            if standing is None:
                return
            standing.facts = {**standing.facts, **facts}
            if subject and len(standing.subjects) < _SUBJECTS_LIMIT:
                standing.subjects[subject] = None
            self._show_if_due(standing)

    def clear(self, kind: Kind, cause: str | None = None, subject: str = "") -> None:
        """State that it is right again: for one subject, or without it for all; without a cause for every cause."""
        with self._lock:
            for key in [key for key in self._standing if key[0] == kind.number and cause in {None, key[1]}]:
                self._clear(key, subject)

    def tick(self) -> None:
        """Turn what has lasted long enough into alarms; to be called every minute or so."""
        with self._lock:
            for standing in tuple(self._standing.values()):
                self._show_if_due(standing)

    def current(self) -> tuple[Alarm, ...]:
        """The alarms that stand, the worst first."""
        with self._lock:
            seen = [standing.seen() for standing in self._standing.values() if standing.shown]
        return tuple(
            sorted(seen, key=lambda alarm: (_ORDER[alarm.kind.severity], alarm.kind.number, alarm.since))
        )

    def _begin(self, kind: Kind, cause: str) -> _Standing | None:
        if len(self._standing) >= _ALARMS_LIMIT:
            self._log.error("too many alarms at once; this one is not kept", alarm=kind.number, cause=cause)
            return None
        identity = f"{kind.number}-{uuid.uuid4().hex[:12]}"
        standing = _Standing(identity, kind, cause, self._clock(), {})
        self._standing[kind.number, cause] = standing
        return standing

    def _show_if_due(self, standing: _Standing) -> None:
        if not standing.shown and self._clock() - standing.since >= standing.kind.after:
            standing.shown = True
            self._tell(standing.seen(), Change.RAISED)

    def _clear(self, key: tuple[int, str], subject: str) -> None:
        standing = self._standing[key]
        before = standing.seen()
        if subject:
            if subject not in standing.subjects:
                return
            del standing.subjects[subject]
            if standing.subjects:
                return
        del self._standing[key]
        if standing.shown:
            self._tell(before, Change.CLEARED)

    def _tell(self, alarm: Alarm, change: Change) -> None:
        level = alarm.kind.severity if change is Change.RAISED else "info"
        facts = {
            "message_id": alarm.kind.message_id,
            "alarm": alarm.kind.number,
            "alarm_name": alarm.kind.name,
            "alarm_id": alarm.id,
            "alarm_state": str(change),
            "cause": alarm.cause,
            "subjects": list(alarm.subjects),
            "count": alarm.count,
        }
        if change is Change.RAISED:
            facts["remedy"] = alarm.remedy
        getattr(self._log, level)(alarm.sentence, **facts)
        for listener in self._listeners:
            listener(alarm, change)
