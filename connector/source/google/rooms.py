"""Rooms' calendars shared with the reader, where a user is named who may do that; the right is given once and taken back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from connector.errors import AccessDenied, Refused, Transient, Verdict
from connector.model import Clock, Mailbox
from connector.source.google.account import is_room
from connector.source.google.services import Services

log = structlog.get_logger(__name__)

ROLE = "reader"
UNREADABLE = frozenset({"no-calendar", "google-times-only", "google-forbidden"})
"""What a room that is not shared with the reader is refused with."""
TAKES_EFFECT = timedelta(minutes=10)
"""Google may need so long until a right that was given holds; it is not given again meanwhile."""
RETRY = 60.0
"""Seconds until a right that could not be taken back is tried again; doubled up to an hour."""
LONGEST_RETRY = 3600.0

Given = dict[str, str]
"""Rooms by address, and when the right was given."""


class Memory(Protocol):
    """One text that outlasts the process."""

    def read(self) -> str | None:
        """None before the first ``write``."""

    def write(self, text: str) -> None:
        """Replace it."""


class Forgetful:
    """Remembers for as long as the process lives."""

    def __init__(self) -> None:
        self._text: str | None = None

    def read(self) -> str | None:
        """The last text."""
        return self._text

    def write(self, text: str) -> None:
        """Replace it."""
        self._text = text


@dataclass(frozen=True, slots=True)
class Who:
    """``owner`` may share rooms, ``reader`` is to read them; ``enlisted`` says whether a room is a mailbox of ours."""

    owner: str
    reader: str
    enlisted: Callable[[str], bool]


class Sharing:
    """Remembers which rights the connector has given, so that it takes back those alone. Thread-safe."""

    def __init__(
        self,
        who: Who,
        services: Services,
        memory: Memory,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._who = who
        self._services = services
        self._memory = memory
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wait, self._until = RETRY, 0.0

    def open(self, room: Mailbox, look: Callable[[Mailbox], str]) -> str:
        """What ``look`` says of a calendar's role; a room that the reader may not see yet is shared first.

        Raises:
            Transient: the right was given and does not hold yet.
            AccessDenied: the owner may not give it, or nobody is named who could.
        """
        try:
            return look(room)
        except AccessDenied as verdict:
            if not (self._who.owner and is_room(room) and verdict.code in UNREADABLE):
                raise
        self._share(room)
        try:
            return look(room)
        except AccessDenied as verdict:
            raise Transient("google-sharing-takes-time", str(verdict)) from verdict

    def tidy(self) -> None:
        """Take rights back on rooms that are no longer ours; what fails is tried again later."""
        if not self._who.owner or self._monotonic() < self._until:
            return
        try:
            for address in [one for one in self._given() if not self._who.enlisted(one)]:
                self._take_back(address)
        except Verdict as verdict:
            if self._wait == RETRY:
                log.warning("the reader's right on a room could not be taken back", why=str(verdict))
            self._until = self._monotonic() + self._wait
            self._wait = min(self._wait * 2, LONGEST_RETRY)
            return
        self._wait = RETRY

    def _share(self, room: Mailbox) -> None:
        """Noted before it is done: what was perhaps given is taken back, too."""
        now = self._clock()
        with self._changed() as given:
            if _fresh(given.get(room.address), now):
                return
            given[room.address] = now.isoformat()
        try:
            self._services.share(room.address, self._who.reader, ROLE, self._who.owner)
        except (AccessDenied, Refused) as verdict:
            with self._changed() as given:
                given.pop(room.address, None)
            raise AccessDenied("google-room-not-shareable", str(verdict)) from verdict
        log.info("room shared with the reader", room=room.address)

    def _take_back(self, address: str) -> None:
        try:
            self._services.unshare(address, self._who.reader, self._who.owner)
        except (AccessDenied, Refused) as verdict:
            log.warning("the reader's right on a room was not taken back", room=address, why=str(verdict))
        with self._changed() as given:
            given.pop(address, None)

    def _given(self) -> Given:
        with self._lock:
            return self._load()

    @contextmanager
    def _changed(self) -> Iterator[Given]:
        with self._lock:
            given = self._load()
            yield given
            self._memory.write(json.dumps(given, sort_keys=True))

    def _load(self) -> Given:
        kept = json.loads(self._memory.read() or "{}")
        return dict(kept) if isinstance(kept, Mapping) else {}


def _fresh(given_at: str | None, now: datetime) -> bool:
    return given_at is not None and now - datetime.fromisoformat(given_at) < TAKES_EFFECT
