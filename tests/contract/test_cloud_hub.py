"""The real hub, a process of its own, keeps the contract; the connector's end is HttpCloud over real TLS."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from connector.relay.base import Cloud
from connector.relay.far_end import FarEnd, tls_context
from connector.relay.http import HttpCloud
from tests.contract.cloud import INSTANCE, NOW, CloudContract, FarHub
from tests.lab.hub import LabHub


class FarLabHub(FarHub):
    """A LabHub, for one test."""

    def __init__(self, downlink: str) -> None:
        self.hub = LabHub(times={"hold": "1s"})
        self.hub.start()
        self._token = self.hub.connector_token(INSTANCE)
        self._downlink = downlink

    def dial(self) -> Cloud:
        end = FarEnd(self.hub.url, INSTANCE, "0.1.0", tls_context(self.hub.ca), lambda: self._token)
        return HttpCloud(end, lambda: NOW, downlink=self._downlink)

    def meetings(self, mailbox_id: str) -> set[str]:
        return set(self.hub.meetings(mailbox_id))

    def command(self, command_id: str, mailbox_id: str, jwe: str) -> None:
        self._know(mailbox_id)
        self.hub.send_command(mailbox_id, command_id, jwe)

    def close(self) -> None:
        self.hub.close()

    def _know(self, mailbox_id: str) -> None:
        """Users can write to mailboxes only that the hub was told of; the contract does not tell it first."""
        with closing(sqlite3.connect(self.hub.database, timeout=10)) as database, database:
            database.execute(
                "INSERT OR IGNORE INTO mailboxes (id, connector) SELECT ?, number FROM connectors",
                (mailbox_id,),
            )


pytestmark = [
    pytest.mark.lab,
    # ssl.wrap_socket leaves the socket open when it is shut down between connect and handshake (CPython's).
    pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What is left open is found in the test that left it."""
    yield
    gc.collect()


class TestHubOverWebSocket(CloudContract):
    def make_hub(self) -> FarHub:
        return FarLabHub("websocket")


class TestHubOverLongPoll(CloudContract):
    def make_hub(self) -> FarHub:
        return FarLabHub("poll")
