"""Subscriptions at the server: made, kept over restarts, given back.

The affinity rules are Microsoft's ("How to: Maintain affinity between a group of subscriptions and the Mailbox
server"): everyone subscribes with the anchor's X-AnchorMailbox, X-PreferServerAffinity and, from the second on, the
X-BackEndOverrideCookie that the anchor's answer has set, so that all end up on the server the stream will lead to.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from sys import intern
from threading import Event
from typing import Protocol

import structlog

from connector.errors import StoreError, Transient
from connector.model import Clock, Mailbox
from connector.source.base import Subscription, SubscriptionShelf
from connector.source.exchange.connections import AFFINITY_COOKIE
from connector.source.exchange.envelope import Element, m, t
from connector.source.exchange.errors import message_verdict
from connector.source.exchange.groups import Seat
from connector.source.exchange.markup import find, text_of
from connector.source.exchange.transport import Answer, Call

log = structlog.get_logger(__name__)

EVENTS = ("CopiedEvent", "CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent")


class Calls(Protocol):
    """The part of ``transport.Exchange`` that is needed here."""

    def call(self, call: Call) -> Answer:
        """Carry out one operation; raises verdicts."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way to the server that holds a connection's subscriptions."""

    endpoint: str
    anchor: str
    cookie: str = field(default="", repr=False)

    def call(self, payload: Element, acting: str, *, repeatable: bool) -> Call:
        """A request to that server."""
        return Call(
            self.endpoint,
            payload,
            acting=acting,
            anchor=self.anchor,
            headers={"X-PreferServerAffinity": "true"},
            cookies={AFFINITY_COOKIE: self.cookie} if self.cookie else {},
            repeatable=repeatable,
        )

    def to_json(self) -> str:
        """As it rests with a subscription."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Route | None:
        """The inverse; None when it is not what this version writes."""
        return _parse(text)


@lru_cache(maxsize=4096)
def _parse(text: str) -> Route | None:
    """Kept ready: the members of a connection share one text."""
    try:
        return Route(**json.loads(text))
    except (ValueError, TypeError):
        return None


def route_of(subscription: Subscription) -> Route:
    """The subscription's route. Raises ValueError when it can't be read; Ledger keeps no such one."""
    route = Route.from_json(subscription.route)
    if route is None:
        raise ValueError(f"the route of subscription {subscription.id} can't be read")
    return route


def seat_of(subscription: Subscription) -> Seat | None:
    """Where the subscription's mailbox sits; None when what was kept can't be read."""
    route = Route.from_json(subscription.route)
    return Seat.parse(route.endpoint, subscription.group) if route else None


def subscribe_payload() -> Element:
    """Events of the calendar of the mailbox acted for; any of them only says: look."""
    folders = t("FolderIds", t("DistinguishedFolderId", Id="calendar"))
    kinds = t("EventTypes", *(t("EventType", text=event) for event in EVENTS))
    return m("Subscribe", m("StreamingSubscriptionRequest", folders, kinds))


def unsubscribe_payload(subscription_id: str) -> Element:
    """The end of one subscription."""
    return m("Unsubscribe", m("SubscriptionId", text=subscription_id))


class Subscriber:
    """Makes and ends subscriptions of one source."""

    def __init__(self, source: str, calls: Calls, clock: Clock) -> None:
        self._source = source
        self._calls = calls
        self._clock = clock

    def subscribe(self, mailbox: Mailbox, seat: Seat, route: Route | None) -> Subscription:
        """A new subscription of the mailbox; without a route it becomes the anchor of its connection.

        Raises:
            Verdict: the mailbox's own, or the server's (``scope`` tells).
        """
        way = route or Route(seat.endpoint, mailbox.address)
        answer = self._calls.call(way.call(subscribe_payload(), mailbox.address, repeatable=False))
        message = _judged(answer, "SubscribeResponseMessage")
        subscription_id = text_of(message, "SubscriptionId")
        if not subscription_id:
            raise Transient("bad-answer", f"a subscription without id; {answer.trace}")
        if route is None:
            way = Route(way.endpoint, way.anchor, answer.affinity or "")
        shared = intern(seat.connection), intern(way.to_json())
        return Subscription(self._source, mailbox.id, subscription_id, *shared, self._clock())

    def unsubscribe(self, subscription: Subscription) -> None:
        """Give it back.

        Nobody is impersonated: the subscription is the service account's, and its mailbox may be none of ours any
        more.

        Raises:
            Verdict: the server does not know it (``subscription-lost``), or did not answer.
        """
        call = route_of(subscription).call(unsubscribe_payload(subscription.id), "", repeatable=True)
        _judged(self._calls.call(call), "UnsubscribeResponseMessage")


def _judged(answer: Answer, name: str) -> Element:
    """The response message. Raises its verdict when it tells of a failure."""
    message = find(answer.response, name)
    if message is None:
        raise Transient("bad-answer", f"no {name} in the answer; {answer.trace}")
    if verdict := message_verdict(message):
        raise verdict
    return message


class Ledger:
    """The subscriptions there are, in memory and on the shelf; thread-safe."""

    def __init__(self, source: str, shelf: SubscriptionShelf) -> None:
        self._shelf = shelf
        self._lock = threading.Lock()
        self._held: dict[str, Subscription] = {}
        for subscription in shelf.subscriptions(source):
            if seat_of(subscription):
                self._held[subscription.mailbox_id] = subscription
            else:
                shelf.drop_subscription(subscription.mailbox_id)

    def all(self) -> tuple[Subscription, ...]:
        """Every one."""
        with self._lock:
            return tuple(self._held.values())

    def of(self, mailbox_ids: Iterable[str]) -> dict[str, Subscription]:
        """Those of these mailboxes, by mailbox id."""
        with self._lock:
            return {one: self._held[one] for one in mailbox_ids if one in self._held}

    def seats(self) -> Mapping[str, Seat]:
        """Where the subscribed mailboxes sit."""
        return {one.mailbox_id: seat for one in self.all() if (seat := seat_of(one))}

    def keep(self, subscription: Subscription) -> None:
        """Remember a new one."""
        with self._lock:
            self._held[subscription.mailbox_id] = subscription
            self._shelve(lambda: self._shelf.save_subscription(subscription))

    def drop(self, subscription: Subscription) -> bool:
        """Use it no more, unless its mailbox has another one by now; whether it was in use.

        It stays on the shelf until ``forget``: a subscription not given back yet must not be lost in a restart.
        """
        with self._lock:
            if self._held.get(subscription.mailbox_id) != subscription:
                return False
            del self._held[subscription.mailbox_id]
            return True

    def forget(self, subscription: Subscription) -> None:
        """Take a dropped one off the shelf: the server does not hold it any more, or will never be told."""
        with self._lock:
            if subscription.mailbox_id not in self._held:
                self._shelve(lambda: self._shelf.drop_subscription(subscription.mailbox_id))

    def _shelve(self, change: Callable[[], None]) -> None:
        """The shelf saves a Subscribe after a restart; a store that can't be written to must not end the streams."""
        try:
            change()
        except StoreError as error:
            log.warning("a subscription could not be kept for the next start", why=str(error))


class Pace:
    """At most ``rate()`` turns a second, asked at each turn, for all threads together, at uneven distances."""

    def __init__(
        self,
        rate: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        dice: random.Random | None = None,
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._dice = dice or random.Random()  # noqa: S311 - spreads load, keeps no secret
        self._lock = threading.Lock()
        self._next = 0.0

    def reserve(self) -> float:
        """Seconds to wait for the next free turn, which is taken by asking."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._next)
            self._next = turn + self._dice.uniform(1.0, 1.5) / self._rate()
            return turn - now

    def wait(self, stop: Event) -> bool:
        """Wait for a turn; False when ``stop`` came first."""
        return not stop.wait(self.reserve())
