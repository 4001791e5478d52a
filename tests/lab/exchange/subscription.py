"""Subscriptions: what is wanted of which mailbox, and the events that wait for the next connection."""

import base64
import itertools
import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from tests.lab.exchange.organisation import ItemEvent
from tests.lab.exchange.waiting import Bell

FOLDER = "folder"
ITEM = "item"
FOLDER_KEY = "AQAAAA=="


@dataclass(frozen=True, slots=True)
class Event:
    """One event element of a notification: `kind` is its name, `subject` says whether the id is an item's or a folder's."""

    kind: str
    at: datetime
    subject: str
    id: str
    change_key: str
    parent: str
    old_id: str = ""
    old_parent: str = ""


@dataclass(slots=True)
class Stream:
    """An open GetStreamingEvents connection. `taken` are ids that a newer connection has claimed."""

    bell: Bell = field(default_factory=Bell)
    taken: list[str] = field(default_factory=list)
    stopped: bool = False

    def stop(self) -> None:
        """Let it end at its next look."""
        self.stopped = True
        self.bell.ring()


@dataclass(slots=True)
class Subscription:
    """One subscription; `mailbox` is the GUID of what it watches, `address` as it was then. `dead` is the response code that ends it, empty while it lives."""

    id: str
    owner: str
    address: str
    mailbox: str
    back_end: str
    folders: frozenset[str] | None
    kinds: frozenset[str]
    waiting: deque[Event] = field(default_factory=deque)
    missed: bool = False
    dead: str = ""
    stream: Stream | None = None
    seen: float = field(default_factory=time.monotonic)

    def wants(self, event: Event) -> bool:
        """Whether the event is of a folder and a kind that was asked for."""
        if event.kind not in self.kinds:
            return False
        return self.folders is None or bool({event.parent, event.old_parent, event.id} & self.folders)


def new_id(back_end: str) -> str:
    """A subscription id; like Exchange's it names the server it lives on (2-byte length, name) before random bytes."""
    name = back_end.encode()
    return base64.b64encode(
        len(name).to_bytes(2, "little") + name + b"\x10\x00\x00\x00" + os.urandom(24)
    ).decode()


def server_of(subscription_id: str) -> str:
    """The server an id names, empty when it is no id of ours."""
    try:
        raw = base64.b64decode(subscription_id, validate=True)
    except ValueError:
        return ""
    length = int.from_bytes(raw[:2], "little")
    return raw[2 : 2 + length].decode("ascii", "replace")


class Subscriptions:
    """All living subscriptions of all back ends; thread-safe."""

    def __init__(self, queue: int, idle: float) -> None:
        """`queue` events wait at most for each, `idle` seconds without a connection end one."""
        self.lock = threading.RLock()
        self._queue = queue
        self._idle = idle
        self._by_id: dict[str, Subscription] = {}
        self._by_mailbox: dict[str, dict[str, Subscription]] = {}

    def add(self, subscription: Subscription) -> None:
        """Take a new one in."""
        with self.lock:
            self._by_id[subscription.id] = subscription
            self._by_mailbox.setdefault(subscription.mailbox, {})[subscription.id] = subscription

    def remove(self, subscription_id: str, code: str = "ErrorSubscriptionNotFound") -> bool:
        """End one; the connection that carries it is told with `code`. False when it was not there."""
        with self.lock:
            subscription = self._by_id.pop(subscription_id, None)
            if subscription is None:
                return False
            self._by_mailbox[subscription.mailbox].pop(subscription_id)
            subscription.dead = code
            self._ring(subscription)
            return True

    def find(self, subscription_id: str) -> Subscription | None:
        """The living subscription with this id."""
        with self.lock:
            found = self._by_id.get(subscription_id)
            if found and found.stream is None and time.monotonic() - found.seen > self._idle:
                self.remove(subscription_id)
                return None
            return found

    def count(self, mailbox: str) -> int:
        """How many watch one mailbox."""
        with self.lock:
            return len(self._by_mailbox.get(mailbox, ()))

    def publish(self, change: ItemEvent) -> None:
        """Queue the events of a change for everybody who wants them; a queue that overflows is the end of its subscription."""
        events = events_of(change)
        with self.lock:
            for subscription in list(self._by_mailbox.get(change.mailbox, {}).values()):
                wanted = [event for event in events if subscription.wants(event)]
                if len(subscription.waiting) + len(wanted) > self._queue:
                    self.remove(subscription.id, "ErrorInvalidSubscription")
                elif wanted:
                    subscription.waiting.extend(wanted)
                    self._ring(subscription)

    def miss(self, address: str | None = None) -> int:
        """Lose the waiting events of a mailbox (or of all): ErrorMissedNotificationEvents follows. Returns how many are hit."""
        with self.lock:
            hit = [s for s in self._by_id.values() if address in {None, s.address}]
            for subscription in hit:
                subscription.waiting.clear()
                subscription.missed = True
                self._ring(subscription)
        return len(hit)

    def forget(self, address: str | None = None) -> int:
        """End the subscriptions of a mailbox, or all of them as a restarted server process does. Returns how many there were."""
        with self.lock:
            gone = [s.id for s in self._by_id.values() if address in {None, s.address}]
            for subscription_id in gone:
                self.remove(subscription_id)
        return len(gone)

    def report(self) -> list[dict[str, object]]:
        """Every subscription, for tests."""
        with self.lock:
            return [
                {
                    "id": s.id,
                    "owner": s.owner,
                    "address": s.address,
                    "back_end": s.back_end,
                    "waiting": len(s.waiting),
                    "connected": s.stream is not None,
                }
                for s in self._by_id.values()
            ]

    def _ring(self, subscription: Subscription) -> None:
        if subscription.stream is not None:
            subscription.stream.bell.ring()


def events_of(change: ItemEvent) -> list[Event]:
    """The events one change causes: the item's own, and that its folder and the free/busy times changed, as servers tell it."""
    own = Event(
        f"{change.kind}Event",
        change.at,
        ITEM,
        change.item_id,
        change.change_key,
        change.folder_id,
        change.old_item_id,
        change.old_folder_id,
    )
    touched = change.old_folder_id or change.folder_id
    folder = Event("ModifiedEvent", change.at, FOLDER, touched, FOLDER_KEY, touched)
    busy = Event("FreeBusyChangedEvent", change.at, ITEM, change.item_id, change.change_key, touched)
    return [own, folder, busy]


def take_waiting(subscription: Subscription, limit: int) -> list[Event]:
    """Remove the oldest waiting events, at most `limit`; call with the registry's lock held."""
    taken = list(itertools.islice(subscription.waiting, limit))
    for _ in taken:
        subscription.waiting.popleft()
    return taken
