"""Messages between clients and a key service, as opaque strings (``connector.relay.carriage``). Nothing of it touches the disk.

The hub can drop, delay, double and mix them up, and that is all it can do: what is in them is sealed for the other end.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connector.hub.counters import Counter
from connector.hub.office import Office, office_of
from connector.hub.problems import Refusal, malformed, unavailable
from connector.hub.waiting import held
from connector.relay import carriage, strict
from connector.relay.carriage import Round

_BASE = carriage.through_hub("{host}")
_JSON = "application/json"


async def static(request: Request) -> Response:
    """``GET .../static``: what the key service said of itself. Held back until it is here, for one who prefers to wait; else 503."""
    office = office_of(request)
    name = await office.anyone(request)
    host, patience = _host(request), carriage.read_patience(request.headers.get(carriage.PREFER, ""))
    await office.desk.read(request, 0)
    if patience and not _connected(office, host):
        with office.rates.holding(f"kms {name}", office.settings.limits.waits):
            await _arrival(request, office, host, patience)
    counter = office.counters.get(host)
    if counter is None or not counter.connected:
        raise unavailable()
    return _answer(counter.static)


async def messages(request: Request) -> Response:
    """``POST .../messages``: held back until the key service has answered. 503 when it does not; at once when it is not here."""
    office = office_of(request)
    name = await office.anyone(request)
    host = _host(request)
    sent = carriage.read_messages(await office.desk.read(request, strict.MAX_BODY))
    counter = office.counters.get(host)
    if counter is None or not counter.connected:
        raise unavailable()
    with office.rates.holding(f"kms {name}", office.settings.limits.waits):
        identity = counter.put(sent)
        office.bells.ring([_door(host)])
        try:
            answered = await _answers(request, office, counter, identity)
        finally:
            counter.drop(identity)
    if answered is None:
        raise unavailable()
    return _answer(carriage.write_messages(answered))


async def serve(request: Request) -> Response:
    """``POST .../serve``: answers of the key service up, requests down. Its credential is the connector token of its own name."""
    office = office_of(request)
    _, name = await office.connector(request)
    host = _host(request)
    if name != host:
        raise Refusal(403, "forbidden", "the credential belongs to another key service")
    service = carriage.read_service(await office.desk.read(request, strict.MAX_BODY))
    counter = office.counters.setdefault(host, Counter())
    counter.static = service.static
    for one in service.answers:
        counter.answer(one)
    office.bells.ring(_seat(one.id) for one in service.answers)
    with counter.line():
        office.bells.ring([_threshold(host)])
        given = await _requests(request, office, counter, service.wait)
    if await request.is_disconnected():
        _left(office, counter)
    return _answer(carriage.write_requests(given))


async def _answers(
    request: Request, office: Office, counter: Counter, identity: str
) -> tuple[str, ...] | None:
    async def look() -> tuple[str, ...] | None:
        return counter.answered.get(identity)

    def settled(seen: tuple[str, ...] | None) -> bool:
        return seen is not None or not counter.connected

    seconds = min(office.settings.times.hold.total_seconds(), carriage.HOLD_SECONDS)
    return await held(request, office.bells, _seat(identity), seconds, look, settled)


async def _requests(request: Request, office: Office, counter: Counter, wait: int) -> list[Round]:
    host = _host(request)

    async def look() -> bool:
        return bool(counter.waiting)

    seconds = min(office.settings.times.hold.total_seconds(), wait)
    with office.rates.holding(f"kms at {host}", office.settings.limits.waits):
        await held(request, office.bells, _door(host), seconds, look, bool)
    if await request.is_disconnected():
        return []
    given = counter.take()
    counter.expect(given)
    return given


async def _arrival(request: Request, office: Office, host: str, patience: float) -> None:
    async def look() -> bool:
        return _connected(office, host)

    seconds = min(office.settings.times.hold.total_seconds(), patience)
    await held(request, office.bells, _threshold(host), seconds, look, bool)


def _left(office: Office, counter: Counter) -> None:
    """A line of the key service broke; with the last one, nobody waits for it any longer."""
    if not counter.connected:
        office.bells.ring(map(_seat, counter.seats()))


def _connected(office: Office, host: str) -> bool:
    counter = office.counters.get(host)
    return counter is not None and counter.connected


def _host(request: Request) -> str:
    host = str(request.path_params["host"])
    if not carriage.HOST.fullmatch(host):
        raise malformed("the key service's name is not of the form it must have")
    return host


def _door(host: str) -> str:
    return f"k {host}"


def _threshold(host: str) -> str:
    return f"t {host}"


def _seat(identity: str) -> str:
    return f"r {identity}"


def _answer(value: object) -> Response:
    return Response(strict.dump(value), media_type=_JSON)


ROUTES = [
    Route(_BASE + carriage.STATIC, static, methods=["GET"]),
    Route(_BASE + carriage.MESSAGES, messages, methods=["POST"]),
    Route(_BASE + carriage.SERVE, serve, methods=["POST"]),
]
