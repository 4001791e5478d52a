"""What every request needs: the database on threads of its own, credentials, clock, bells and limits."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection

from connector.hub import enrolment, tokens
from connector.hub.bells import Bells
from connector.hub.bodies import Desk
from connector.hub.counters import Counter
from connector.hub.database import Database
from connector.hub.ledger import Ledger
from connector.hub.lists import View
from connector.hub.problems import Refusal, not_found
from connector.hub.rates import Rates
from connector.hub.settings import Settings
from connector.hub.tokens import Bearer
from connector.model import Clock
from connector.relay import strict

T = TypeVar("T")

READERS = 4
_PROVED = "calendar_connector.proved"


class Office:
    """Made inside the event loop that it is used from."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.ledger = Ledger(database, settings.limits)
        self.bells = Bells()
        self.rates = Rates()
        self.desk = Desk(settings.limits.bodies, settings.times.read_body)
        self.nudged: dict[int, dict[str, None]] = {}
        """Mailboxes to be looked at, by connector; need not survive (section 7)."""
        self.counters: dict[str, Counter] = {}
        """What is on its way to and from key services, by host."""
        self._database = database
        self._birth = secrets.token_hex(4)
        self._one = CapacityLimiter(1)
        self._several = CapacityLimiter(READERS)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``work`` on one view of the database, in a thread."""

        def reading() -> T:
            with self._database.reading() as connection:
                return work(connection)

        return await to_thread.run_sync(reading, limiter=self._several)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """``work`` as one transaction, durable when this returns."""

        def writing() -> T:
            with self._database.writing() as connection:
                return work(connection)

        return await self.alone(writing)

    async def alone(self, work: Callable[[], T]) -> T:
        """``work``, which writes by itself, one after the other."""
        return await to_thread.run_sync(work, limiter=self._one)

    async def connector(self, request: HTTPConnection) -> tuple[int, str]:
        """Number and name of the connector whose credential came. Raises Refusal 401, 403 or 429."""
        bearer = await self._bearer(request)
        if bearer.connector is None or bearer.name is None:
            raise Refusal(403, "forbidden")
        self.rates.spend(bearer.token, self.settings.limits.connector_rate)
        return bearer.connector, bearer.name

    async def user(self, request: HTTPConnection) -> str:
        """The id of the user's token that came. Raises Refusal 401, 403 or 429."""
        bearer = await self._bearer(request)
        if bearer.connector is not None:
            raise Refusal(403, "forbidden")
        self.rates.spend(bearer.token, self.settings.limits.user_rate)
        return bearer.token

    async def anyone(self, request: HTTPConnection) -> str:
        """The id of whatever credential came, a connector's or a user's. Raises Refusal 401 or 429."""
        bearer = await self._bearer(request)
        limits = self.settings.limits
        self.rates.spend(
            bearer.token, limits.user_rate if bearer.connector is None else limits.connector_rate
        )
        return bearer.token

    def proved(self, request: HTTPConnection) -> Bearer | None:
        """Whom this request or connection has proved to be, by a key; None for one that came with a token."""
        return request.scope.get(_PROVED)

    async def _bearer(self, request: HTTPConnection) -> Bearer:
        """A connection is asked again and again; its proof was looked at when it began and may be old by now."""
        header, before = request.headers.get("authorization"), self.proved(request)
        if before is not None:
            return await self.read(lambda connection: enrolment.still(connection, before))
        proved = await self.read(lambda connection: enrolment.authenticate(connection, header, self.clock()))
        if proved is None:
            return await self.read(lambda connection: tokens.authenticate(connection, header))
        request.scope[_PROVED] = proved
        return proved

    def view(self) -> View:
        """How rows look now."""
        return View(self.clock(), self.settings.times.silent_after, self._birth)


def office_of(request: HTTPConnection) -> Office:
    """The office that a request came to."""
    office: Office = request.app.state.office
    return office


def mailbox_of(request: HTTPConnection) -> str:
    """The mailbox id in the path. Raises Refusal 404."""
    mailbox_id = str(request.path_params["mailbox"])
    if not strict.ID.fullmatch(mailbox_id):
        raise not_found()
    return mailbox_id
