"""The promises of a source, kept by the Exchange source over TLS and NTLM against the lab's Exchange, a real process."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from connector.model import Mailbox
from tests.contract.exchange import ExchangeCalendar
from tests.contract.source import FarCalendar, SourceContract
from tests.lab.exchange.launch import LabExchange
from tests.lab.test_exchange_source import connect

pytestmark = pytest.mark.lab

MAILBOXES = 60
_numbers = itertools.count(1)


class Calendar(ExchangeCalendar):
    """A calendar of its own for each test; the next mailbox's owner invites to it."""

    def __init__(self, lab: LabExchange, source: Any) -> None:
        self._lab = lab
        number = next(_numbers) * 2
        owner = Mailbox(f"m{number}", "hq", lab.address(number), "staff", "manual")
        super().__init__(source, owner, lab.address(number + 1))

    def edit(self, name: str, **facts: Any) -> Mapping[str, Any]:
        return self._lab.edit(name, **facts)


@pytest.fixture(scope="module")
def lab() -> Iterator[LabExchange]:
    """One process for all of them."""
    with LabExchange(
        mailboxes=2 * MAILBOXES, auth="ntlm", extended_protection="require", hosts="example.com"
    ) as lab:
        yield lab


class TestExchangeOverTheWire(SourceContract):
    """Addresses are found by Autodiscover."""

    @pytest.fixture
    def far(self, lab: LabExchange) -> Iterator[FarCalendar]:
        hosts = (lab.domain, f"autodiscover.{lab.domain}", f"mail.{lab.domain}")
        resolve = dict.fromkeys(hosts, f"127.0.0.1:{lab.port}")
        source = connect(lab, url="", domains=(lab.domain,), resolve=resolve)
        yield Calendar(lab, source)
        source.close()
