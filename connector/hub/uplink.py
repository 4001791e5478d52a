"""What connectors send up: hello and events (docs/relay.md sections 3 and 5)."""

from __future__ import annotations

from dataclasses import replace

import structlog
from starlette.requests import Request
from starlette.responses import Response

from connector.errors import Verdict
from connector.hub import bells, changes, runs
from connector.hub.ledger import Taken
from connector.hub.office import Office, office_of
from connector.hub.problems import Refusal, malformed, too_large
from connector.relay import strict, wire
from connector.relay.base import Rejection, Welcome

JSON_TYPE = "application/json"
HELLO_BYTES = 16 * 1024

_log = structlog.get_logger(__name__)


async def hello(request: Request) -> Response:
    """``POST /relay/v1/hello``."""
    office = office_of(request)
    connector, name = await office.connector(request)
    greeting = wire.read_greeting(await office.desk.read(request, HELLO_BYTES))
    if greeting.instance != name:
        raise Refusal(403, "forbidden", "the credential belongs to another connector")
    mark = await office.write(lambda connection: runs.greet(connection, connector, greeting, office.clock()))
    office.bells.ring([bells.of_connector(connector)])
    _log.info("connector.greeted", connector=name, run=greeting.run, mark=wire.write_order(mark))
    limits = office.settings.limits
    return _answer(wire.write_welcome(Welcome(*mark, limits.batch, limits.bytes)))


async def events(request: Request) -> Response:
    """``POST /relay/v1/events``."""
    office = office_of(request)
    connector, name = await office.connector(request)
    acknowledged = _acknowledged(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != wire.BATCH_TYPE:
        raise malformed(f"Content-Type is {wire.BATCH_TYPE}")
    raw = await office.desk.read(request, office.settings.limits.bytes)
    run = request.headers.get(wire.RUN_HEADER)
    taken = await office.alone(lambda: _take(office, connector, name, run, acknowledged, raw))
    office.bells.ring(bells.of_mailbox(mailbox_id) for mailbox_id in taken.touched)
    return _answer(wire.write_receipt(taken.receipt))


def _take(
    office: Office, connector: int, name: str, run: str | None, acknowledged: wire.Order, raw: bytes
) -> Taken:
    read, wrong = wire.read_batch(raw, wire.source_of(name), len(raw))
    if len(read) + len(wrong) > office.settings.limits.batch:
        raise too_large()
    good, wrong = changes.read_all(read, wrong)
    taken = office.ledger.take(connector, run, acknowledged, good, office.clock())
    never = {event_id: Rejection("malformed", retry=False) for event_id in wrong}
    rejected = {**never, **taken.receipt.rejected}
    for event_id, rejection in rejected.items():
        _log.warning("event.refused", connector=name, id=event_id, code=rejection.code)
    return replace(taken, receipt=replace(taken.receipt, rejected=rejected))


def _acknowledged(request: Request) -> wire.Order:
    text = request.headers.get(wire.ACKNOWLEDGED_HEADER)
    if text is None:
        return (0, 0)
    try:
        return wire.read_order(text)
    except Verdict as error:
        raise malformed(f"{wire.ACKNOWLEDGED_HEADER} is EPOCH.SEQUENCE") from error


def _answer(value: object) -> Response:
    return Response(strict.dump(value), media_type=JSON_TYPE)
