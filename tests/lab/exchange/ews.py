"""POST /EWS/Exchange.asmx: from an authenticated request to its answer.

Order of the checks, as Exchange does them: the envelope, impersonation, the back end, the budget, the operation. Faults on order
stand in front of the budget.
"""

import uuid
from dataclasses import dataclass

from lxml import etree

from tests.lab.exchange import soap
from tests.lab.exchange.affinity import Route, route
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.directory import group_of
from tests.lab.exchange.faults import Fault, replace, spoil
from tests.lab.exchange.impersonation import acting
from tests.lab.exchange.operations import OPERATIONS
from tests.lab.exchange.requestlog import Entry, addresses
from tests.lab.exchange.site import Site
from tests.lab.exchange.streaming import Visit
from tests.lab.exchange.waiting import Watch
from tests.lab.exchange.wire import XML, Answer, Request

CONTENT = ("Content-Type", XML)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as it is understood."""

    call: Call
    route: Route
    entry: Entry


class WebServices:
    """The endpoint; it knows nothing of sockets but how to notice that the client has gone."""

    def __init__(self, site: Site) -> None:
        """Serve one site."""
        self._site = site

    def answer(self, user: str, request: Request, entry: Entry, watch: Watch) -> Answer:
        """Answer one request.

        Raises:
            DropConnection: a fault on order says so.
        """
        try:
            asked = self._understand(user, request, entry)
        except soap.NotSoapError as error:
            text = f"The request failed schema validation: {error}"
            return self._fault(soap.Trouble("ErrorSchemaValidation", text))
        except ResponseFault as fault:
            entry.reason = fault.code
            return self._fault(_trouble(fault))
        answer = self._meet_faults(asked, watch)
        answer.headers += _marks(request, asked.route)
        return answer

    def _understand(self, user: str, request: Request, entry: Entry) -> Asked:
        envelope = soap.read(request.body)
        entry.operation = envelope.operation
        header = envelope.headers.get("ExchangeImpersonation")
        address = acting(header, self._site.resolve, self._site.scope)
        where = route(request, address, user, self._site.directory)
        entry.acting, entry.anchor, entry.back_end = address, where.anchor, where.back_end
        opened, entry.asked = addresses(envelope.operation, envelope.request)
        entry.touched = sorted({*opened, *([address] if address else [])})
        call = Call(
            operation=envelope.operation,
            request=envelope.request,
            caller=user,
            acting=address,
            organisation=self._site.organisation,
            now=self._site.clock.now(),
        )
        return Asked(call, where, entry)

    def _meet_faults(self, asked: Asked, watch: Watch) -> Answer:
        call = asked.call
        fault = self._site.faults.take(call.operation, call.acting)
        if fault is None:
            return self._honest(asked, watch)
        asked.entry.reason = f"fault on order: {fault.kind}"
        messages = _messages_wanted(call.request)
        if fault.prevents:
            return replace(fault, call.operation, messages)
        honest = self._honest(asked, watch, fault)
        if fault.after:
            return replace(fault, call.operation, messages)
        return spoil(fault, honest, self._site.faults)

    def _honest(self, asked: Asked, watch: Watch, fault: Fault | None = None) -> Answer:
        try:
            return self._carry_out(asked, watch, fault)
        except ResponseFault as refusal:
            asked.entry.reason = refusal.code
            trouble = _trouble(refusal)
            if refusal.scope == "soap":
                return self._fault(trouble)
            response = soap.failure(asked.call.operation, trouble, _messages_wanted(asked.call.request))
            return Answer(200, soap.write(response), [CONTENT])

    def _carry_out(self, asked: Asked, watch: Watch, fault: Fault | None) -> Answer:
        call, streaming = asked.call, self._site.streaming
        visit = Visit(call, asked.route.back_end, watch)
        if call.operation == "GetStreamingEvents":
            self._site.faults.delay(fault)
            documents, asked.entry.touched = streaming.open(visit)
            return Answer(200, documents, [CONTENT])
        with self._site.limits.request(call.acting or call.caller, call.operation):
            self._site.faults.delay(fault)
            if call.operation == "Subscribe":
                return self._subscribe(asked, visit)
            if call.operation == "Unsubscribe":
                return Answer(200, soap.write(streaming.unsubscribe(visit)), [CONTENT])
            return Answer(200, soap.write(self._operate(call)), [CONTENT])

    def _subscribe(self, asked: Asked, visit: Visit) -> Answer:
        affinity = self._site.streaming.settings.affinity
        self._same_group(asked, affinity=affinity)
        response = self._site.streaming.subscribe(visit)
        cookie = [asked.route.set_cookie] if asked.route.prefers and affinity else []
        return Answer(200, soap.write(response), [CONTENT, *cookie])

    def _same_group(self, asked: Asked, *, affinity: bool) -> None:
        """A cookie of one group leads nowhere for a mailbox of another."""
        directory, acting = self._site.directory, asked.call.acting
        if not affinity or not asked.route.by_cookie or acting is None:
            return
        if group_of(directory.back_end(acting)) != group_of(asked.route.back_end):
            text = "Proxying is not allowed to the server that the affinity cookie names."
            raise ResponseFault("ErrorProxyRequestNotAllowed", text)

    def _operate(self, call: Call) -> etree._Element:
        handler = OPERATIONS.get(call.operation)
        if handler is None:
            raise ResponseFault(
                "ErrorInvalidRequest", f"The request is invalid: {call.operation} is unknown.", "soap"
            )
        return handler(call)

    def _fault(self, trouble: soap.Trouble) -> Answer:
        return Answer(500, soap.fault(trouble), [CONTENT])


def _trouble(fault: ResponseFault) -> soap.Trouble:
    return soap.Trouble(fault.code, fault.text, dict(fault.values))


def _messages_wanted(request: etree._Element) -> int:
    """How many response messages the request expects: one for each id, or one."""
    for name in ("ItemIds", "FolderIds", "ItemChanges", "SourceIds"):
        found = request.find(f"{soap.M}{name}")
        if found is not None:
            return max(1, len(found))
    return 1


def _marks(request: Request, where: Route) -> list[tuple[str, str]]:
    """The headers by which administrators find a request in Exchange's logs."""
    return [
        ("request-id", request.header("client-request-id") or str(uuid.uuid4())),
        ("X-CalculatedBETarget", where.back_end),
        ("X-BEServer", where.back_end.partition(".")[0].upper()),
        ("X-DiagInfo", where.back_end.partition(".")[0].upper()),
        ("X-FEServer", "CAS1"),
        ("Server", "Microsoft-IIS/10.0"),
        ("X-AspNet-Version", "4.0.30319"),
    ]
