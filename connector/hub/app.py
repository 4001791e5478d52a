"""The hub as an ASGI application: which address leads where, and what becomes of errors."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from connector.enrolment import wire as enrolment
from connector.errors import Verdict
from connector.hub import downlink, enrolling, google, kms, purge, uplink, users
from connector.hub.database import Database
from connector.hub.office import Office
from connector.hub.problems import Refusal, malformed, unavailable
from connector.hub.settings import Settings
from connector.model import Clock
from connector.relay import wire

_log = structlog.get_logger(__name__)

_MAILBOX = "/relay/v1/mailboxes/{mailbox}"

ROUTES = [
    Route(wire.HELLO_PATH, uplink.hello, methods=["POST"]),
    Route(wire.EVENTS_PATH, uplink.events, methods=["POST"]),
    Route(wire.POLL_PATH, downlink.poll, methods=["POST"]),
    Route(enrolment.ENROL_PATH, enrolling.enrol, methods=["POST"]),
    Route(enrolment.RENEW_PATH, enrolling.renew, methods=["POST"]),
    Route(enrolment.CONFIRM_PATH, enrolling.confirm, methods=["POST"]),
    Route(enrolment.END_PATH, enrolling.end, methods=["POST"]),
    WebSocketRoute(wire.COMMANDS_PATH, downlink.socket),
    Route("/relay/v1/mailboxes", users.mailboxes, methods=["GET"]),
    Route(f"{_MAILBOX}/meetings", users.meetings, methods=["GET"]),
    Route(f"{_MAILBOX}/presence", users.presence, methods=["GET"]),
    Route(f"{_MAILBOX}/outcomes", users.outcomes, methods=["GET"]),
    Route(f"{_MAILBOX}/commands", users.command, methods=["POST"]),
    Route(f"{_MAILBOX}/nudge", users.nudge, methods=["POST"]),
    *kms.ROUTES,
    *google.ROUTES,
]


class HubApplication:
    """The application, and the last line of defence around it: whatever happens inside, peers get a problem document."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.office: Office | None = None

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.office = app.state.office = Office(settings, database, clock)
            purging = asyncio.create_task(purge.forever(self.office))
            yield
            purging.cancel()
            with suppress(asyncio.CancelledError):
                await purging

        self._inner: ASGIApp = Starlette(
            routes=ROUTES,
            lifespan=lifespan,
            exception_handlers={
                Refusal: _refused,
                Verdict: _not_understood,
                sqlite3.Error: _database_trouble,
                HTTPException: _no_such_thing,
                Exception: _fault,
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        try:
            await self._inner(scope, receive, send)
        except Exception as error:
            if scope["type"] == "lifespan":
                raise
            _log.error("hub.fault", kind=type(error).__name__, at=_where(error))

    def stop_waiting(self) -> None:
        """The hub is about to end: answers that are held back go out now. Called from the event loop."""
        if self.office:
            self.office.bells.close()


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    assert isinstance(error, Refusal)  # noqa: S101 - registered for it
    return error.response()


async def _not_understood(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return malformed(error.detail if isinstance(error, Verdict) else "").response()


async def _database_trouble(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    _log.error("database.trouble", kind=getattr(error, "sqlite_errorname", type(error).__name__))
    return unavailable().response()


async def _no_such_thing(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    status = error.status_code if isinstance(error, HTTPException) else 404
    return Refusal(status, "not-found" if status == 404 else "wrong-method").response()


async def _fault(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Starlette raises the error again after this answer; it is logged by the application."""
    return Refusal(500, "fault").response()


def _where(error: BaseException) -> str:
    """File and line of the innermost frame: enough to find the fault, and nothing of what was handled."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else ""
