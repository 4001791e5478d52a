"""Notification channels: registered by events.watch, delivered over TLS, forgotten at their end."""

import http.client
import logging
import queue
import secrets
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, urlsplit

from tests.lab.google.problems import ApiError
from tests.lab.google.tenant import Tenant

Document = dict[str, Any]
LIFE = timedelta(days=7)
logger = logging.getLogger(__name__)


@dataclass
class Channel:
    """One channel; ``number`` is that of the last message."""

    id: str
    address: str
    token: str
    calendar: str
    subject: str
    resource: str
    expires: datetime
    number: int = 0


class Push:
    """Sends one message for each change of a watched calendar, in a thread of its own, once."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.channels: dict[str, Channel] = {}
        self._used: set[str] = set()
        self.delivered: list[tuple[str, int]] = []
        self.trust: str | None = None
        self._letters: queue.Queue[tuple[Channel, str, int]] = queue.Queue()
        threading.Thread(target=self._deliver, name="push", daemon=True).start()

    def watch(self, calendar: str, subject: str, body: Document) -> Document:
        """events.watch. Raises ApiError."""
        address, wanted = body.get("address", ""), body.get("id", "")
        if body.get("type") != "web_hook" or not address.startswith("https://"):
            raise ApiError("badRequest", "WebHook callback must be HTTPS")
        if not 0 < len(wanted) <= 64 or len(body.get("token", "")) > 256:
            raise ApiError("invalid")
        if wanted in self._used:
            raise ApiError("channelIdNotUnique")
        self._used.add(wanted)
        channel = Channel(
            wanted,
            address,
            body.get("token", ""),
            calendar,
            subject,
            secrets.token_urlsafe(20),
            self._expiry(body),
        )
        self.channels[wanted] = channel
        self._send(channel, "sync")
        return {
            "kind": "api#channel",
            "id": channel.id,
            "resourceId": channel.resource,
            "resourceUri": _uri(calendar),
            "expiration": str(int(channel.expires.timestamp() * 1000)),
            **({"token": channel.token} if channel.token else {}),
        }

    def stop(self, body: Document) -> None:
        """channels.stop. Raises ApiError."""
        channel = self.channels.get(body.get("id", ""))
        if channel is None or channel.resource != body.get("resourceId"):
            raise ApiError("notFound")
        del self.channels[channel.id]

    def changed(self, calendar: str) -> None:
        """A calendar was changed."""
        now = self._tenant.now()
        for channel in list(self.channels.values()):
            if channel.expires <= now:
                self.channels.pop(channel.id, None)
            elif channel.calendar == calendar:
                self._send(channel, "exists")

    def _expiry(self, body: Document) -> datetime:
        now = self._tenant.now()
        if "expiration" in body:
            wanted = datetime.fromtimestamp(int(body["expiration"]) / 1000, now.tzinfo)
            return min(wanted, now + LIFE)
        return now + timedelta(seconds=int(body.get("params", {}).get("ttl", LIFE.total_seconds())))

    def _send(self, channel: Channel, state: str) -> None:
        channel.number += 1
        self._letters.put((channel, state, channel.number))

    def _deliver(self) -> None:
        while True:
            channel, state, number = self._letters.get()
            try:
                self._post(channel, state, number)
            except OSError as error:
                logger.info("not delivered: %s", error)

    def _post(self, channel: Channel, state: str, number: int) -> None:
        parts = urlsplit(channel.address)
        trusted = ssl.create_default_context(cafile=self.trust)
        line = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=10, context=trusted
        )
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": format_datetime(channel.expires, usegmt=True),
            "X-Goog-Resource-ID": channel.resource,
            "X-Goog-Resource-URI": _uri(channel.calendar),
            "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": str(number),
        }
        if channel.token:
            headers["X-Goog-Channel-Token"] = channel.token
        try:
            line.request("POST", parts.path or "/", b"", headers)
            self.delivered.append((channel.id, line.getresponse().status))
        finally:
            line.close()


def _uri(calendar: str) -> str:
    return f"https://www.googleapis.com/calendar/v3/calendars/{quote(calendar, safe='')}/events?alt=json"
