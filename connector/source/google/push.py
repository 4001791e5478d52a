"""Notification channels: made at Google, received by the hub, renewed by making the next one before the old one is stopped."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from connector.errors import Transient
from connector.model import Clock, Mailbox
from connector.source.base import Subscription
from connector.source.google.services import Services
from connector.tls import tls_code

LIFE = timedelta(days=7)
"""What is asked for; Google gives no more."""
GROUP = "push"
PATIENCE_SECONDS = 20.0


class Receiver(Protocol):
    """Where Google's notifications arrive: a public HTTPS address, and who is told of which channel is whose."""

    address: str

    @property
    def ready(self) -> bool:
        """Whether notifications can arrive; without it everybody is polled."""

    def register(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """Expect a channel; before it is asked for, since its first message may come before the answer. Raises Transient."""

    def resume(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """Go on expecting a channel that was made before this process began."""

    def forget(self, channel_id: str) -> None:
        """Expect it no longer. Raises Transient."""


Send = Callable[[str, Mapping[str, Any]], None]
"""Posts a JSON object to a path of the hub with the connector's credential. Raises verdicts."""


class Hub(Protocol):
    """Where the hub is and how to get there."""

    @property
    def tls(self) -> ssl.SSLContext:
        """Whom to trust."""

    def at(self, path: str) -> str:
        """The address of a path."""

    def headers(self) -> Mapping[str, str]:
        """The connector's credential. Raises CredentialRefused."""

    def proxy(self) -> str | None:
        """The proxy on the way, None for none."""


class HubDoor:
    """Posts to the hub with the connector's credential what does not belong to the relay."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def post(self, path: str, members: Mapping[str, Any]) -> None:
        """One JSON object. Raises Transient, CredentialRefused."""
        hub = self._hub
        try:
            with httpx.Client(
                verify=hub.tls, proxy=hub.proxy(), trust_env=False, timeout=PATIENCE_SECONDS
            ) as client:
                answer = client.post(hub.at(path), json=dict(members), headers=dict(hub.headers()))
        except (httpx.HTTPError, OSError) as error:
            raise Transient(tls_code(error) or "unreachable", f"the hub: {error}") from error
        if not 200 <= answer.status_code < 300:
            raise Transient("hub-refused", f"{path}: {answer.status_code}")


class HubReceiver:
    """The hub lends its public address (``/google/v1/notify``) and remembers channels by itself."""

    ready = True

    def __init__(self, url: str, send: Send) -> None:
        self.address = f"{url.rstrip('/')}/google/v1/notify"
        self._send = send

    def register(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """``POST /google/v1/channels``."""
        ends = int(expires.timestamp() * 1000)
        told = {"id": channel_id, "mailbox": mailbox_id, "token": token_digest, "expires": ends}
        self._send("/google/v1/channels", told)

    def resume(self, channel_id: str, mailbox_id: str, token_digest: str, expires: datetime) -> None:
        """The hub has not forgotten."""

    def forget(self, channel_id: str) -> None:
        """``POST /google/v1/channels/forget``."""
        self._send("/google/v1/channels/forget", {"id": channel_id})


@dataclass(frozen=True, slots=True)
class Route:
    """What leads back to a channel: Google's id of what is watched, when it ends, its token's digest, and where it leads to."""

    resource: str
    ends: datetime
    digest: str = ""
    address: str = ""

    def text(self) -> str:
        """As a subscription keeps it."""
        kept = {"resource": self.resource, "ends": self.ends.isoformat()}
        return json.dumps({**kept, "digest": self.digest, "address": self.address})

    @classmethod
    def of(cls, subscription: Subscription) -> Route:
        """Read it back; one that can't be read has ended."""
        try:
            kept = json.loads(subscription.route)
            more = (str(kept.get(name, "")) for name in ("digest", "address"))
            return cls(str(kept["resource"]), datetime.fromisoformat(kept["ends"]), *more)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls("", datetime.min.replace(tzinfo=UTC))


class Channels:
    """Makes and stops channels. The token is never kept: the receiver holds its digest, Google says it each time."""

    def __init__(self, source: str, services: Services, receiver: Receiver, clock: Clock) -> None:
        self._source = source
        self._services = services
        self._receiver = receiver
        self._clock = clock

    def open(self, mailbox: Mailbox) -> Subscription:
        """A new channel of a calendar. Raises verdicts; Refused ``google-no-push`` where there are none for it."""
        channel_id, token = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        now = self._clock()
        digest = hashlib.sha256(token.encode()).hexdigest()
        self._receiver.register(channel_id, mailbox.id, digest, now + LIFE)
        body = {
            "id": channel_id,
            "type": "web_hook",
            "address": self._receiver.address,
            "token": token,
            "params": {"ttl": str(int(LIFE.total_seconds()))},
        }
        answer = self._services.watch(mailbox, body)
        route = Route(str(answer.get("resourceId", "")), _ends(answer, now), digest, self._receiver.address)
        return Subscription(self._source, mailbox.id, channel_id, GROUP, route.text(), now)

    @property
    def ready(self) -> bool:
        """Whether notifications can arrive."""
        return self._receiver.ready

    def resume(self, subscription: Subscription) -> None:
        """Go on with a channel that was made before this process began."""
        route = Route.of(subscription)
        if self.leads_here(route) and route.digest:
            self._receiver.resume(subscription.id, subscription.mailbox_id, route.digest, route.ends)

    def leads_here(self, route: Route) -> bool:
        """Whether a channel's messages arrive where they are expected now: another receiver may have been configured."""
        return route.address in {"", self._receiver.address}

    def close(self, mailbox: Mailbox, subscription: Subscription) -> bool:
        """Stop a channel, at Google and at the receiver; whether Google still had it. Raises verdicts."""
        answer = self._services.stop(mailbox, subscription.id, Route.of(subscription).resource)
        self._receiver.forget(subscription.id)
        return answer.status != 404


def _ends(answer: Mapping[str, Any], now: datetime) -> datetime:
    """``expiration`` is a string of epoch milliseconds. Raises Transient."""
    stated = answer.get("expiration")
    try:
        return now + LIFE if stated is None else datetime.fromtimestamp(int(stated) / 1000, UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Transient("bad-answer", "a channel without an end") from error
