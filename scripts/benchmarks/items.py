"""CPU per CalendarItem, from the request over TLS to a frozen Meeting, beside stock exchangelib and bare lxml.

The server is the lab's Exchange in a process of its own, so only the client's CPU counts. Items have four attendees and an
HTML body, every fifth is a series. Bare lxml parses bodies that lie in memory and never waits; http.client in front of it
shows what the same costs a client that asks for them.
"""

from __future__ import annotations

import base64
import gzip
import os
import ssl
import warnings
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.client import HTTPSConnection
from typing import Any

from lxml import etree

from connector.model import Mailbox
from connector.source.exchange import convert, payloads
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals
from connector.source.exchange.transport import Call, Exchange
from scripts.benchmarks.rows import Row, row, side_by_side
from tests.lab.exchange.launch import LabExchange

ITEMS = 100
BODY = (
    "<html><body>"
    + "<p>The agenda, with <b>some</b> words and a <a href='https://example.com/x'>link</a>.</p>" * 24
)
BODY += "</body></html>"
NOW = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)


def run(*, full: bool) -> list[Row]:
    """Answers of 10 and of 100 items, whatever the size of the run."""
    del full
    with ExitStack() as stack:
        lab = stack.enter_context(LabExchange(mailboxes=5, auth="ntlm,basic"))
        ids = _fill(lab)
        exchange = _exchange(lab)
        stack.callback(exchange.close)
        account = _account(lab)
        stack.callback(account.protocol.close)
        return [figure for size in (10, 100) for figure in _measure(lab, exchange, account, ids, size)]


def _fill(lab: LabExchange) -> list[str]:
    people = [{"address": lab.address(number), "name": f"Person {number}"} for number in range(2, 6)]
    return [
        lab.edit(
            "create",
            mailbox=lab.address(1),
            start=(NOW + timedelta(hours=number)).isoformat(),
            subject=f"Meeting number {number}",
            location="Room 12",
            body=BODY,
            body_kind="HTML",
            attendees=people,
            send="SendToNone",
            **({"recurrence": {"kind": "weekly", "count": 10}} if number % 5 == 0 else {}),
        )["item_id"]
        for number in range(ITEMS)
    ]


def _exchange(lab: LabExchange) -> Exchange:
    settings = ExchangeSettings(
        "bench", "bench.example.com", lab.user, lambda: lab.password, url=lab.url, ca=lab.ca
    )
    return Exchange(settings, ForgetfulRefusals())


def _account(lab: LabExchange) -> Any:
    import exchangelib  # noqa: PLC0415 - the baseline, of no use to anything else here

    warnings.simplefilter("ignore")
    os.environ["REQUESTS_CA_BUNDLE"] = str(lab.ca)  # how stock exchangelib is told of a CA
    configuration = exchangelib.Configuration(
        service_endpoint=lab.url,
        credentials=exchangelib.Credentials(lab.user, lab.password),
        auth_type=exchangelib.NTLM,
        version=exchangelib.Version(exchangelib.Build(15, 1)),
    )
    return exchangelib.Account(
        lab.address(1), config=configuration, access_type=exchangelib.IMPERSONATION, autodiscover=False
    )


def _measure(lab: LabExchange, exchange: Exchange, account: Any, ids: list[str], size: int) -> list[Row]:
    mailbox = Mailbox("m", "bench", lab.address(1), "staff", "manual")
    batches = [ids[at : at + size] for at in range(0, len(ids), size)]
    calls = [
        Call(lab.url, payloads.get_content(payloads.item(one) for one in batch), mailbox.address)
        for batch in batches
    ]
    bodies = [exchange.send(call.letter()).body for call in calls]
    each = 1e6 / len(ids)

    def ours() -> None:
        for call in calls:
            for element in exchange.call(call).response.iter("{*}CalendarItem"):
                convert.item(element)

    def stock() -> None:
        from exchangelib.items import CalendarItem  # noqa: PLC0415

        wanted = [CalendarItem(id=one, changekey=None) for one in ids]
        for item in account.fetch(wanted, chunk_size=size):
            if isinstance(item, Exception):
                raise item

    metric = f"CPU per item, {size} an answer"
    taken, bare = side_by_side(ours, _bare(bodies))
    _, beside = side_by_side(ours, stock, rounds=3)
    with closing(_line(lab)) as line:
        _, least = side_by_side(ours, partial(_least, lab, line, calls), rounds=3)
    return [
        row("items", metric, taken * each, "µs", "exchangelib", beside * each),
        row("items", metric, taken * each, "µs", "lxml into dicts", bare * each),
        row("items", metric, taken * each, "µs", "http.client, lxml into dicts", least * each),
    ]


def _bare(bodies: list[bytes]) -> Callable[[], None]:
    """The same bodies, parsed without a connection."""

    def parse() -> None:
        for body in bodies:
            _into_dicts(body)

    return parse


def _into_dicts(body: bytes) -> None:
    """Fields and attendees as dicts."""
    for item in etree.fromstring(body).iter("{*}CalendarItem"):
        fields: dict[str, Any] = {etree.QName(child).localname: child.text for child in item}
        fields["people"] = [
            {etree.QName(part).localname: part.text for part in person.iter()}
            for person in item.iter("{*}Attendee")
        ]


def _least(lab: LabExchange, line: HTTPSConnection, calls: list[Call]) -> None:
    """The same requests by http.client, and their answers as dicts."""
    for call in calls:
        _into_dicts(_asked(lab, line, call))


def _line(lab: LabExchange) -> HTTPSConnection:
    return HTTPSConnection("localhost", lab.port, context=ssl.create_default_context(cafile=str(lab.ca)))


def _asked(lab: LabExchange, line: HTTPSConnection, call: Call) -> bytes:
    """The body of the answer to the same request."""
    letter = call.letter()
    token = base64.b64encode(f"{lab.upn}:{lab.password}".encode()).decode()
    line.request(
        "POST", "/EWS/Exchange.asmx", letter.body, {**letter.headers, "Authorization": f"Basic {token}"}
    )
    answer = line.getresponse()
    body = answer.read()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"the lab answers {answer.status}")
    return gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body
