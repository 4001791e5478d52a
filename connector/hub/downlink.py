"""What goes down to connectors, by web socket or long poll (docs/relay.md section 7)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from connector.errors import Verdict
from connector.hub import bells, commands, runs
from connector.hub.office import Office, office_of
from connector.hub.problems import Refusal, malformed, unavailable
from connector.hub.waiting import held
from connector.relay import strict, wire
from connector.relay.base import Descent

POLL_BYTES = 16 * 1024
CLOSE_CODES = {401: wire.CLOSE_CREDENTIAL, 409: wire.CLOSE_SUPERSEDED, 428: wire.CLOSE_GREET_AGAIN}
CLOSE_TRY_AGAIN = 1012
CLOSE_NOT_UNDERSTOOD = 1002


@dataclass(frozen=True, slots=True)
class Line:
    """One connector's way down."""

    office: Office
    connector: int
    run: str | None

    async def acknowledge(self, cursor: str) -> None:
        """Everything up to the cursor is durable at the connector."""
        if await self.office.read(lambda db: commands.is_news(db, self.connector, cursor)):
            await self.office.write(lambda db: commands.acknowledge(db, self.connector, cursor))

    async def next(self, cursor: str, most: int) -> tuple[Descent, bool]:
        """The next message after ``cursor``, empty if there is nothing, and whether more follows. Raises Refusal 409 or 428."""
        waiting = await self.office.read(lambda db: self._look(db, most))
        descent = Descent(waiting.commands, self._nudges(), (), waiting.cursor or cursor)
        return descent, waiting.more

    def put_back(self, mailbox_ids: Iterable[str]) -> None:
        """Nudges that did not get through."""
        self.office.nudged.setdefault(self.connector, {}).update(dict.fromkeys(mailbox_ids))

    def _look(self, connection: sqlite3.Connection, most: int) -> commands.Waiting:
        runs.check(connection, self.connector, self.run)
        return commands.waiting(connection, self.connector, most, self.office.clock())

    def _nudges(self) -> tuple[str, ...]:
        nudged = self.office.nudged.pop(self.connector, {})
        now, later = list(nudged)[: wire.MAX_DESCENT], list(nudged)[wire.MAX_DESCENT :]
        if later:
            self.put_back(later)
        return tuple(now)


async def _line(request: HTTPConnection) -> Line:
    """Raises Refusal 401, 403, 409, 428 or 429."""
    office = office_of(request)
    connector, _ = await office.connector(request)
    run = request.headers.get(wire.RUN_HEADER)
    await office.read(lambda db: runs.check(db, connector, run))
    return Line(office, connector, run)


# --- long poll -----------------------------------------------------------------------------------


async def poll(request: Request) -> Response:
    """``POST /relay/v1/commands/poll``."""
    line = await _line(request)
    office = line.office
    asked = wire.read_poll(await office.desk.read(request, POLL_BYTES))
    await line.acknowledge(asked.cursor)
    seconds = 0.0 if asked.at_once else office.settings.times.hold.total_seconds()
    with office.rates.holding(bells.of_connector(line.connector), office.settings.limits.waits):
        descent, more = await held(
            request,
            office.bells,
            bells.of_connector(line.connector),
            seconds,
            lambda: line.next(asked.cursor, asked.most),
            lambda seen: _says_something(seen[0]),
        )
    return Response(strict.dump(wire.write_descent(descent, more=more)), media_type="application/json")


def _says_something(descent: Descent) -> bool:
    return bool(descent.commands or descent.nudged or descent.resync)


# --- web socket ----------------------------------------------------------------------------------


async def socket(websocket: WebSocket) -> None:
    """``GET /relay/v1/commands`` upgraded. Each message waits for the acknowledgement of the one before."""
    try:
        line, cursor = await _admitted(websocket)
    except Refusal as refusal:
        await websocket.send_denial_response(refusal.response())
        return
    except sqlite3.Error:
        await websocket.send_denial_response(unavailable().response())
        return
    await websocket.accept(wire.SUBPROTOCOL)
    with line.office.bells.listen(bells.of_connector(line.connector)) as bell:
        try:
            await line.acknowledge(cursor)
            await _serve(websocket, line, bell, cursor)
        except WebSocketDisconnect:
            return
        except Refusal as refusal:
            await websocket.close(CLOSE_CODES.get(refusal.status, CLOSE_TRY_AGAIN))
        except Verdict:
            await websocket.close(CLOSE_NOT_UNDERSTOOD)
        except sqlite3.Error:
            await websocket.close(CLOSE_TRY_AGAIN)


async def _admitted(websocket: WebSocket) -> tuple[Line, str]:
    cursor = websocket.query_params.get("cursor", "")
    if not strict.CURSOR.fullmatch(cursor):
        raise malformed("cursor")
    if wire.SUBPROTOCOL not in websocket.scope.get("subprotocols", []):
        raise malformed(f"the subprotocol is {wire.SUBPROTOCOL}")
    return await _line(websocket), cursor


async def _serve(websocket: WebSocket, line: Line, bell: asyncio.Event, cursor: str) -> None:
    """Send until the connector hangs up. Raises Refusal when it may not speak any more, Verdict for a wrong answer."""
    again = line.office.settings.times.ping.total_seconds()
    incoming = _Incoming(websocket)
    greeting = True
    try:
        while True:
            bell.clear()
            await _line(websocket)
            descent, _ = await line.next(cursor, wire.MAX_DESCENT)
            if greeting or _says_something(descent):
                cursor = await _delivered(websocket, line, incoming, descent)
                greeting = False
            else:
                await incoming.or_bell(bell, again)
    finally:
        incoming.close()


async def _delivered(websocket: WebSocket, line: Line, incoming: _Incoming, descent: Descent) -> str:
    """Send a message and take its acknowledgement; the cursor after it."""
    try:
        await websocket.send_text(strict.dump(wire.write_descent(descent)).decode())
        ack = wire.read_ack(await incoming.frame(line.office.settings.times.acknowledge.total_seconds()))
    except BaseException:
        line.put_back(descent.nudged)
        raise
    if ack != descent.cursor:
        raise strict.bad("another cursor was acknowledged than was sent")
    await line.acknowledge(ack)
    return ack


class _Incoming:
    """What the connector says, read ahead by one frame so that a hang-up is noticed while nothing is sent."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._next = asyncio.ensure_future(self._receive())

    async def frame(self, seconds: float) -> bytes:
        """The next frame. Raises WebSocketDisconnect, and Transient when none comes in time."""
        try:
            frame = await asyncio.wait_for(asyncio.shield(self._next), seconds)
        except TimeoutError as error:
            raise strict.bad("a message was not acknowledged") from error
        self._next = asyncio.ensure_future(self._receive())
        return frame

    async def or_bell(self, bell: asyncio.Event, seconds: float) -> None:
        """Wait for the bell, so long at most. Raises WebSocketDisconnect, and Transient for a frame that nobody asked for."""
        rung = asyncio.ensure_future(bell.wait())
        try:
            await asyncio.wait({rung, self._next}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rung.cancel()
        if self._next.done():
            self._next.result()
            raise strict.bad("a frame that nobody asked for")

    def close(self) -> None:
        """Stop reading."""
        if self._next.done() and not self._next.cancelled():
            self._next.exception()
        self._next.cancel()

    async def _receive(self) -> bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
        return (
            message["bytes"]
            if message.get("bytes") is not None
            else str(message["text"]).encode("utf-8", "replace")
        )
