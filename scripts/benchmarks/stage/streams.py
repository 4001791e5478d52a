"""Streaming connections of the stand-in: who is heard on which, and what is told there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.wire import Connection

HEARTBEAT = 45.0
_ID = re.compile(rb"SubscriptionId>([^<]+)<")
_MINUTES = re.compile(rb"ConnectionTimeout>(\d+)<")
_MESSAGE = b"GetStreamingEvents"
_OK = answers.one(_MESSAGE, b"<m:ConnectionStatus>OK</m:ConnectionStatus>")
_CLOSED = answers.one(_MESSAGE, b"<m:ConnectionStatus>Closed</m:ConnectionStatus>")
_EVENT = (
    b"<t:ModifiedEvent><t:Watermark>AQAAAD</t:Watermark><t:TimeStamp>2026-11-21T09:00:00Z</t:TimeStamp>"
    b'<t:ItemId Id="%b" ChangeKey="DwAAABYA"/><t:ParentFolderId Id="%b" ChangeKey="AQAAAA=="/></t:ModifiedEvent>'
)


class Streams:
    """Subscription ids name mailbox and life of the server, so that nothing has to be remembered of them."""

    def __init__(self, hour: float = 3600.0) -> None:
        self._hour = hour
        self._life = 0
        self._heard_on: dict[int, tuple[Connection, bytes]] = {}
        self._waiting: dict[int, int] = {}

    def new_id(self, number: int) -> bytes:
        """A subscription of a mailbox."""
        return subscription_id(number, self._life)

    @property
    def connections(self) -> set[Connection]:
        """Those that are open."""
        return {connection for connection, _ in self._heard_on.values() if connection.open}

    @property
    def heard(self) -> int:
        """How many mailboxes are heard on some connection."""
        return sum(connection.open for connection, _ in self._heard_on.values())

    def open(self, connection: Connection, body: bytes) -> None:
        """Answer GetStreamingEvents."""
        ids = _ID.findall(body)
        connection.begin()
        dead = [one for one in ids if one.split(b".")[1] != b"%d" % self._life]
        if dead:
            connection.chunk(_dead(dead))
            connection.chunk(b"")
            return
        connection.chunk(_OK)
        for one in ids:
            number = people.number_of(one)
            self._heard_on[number] = connection, one
            self.tell(number, self._waiting.pop(number, 0))
        self._beat(connection)
        lasts = int(_MINUTES.findall(body)[0]) * self._hour / 60
        asyncio.get_running_loop().call_later(lasts, self._close, connection)

    def tell(self, number: int, events: int) -> None:
        """So many events of one user action; they wait where no connection is open."""
        if not events:
            return
        connection, one = self._heard_on.get(number, (None, b""))
        if connection is None or not connection.open:
            self._waiting[number] = events
            return
        item = _EVENT % (answers.item_id(number, 0), answers.item_id(number, 999))
        told = b"<m:Notifications><m:Notification><t:SubscriptionId>%b</t:SubscriptionId>%b</m:Notification></m:Notifications>"
        connection.chunk(answers.one(_MESSAGE, told % (one, item * events)))

    def left(self, connection: Connection) -> None:
        """A connection has ended."""
        self._heard_on = {one: held for one, held in self._heard_on.items() if held[0] is not connection}

    def end(self, *, forget: bool) -> None:
        """End every stream; ``forget`` ends every subscription too, as a restart of all servers does."""
        self._life += forget
        for connection in self.connections:
            connection.close()

    def _close(self, connection: Connection) -> None:
        self.left(connection)
        connection.chunk(_CLOSED)
        connection.chunk(b"")

    def _beat(self, connection: Connection) -> None:
        if connection.open:
            asyncio.get_running_loop().call_later(HEARTBEAT, self._beat_again, connection)

    def _beat_again(self, connection: Connection) -> None:
        if any(held is connection for held, _ in self._heard_on.values()):
            connection.chunk(_OK)
            self._beat(connection)


def subscription_id(number: int, life: int = 0) -> bytes:
    """As the stand-in gives them out, some 100 characters long."""
    return b"s%05d.%d.%b" % (number, life, b"JgBleGNoMDEuYmVuY2guZXhhbXBsZS5jb20QAAAA" * 2)


def _dead(ids: Iterable[bytes]) -> bytes:
    named = b"".join(b"<m:SubscriptionId>%b</m:SubscriptionId>" % one for one in ids)
    inside = (
        b'<m:GetStreamingEventsResponseMessage ResponseClass="Error"><m:MessageText>gone</m:MessageText>'
        b"<m:ResponseCode>ErrorSubscriptionNotFound</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        b"<m:ErrorSubscriptionIds>%b</m:ErrorSubscriptionIds></m:GetStreamingEventsResponseMessage>"
    )
    return answers.response(_MESSAGE, inside % named)
