"""Enrolment over the wire (docs/relay.md section 12)."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from connector.enrolment import wire
from connector.hub import enrolment
from connector.hub.office import office_of
from connector.hub.problems import Refusal
from connector.relay import strict

BODY_BYTES = 4096
ATTEMPTS = 1
"""A second, of everybody together: tokens can't be guessed, but asking costs."""

_log = structlog.get_logger(__name__)


async def enrol(request: Request) -> Response:
    """``POST /relay/v1/enrolment``: a one-time token and a public key."""
    office = office_of(request)
    office.rates.spend("enrolment", ATTEMPTS)
    token, key = wire.read_enrolment(await office.desk.read(request, BODY_BYTES))
    name = await office.write(lambda connection: enrolment.redeem(connection, token, key, office.clock()))
    _log.info("connector.enrolled", connector=name)
    return _answer(name)


async def renew(request: Request) -> Response:
    """``POST /relay/v1/enrolment/renew``: the next public key."""
    office = office_of(request)
    connector, name = await office.connector(request)
    key = wire.read_key(await office.desk.read(request, BODY_BYTES))
    await office.write(lambda connection: enrolment.renew(connection, connector, name, key, office.clock()))
    return _answer(name)


async def confirm(request: Request) -> Response:
    """``POST /relay/v1/enrolment/confirm``, proved by the key that stays."""
    office = office_of(request)
    connector, name = await office.connector(request)
    bearer = office.proved(request)
    if bearer is None:
        raise Refusal(403, "forbidden", "prove yourself by the key")
    await office.write(lambda connection: enrolment.confirm(connection, connector, bearer.token))
    _log.info("connector.key_renewed", connector=name)
    return _answer(name)


async def end(request: Request) -> Response:
    """``POST /relay/v1/enrolment/end``: the connector takes its leave."""
    office = office_of(request)
    connector, name = await office.connector(request)
    await office.write(lambda connection: enrolment.end(connection, connector))
    _log.info("connector.left", connector=name)
    return _answer(name)


def _answer(name: str) -> Response:
    return Response(strict.dump({"connector": name}), media_type="application/json")
