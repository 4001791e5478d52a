"""Exchange, as the lab plays it in this process, keeps the promises; every request is held against the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from connector.errors import AccessDenied, Verdict
from connector.model import Identity, Location, Mailbox
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from tests.contract.exchange import ExchangeCalendar
from tests.contract.source import FarCalendar, SourceContract
from tests.lab.exchange.edits import EDITS
from tests.unit.source.exchange.room import MAILBOX, Room

URL = "https://mail.example.com/EWS/Exchange.asmx"


class Domain:
    """Everybody of the domain lives at one address."""

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        here = Location(URL, URL)
        return {
            one: Identity(one, "dn", here)
            if one.endswith("@example.com")
            else AccessDenied("domain-not-allowed", one)
            for one in addresses
        }

    def endpoint(self, mailbox: Mailbox) -> str:
        return URL


class OpenRoom(Room):
    """A room with the attributes of Exchange that a source uses beside ``call``."""

    settings = ExchangeSettings("hq", "cal-01", "svc", lambda: "secret", url=URL)

    def close(self) -> None:
        """Nothing is open."""


class Calendar(ExchangeCalendar):
    """A calendar of the lab, reached without a network."""

    def __init__(self) -> None:
        self._room = OpenRoom()
        source = ExchangeSource(cast("Exchange", cast("Any", self._room)), Domain())
        super().__init__(source, MAILBOX, "bert@example.com")

    def edit(self, name: str, **facts: Any) -> Mapping[str, Any]:
        made: Mapping[str, Any] = EDITS[name](self._room.organisation, **facts)
        return made


class TestExchangeSource(SourceContract):
    """The real source."""

    @pytest.fixture
    def far(self) -> FarCalendar:
        return Calendar()


@pytest.mark.parametrize("by", ["own-id", "both"])
class TestExchangeSourceReporting(SourceContract):
    """It is not known under which id a server reports a changed occurrence; the promises hold for each."""

    @pytest.fixture
    def far(self, by: str) -> FarCalendar:
        calendar = Calendar()
        calendar.edit("report_exceptions", by=by)
        return calendar
