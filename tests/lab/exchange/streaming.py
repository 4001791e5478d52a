"""Subscribe, Unsubscribe and GetStreamingEvents.

Rules: MS-OXWSNTIF, and the reference pages on affinity and throttling. A connection carries at most 200 ids; it is charged to the
mailbox acted for, else to the service account; the owner of a subscription is the service account, also when it acts for somebody.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tests.lab.exchange import documents
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.limits import Limits
from tests.lab.exchange.settings import StreamSettings
from tests.lab.exchange.soap import M, T
from tests.lab.exchange.subscription import (
    Event,
    Stream,
    Subscription,
    Subscriptions,
    new_id,
    server_of,
    take_waiting,
)
from tests.lab.exchange.waiting import Watch, Woken
from tests.lab.exchange.watched import watched_folders

EVENTS_A_NOTIFICATION = 50
TIMEOUTS = range(1, 31)


@dataclass(frozen=True, slots=True)
class Visit:
    """A call together with the back end it reached and a watch on its connection."""

    call: Call
    back_end: str
    watch: Watch


class Streaming:
    """The notification service of all back ends."""

    def __init__(self, settings: StreamSettings, limits: Limits) -> None:
        """Without any subscription."""
        self.settings = settings
        self.subscriptions = Subscriptions(settings.queue, settings.idle)
        self._limits = limits
        self._streams: set[int] = set()

    def subscribe(self, visit: Visit) -> etree._Element:
        """Answer m:Subscribe with a StreamingSubscriptionRequest.

        Raises:
            ResponseFault: another kind of subscription, an unknown folder, or more subscriptions than the mailbox may have.
        """
        call = visit.call
        wanted = call.request.find(f"{M}StreamingSubscriptionRequest")
        if wanted is None:
            text = "Subscription is invalid: only streaming subscriptions are served."
            raise ResponseFault("ErrorInvalidSubscriptionRequest", text)
        address, folders = watched_folders(call, wanted)
        mailbox = call.organisation.mailbox(address).guid
        if self.subscriptions.count(mailbox) >= self._limits.figures.subscriptions:
            text = "You have exceeded the available subscriptions for your account. Remove unnecessary subscriptions and try your request again."
            raise ResponseFault("ErrorExceededSubscriptionCount", text)
        kinds = frozenset(element.text or "" for element in wanted.iter(f"{T}EventType"))
        made = Subscription(
            new_id(visit.back_end), self._owner(call), address, mailbox, visit.back_end, folders, kinds
        )
        self.subscriptions.add(made)
        return documents.subscribed(made.id)

    def unsubscribe(self, visit: Visit) -> etree._Element:
        """Answer m:Unsubscribe.

        Raises:
            ResponseFault: no such subscription, or somebody else's.
        """
        wanted = (visit.call.request.findtext(f"{M}SubscriptionId") or "").strip()
        code = self._fault_of(wanted, visit)
        if code:
            raise ResponseFault(code, documents.SENTENCES[code])
        self.subscriptions.remove(wanted, "ErrorSubscriptionUnsubscribed")
        return documents.unsubscribed()

    def open(self, visit: Visit) -> tuple[Iterator[bytes], list[str]]:
        """Answer m:GetStreamingEvents: the documents as they come, and the addresses whose events they carry.

        Raises:
            ResponseFault: SOAP fault for a malformed request, too many ids or too many open connections.
        """
        call = visit.call
        ids = [(el.text or "").strip() for el in call.request.iter(f"{T}SubscriptionId")]
        minutes = _minutes(call.request)
        if not ids or len(ids) > self._limits.figures.stream_ids:
            text = f"The request is invalid: {len(ids)} subscription ids, 1 to {self._limits.figures.stream_ids} are allowed."
            raise ResponseFault("ErrorInvalidRequest", text, "soap")
        charged = call.acting or call.caller
        self._limits.open_stream(charged)
        good, bad = self._sort(ids, visit)
        running = self._run(good, bad, visit.watch, minutes * self.settings.minute, charged)
        next(running)
        return running, sorted({subscription.address for subscription in good})

    def _owner(self, call: Call) -> str:
        return call.caller if self.settings.owner == "caller" else call.acting or call.caller

    def _sort(self, ids: list[str], visit: Visit) -> tuple[list[Subscription], dict[str, list[str]]]:
        good: list[Subscription] = []
        bad: dict[str, list[str]] = {}
        for wanted in dict.fromkeys(ids):
            code = self._fault_of(wanted, visit)
            found = self.subscriptions.find(wanted)
            if code or found is None:
                bad.setdefault(code or "ErrorSubscriptionNotFound", []).append(wanted)
            else:
                good.append(found)
        return good, bad

    def _fault_of(self, subscription_id: str, visit: Visit) -> str:
        """The response code that stands against using an id here, empty when nothing does."""
        if self.settings.affinity and server_of(subscription_id) not in {"", visit.back_end}:
            return "ErrorReadEventsFailed"
        found = self.subscriptions.find(subscription_id)
        if found is None:
            return "ErrorSubscriptionNotFound" if server_of(subscription_id) else "ErrorInvalidSubscription"
        return "" if found.owner == self._owner(visit.call) else "ErrorSubscriptionAccessDenied"

    def _run(
        self, good: list[Subscription], bad: dict[str, list[str]], watch: Watch, seconds: float, charged: str
    ) -> Iterator[bytes]:
        """Yield once empty, so that `close` reaches the end below, then the documents of the connection's whole life."""
        stream = Stream()
        self._attach(stream, good)
        try:
            yield b""
            yield documents.STATUS_OK
            yield from (documents.failed(code, ids) for code, ids in bad.items())
            if not bad or (good and self.settings.dead_id == "silence"):
                yield from self._live(stream, [] if bad else list(good), watch, seconds)
            yield documents.STATUS_CLOSED
        finally:
            self._detach(stream, good)
            self._limits.close_stream(charged)

    def _live(
        self, stream: Stream, carried: list[Subscription], watch: Watch, seconds: float
    ) -> Iterator[bytes]:
        end = time.monotonic() + seconds
        beat = time.monotonic() + self.settings.heartbeat
        while time.monotonic() < end and not stream.stopped:
            for document in self._news(stream, carried):
                beat = time.monotonic() + self.settings.heartbeat
                yield document
            if time.monotonic() >= beat:
                beat = time.monotonic() + self.settings.heartbeat
                yield documents.STATUS_OK
            if watch.wait(stream.bell, min(end, beat) - time.monotonic()) is Woken.GONE:
                return

    def _news(self, stream: Stream, carried: list[Subscription]) -> Iterator[bytes]:
        """Documents for what has happened since the last look; the ends of subscriptions shorten `carried`."""
        taken, ended, missed = self._endings(stream, carried)
        if taken:
            stream.stop()
            yield documents.failed("ErrorNewEventStreamConnectionOpened", taken)
            return
        for code, ids in ended.items():
            yield documents.failed(code, ids)
        if ended:
            carried.clear()
            if self.settings.dead_id == "close":
                stream.stop()
        if missed:
            yield documents.failed("ErrorMissedNotificationEvents", missed)
        while batch := self._batch(carried):
            yield documents.notifications(batch, self.settings.notification)

    def _endings(
        self, stream: Stream, carried: list[Subscription]
    ) -> tuple[list[str], dict[str, list[str]], list[str]]:
        with self.subscriptions.lock:
            ended: dict[str, list[str]] = {}
            for subscription in carried:
                if subscription.dead:
                    ended.setdefault(subscription.dead, []).append(subscription.id)
            missed = [subscription for subscription in carried if subscription.missed]
            for subscription in missed:
                subscription.missed = False
            return list(stream.taken), ended, [subscription.id for subscription in missed]

    def _batch(self, carried: list[Subscription]) -> list[tuple[str, list[Event]]]:
        with self.subscriptions.lock:
            return [(s.id, take_waiting(s, EVENTS_A_NOTIFICATION)) for s in carried if s.waiting]

    def _attach(self, stream: Stream, carried: list[Subscription]) -> None:
        with self.subscriptions.lock:
            for subscription in carried:
                if subscription.stream is not None:
                    subscription.stream.taken.append(subscription.id)
                    subscription.stream.bell.ring()
                subscription.stream = stream
        stream.bell.ring()

    def _detach(self, stream: Stream, carried: list[Subscription]) -> None:
        with self.subscriptions.lock:
            for subscription in carried:
                if subscription.stream is stream:
                    subscription.stream = None
                    subscription.seen = time.monotonic()
            stream.bell.close()


def _minutes(request: etree._Element) -> int:
    text = (request.findtext(f"{M}ConnectionTimeout") or "").strip()
    if not text.isdigit() or int(text) not in TIMEOUTS:
        problem = f"The request failed schema validation: ConnectionTimeout is {text or 'missing'}, 1 to 30 are allowed."
        raise ResponseFault("ErrorSchemaValidation", problem, "soap")
    return int(text)
