"""The lab's operations in this process, without sockets: requests of ours on one side, answers that fit the schema on the other."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from lxml import etree

from connector.errors import Verdict
from connector.model import Mailbox, Window
from connector.source.exchange.envelope import local
from connector.source.exchange.errors import code_verdict
from connector.source.exchange.services import Services
from connector.source.exchange.transport import Answer, Call, Exchange
from tests.lab.exchange.call import Call as LabCall
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.edits import EDITS
from tests.lab.exchange.operations import OPERATIONS
from tests.lab.exchange.organisation import Organisation
from tests.lab.exchange.soap import Trouble, failure
from tests.unit.source.exchange.shelf import assert_valid

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
OWNER = "anna@example.com"
WINDOW = Window(NOW - timedelta(days=7), NOW + timedelta(days=31))
MAILBOX = Mailbox("m1", "hq", OWNER, "staff", "manual")

Tamper = Callable[[etree._Element, etree._Element], etree._Element]


class Room:
    """One organisation, and services that reach it; every request is held against the schema."""

    def __init__(self, tamper: Tamper | None = None) -> None:
        self.organisation = Organisation(clock=lambda: NOW)
        for name in ("anna", "bert", "cora"):
            self.organisation.add(f"{name}@example.com")
        self.asked: list[etree._Element] = []
        self.tamper = tamper
        self.services = Services(
            cast("Exchange", self), lambda _: "https://mail.example.com/EWS/Exchange.asmx"
        )

    @property
    def operations(self) -> list[str]:
        """The names of the requests so far."""
        return [local(each) for each in self.asked]

    def call(self, call: Call) -> Answer:
        """Carry the request out in the lab."""
        request = etree.fromstring(etree.tostring(call.payload))
        self.asked.append(request)
        assert_valid(request)
        name = local(request)
        lab = LabCall(name, request, "svc", call.acting or None, self.organisation, self.organisation.clock())
        try:
            response = OPERATIONS[name](lab)
        except ResponseFault as fault:
            if fault.scope == "soap":
                raise _as_verdict(fault) from fault
            response = failure(name, Trouble(fault.code, fault.text, dict(fault.values)), 1)
        if self.tamper is not None:
            response = self.tamper(request, response)
        return Answer(etree.fromstring(etree.tostring(response)), {}, "client-request-id test")

    def edit(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Change a calendar the way people do."""
        edited: dict[str, Any] = EDITS[command](self.organisation, mailbox=OWNER, **arguments)
        return edited


def _as_verdict(fault: ResponseFault) -> Verdict:
    return code_verdict(fault.code, fault.text)
