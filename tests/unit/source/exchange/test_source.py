"""Exchange as a Source: what the core sees of it."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from lxml import etree

from connector.errors import AccessDenied, Verdict
from connector.model import Identity, Location, Mailbox
from connector.source.base import Source
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from tests.unit.source.exchange.room import MAILBOX, OWNER, WINDOW, Room

URL = "https://mail.example.com/EWS/Exchange.asmx"


class Fixed:
    """Everybody lives at one address."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        return {address: Identity(address, "dn", Location(URL, URL)) for address in addresses}

    def endpoint(self, mailbox: Mailbox) -> str:
        return URL


class OpenRoom(Room):
    """A room with the two attributes of Exchange that a source uses beside ``call``."""

    settings = ExchangeSettings("hq", "cal-01", "svc", lambda: "secret", url=URL)
    closed = False

    def close(self) -> None:
        self.closed = True


def source(room: Room) -> Source:
    """The source, as the core's protocol has it."""
    return ExchangeSource(cast("Exchange", cast("Any", room)), Fixed())


def test_probe_opens_the_calendar_once() -> None:
    """GetFolder with the primary address, ConvertId of the folder, and the mailbox's own identity."""
    room = OpenRoom()
    assert source(room).probe(MAILBOX) == Identity(OWNER, "", None)
    assert room.operations == ["GetFolder", "ConvertId"]


def test_mailbox_without_a_calendar_is_said_so() -> None:
    """A folder of another kind in the calendar's place is no calendar."""

    def other(request: etree._Element, response: etree._Element) -> etree._Element:
        for folder in response.iter("{*}CalendarFolder"):
            folder.tag = folder.tag.replace("CalendarFolder", "Folder")
        return response

    with pytest.raises(AccessDenied, match="no-calendar"):
        source(OpenRoom(other)).probe(MAILBOX)


def test_source_keeps_the_promises_of_its_protocol() -> None:
    """Each verb reaches its operation; locating is the directory's, closing the connection's."""
    room = OpenRoom()
    opened = source(room)
    assert opened.name == "hq"
    assert set(opened.locate([OWNER])) == {OWNER}
    assert opened.delta(MAILBOX, None).dirty == ()
    assert opened.expand(MAILBOX, [], WINDOW).series == ()
    assert opened.view(MAILBOX, WINDOW).series == ()
    assert not opened.presence(MAILBOX).away
    assert opened.availability(MAILBOX, [OWNER], WINDOW)[0].busy == ()
    opened.close()
    assert room.closed
    assert room.operations[0] == "SyncFolderItems"
