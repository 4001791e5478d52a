"""HttpCloud keeps the contract over real HTTP, with either way down."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from connector.model import Clock, SealedCommand
from connector.relay.base import Cloud
from connector.relay.far_end import FarEnd, Proxy
from connector.relay.http import HttpCloud
from connector.relay.memory import MemoryHub
from tests.contract.cloud import INSTANCE, NOW, CloudContract, FarHub
from tests.contract.wire_hub import TOKEN, WireHub


def far_end(
    url: str,
    *,
    tls: ssl.SSLContext | None = None,
    credential: Callable[[], str | None] = lambda: TOKEN,
    proxy: Proxy | None = None,
) -> FarEnd:
    """A hub as the composition root describes it."""
    return FarEnd(url, INSTANCE, "0.1.0", tls or ssl.create_default_context(), credential, lambda: proxy)


class FarWireHub(FarHub):
    """A MemoryHub behind HTTP."""

    def __init__(self, downlink: str, clock: Clock = lambda: NOW) -> None:
        self.hub = MemoryHub()
        self.server = WireHub(self.hub)
        self._downlink = downlink
        self._clock = clock

    def dial(self) -> Cloud:
        return HttpCloud(far_end(self.server.url), self._clock, downlink=self._downlink)

    def meetings(self, mailbox_id: str) -> set[str]:
        return set(self.hub.meetings(mailbox_id))

    def command(self, command_id: str, mailbox_id: str, jwe: str) -> None:
        self.hub.command(SealedCommand(command_id, mailbox_id, jwe, NOW))

    def close(self) -> None:
        self.server.close()


class TestOverWebSocket(CloudContract):
    def make_hub(self) -> FarHub:
        return FarWireHub("websocket")


class TestOverLongPoll(CloudContract):
    def make_hub(self) -> FarHub:
        return FarWireHub("poll")


class TestOverWhatWorks(CloudContract):
    def make_hub(self) -> FarHub:
        hub = FarWireHub("auto")
        hub.server.upgrade = "refuse"
        return hub
