"""The stand-ins say what the connector's own readers understand, and nothing they did not mean."""

from __future__ import annotations

import asyncio
import base64

import pytest
import spnego

from connector.model import Window
from connector.source.exchange import convert, delta, envelope, payloads
from connector.source.exchange.envelope import Element
from connector.source.exchange.stream import read as hear
from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.exchange import Exchange
from scripts.benchmarks.stage.logon import Logon, challenge
from scripts.benchmarks.stage.streams import subscription_id
from scripts.benchmarks.stage.wire import Connection

NUMBER = 42


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        self.sent += data

    def close(self) -> None:
        """Nothing is open."""


def connected() -> tuple[Connection, Wire]:
    """A connection whose requests nobody hears."""
    connection, wire = Connection(lambda *_: None, lambda _: None), Wire()
    connection.connection_made(wire)
    return connection, wire


def message(answer: bytes) -> Element:
    """The first response message."""
    return envelope.read(answer)[0][0]


def rows(book: answers.Book) -> list[Element]:
    """What a view over the connector's whole window shows."""
    start, end = map(payloads.instant, people.window())
    return list(envelope.read(book.view(NUMBER, start, end)).iter("{*}CalendarItem"))


def test_a_calendar_has_sixty_meetings_in_the_window() -> None:
    """As many as the cold start counts on: 48 single ones, two series of six, one of them with an exception."""
    found = [convert.row(element) for element in rows(answers.Book())]
    window = Window(*people.window())
    assert len(found) == answers.MEETINGS == 60
    assert all(window.overlaps(row.start, row.end) for row in found)
    kinds = [row.kind for row in found]
    assert (kinds.count("Single"), kinds.count("Occurrence"), kinds.count("Exception")) == (48, 11, 1)


def test_every_item_reads_as_a_meeting_of_its_mailbox() -> None:
    """Subject and change key follow the version, so that a change is a change."""
    book = answers.Book()
    for key in (*book.keys, answers.EXCEPTION):
        content = answers.message(b"GetItem", b"<m:Items>%b</m:Items>" % book.content(NUMBER, key, 7))
        element = next(envelope.read(answers.response(b"GetItem", content)).iter("{*}CalendarItem"))
        meeting = convert.item(element).meeting
        assert meeting.subject.endswith("version 7")
        assert meeting.item_id == answers.item_id(NUMBER, key).decode()
        assert len(meeting.attendees) == 4


def test_occurrences_lead_to_their_master() -> None:
    """Whichever of them a client names."""
    book = answers.Book()
    for element in rows(book):
        row = convert.row(element)
        if row.kind != "Single":
            master = answers.master_of(int(row.item_id.split(".")[1]))
            assert row.uid.endswith(f"{master:03d}")


def test_a_feed_tells_what_changed_since() -> None:
    """Its state is the number of changes so far."""
    found = delta.page(message(answers.Book().feed(NUMBER, [3, 5], 9)))
    assert found.dirty == tuple(answers.item_id(NUMBER, key).decode() for key in (3, 5))
    assert found.cursor.endswith(".9")
    assert not found.more


def test_requests_are_cut_out_of_whatever_pieces_arrive() -> None:
    """Two requests, byte by byte."""
    heard: list[tuple[bytes, bytes]] = []
    connection = Connection(lambda _, head, body: heard.append((head, body)), lambda _: None)
    for byte in b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n":
        connection.data_received(bytes([byte]))
    assert [(head.split(b" ")[1], body) for head, body in heard] == [(b"/a", b"abc"), (b"/b", b"")]


def test_a_connection_is_free_after_one_handshake() -> None:
    """Negotiate, challenge, authenticate; then no header is needed any more."""
    logon, (connection, wire) = Logon(), connected()
    assert not logon.admits(connection, b"POST / HTTP/1.1")
    client = spnego.client("user", "password", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    token = client.step() or b""
    assert not logon.admits(connection, b"Authorization: NTLM " + base64.b64encode(token))
    assert base64.b64encode(challenge()) in wire.sent
    token = client.step(challenge()) or b""
    assert logon.admits(connection, b"Authorization: NTLM " + base64.b64encode(token))
    assert logon.admits(connection, b"POST / HTTP/1.1")


def test_more_requests_in_flight_than_allowed_are_refused() -> None:
    """As the default throttling policy does, and counted."""

    async def ask() -> bytes:
        exchange, (connection, wire) = Exchange(think=0.01, most=1, hour=3600.0), connected()
        for _ in range(2):
            body = envelope.wrap(payloads.get_folder(), people.address(NUMBER))
            exchange.take(connection, b"POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic eDp5", body)
        return wire.sent

    assert asyncio.run(ask()).count(b"ErrorServerBusy") == 1


@pytest.mark.parametrize("life", [0, 1])
def test_subscriptions_live_as_long_as_the_server(life: int) -> None:
    """Ids of a former life are named as dead; those of this one are heard."""

    async def stream() -> bytes:
        exchange, (connection, wire) = Exchange(think=0.0, most=9, hour=3600.0), connected()
        body = (
            b"<m:Body><m:GetStreamingEvents><t:SubscriptionId>%b</t:SubscriptionId>"
            b"<m:ConnectionTimeout>30</m:ConnectionTimeout>"
        )
        head = b"POST /EWS/Exchange.asmx HTTP/1.1\r\nAuthorization: Basic eDp5"
        exchange.take(connection, head, body % subscription_id(NUMBER, life))
        return wire.sent

    documents = [part for part in asyncio.run(stream()).split(b"\r\n") if part.startswith(b"<?xml")]
    heard = hear(documents[0])
    assert heard.failed == ({subscription_id(NUMBER, 1).decode()} if life else frozenset())
    assert heard.code == ("ErrorSubscriptionNotFound" if life else "")
