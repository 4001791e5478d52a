"""A hub without a network: the application on a database of its own, and a connector and a user who speak to it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.hub import tokens
from connector.hub.app import HubApplication
from connector.hub.database import Database
from connector.hub.office import Office
from connector.hub.settings import Limits, Settings, Times
from connector.model import Queued
from connector.relay import strict, wire
from connector.relay.base import Greeting
from tests.contract.cloud import INSTANCE, JWE, MAILBOX
from tests.unit.hub.asgi import Answer, Client

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
RUN = "run-1"
SOON = Times(hold=timedelta(milliseconds=200))
"""Held answers don't keep tests waiting."""


@dataclass
class HandClock:
    """A clock that a test moves."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Peer:
    """Whoever holds a token."""

    client: Client
    token: str
    run: str | None = None

    def ask(self, method: str, path: str, content: bytes = b"", **headers: str) -> Answer:
        return self.client.ask(method, path, self.all_headers(**headers), content)

    def begin(self, method: str, path: str, content: bytes = b"") -> Future[Answer]:
        return self.client.begin(method, path, self.all_headers(), content)

    def all_headers(self, **headers: str) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.token}"} | ({wire.RUN_HEADER: self.run} if self.run else {})
        return own | {name.replace("_", "-"): value for name, value in headers.items()}

    def get(self, path: str) -> Answer:
        return self.ask("GET", f"/relay/v1/mailboxes{path}")

    def post(self, path: str, body: Any) -> Answer:
        return self.ask("POST", path, strict.dump(body))

    def give(self, command: str, jwe: str = JWE, mailbox: str = MAILBOX) -> Answer:
        return self.post(f"/relay/v1/mailboxes/{mailbox}/commands", {"id": command, "jwe": jwe})

    def greet(self, run: str = RUN, epoch: int = 1, sequence: int = 0, instance: str = INSTANCE) -> Answer:
        greeting = Greeting(instance, run, epoch, sequence, "0.1.0")
        return self.post(wire.HELLO_PATH, wire.write_greeting(greeting))

    def send(self, batch: Sequence[Queued], **headers: str) -> Answer:
        raw, _ = wire.write_batch(batch, wire.source_of(INSTANCE), 10_000, 2**30)
        return self.raw(gzip.compress(raw, 1), Content_Encoding="gzip", **headers)

    def raw(self, body: bytes, **headers: str) -> Answer:
        return self.ask("POST", wire.EVENTS_PATH, body, **({"Content_Type": wire.BATCH_TYPE} | headers))

    def poll(self, ack: str = "", *, at_once: bool = True, most: int = 100) -> Answer:
        return self.post(wire.POLL_PATH, wire.write_poll(ack, at_once=at_once, most=most))


@dataclass
class House:
    """The application with everything around it."""

    client: Client
    application: HubApplication
    database: Database
    clock: HandClock
    connector: Peer

    @property
    def office(self) -> Office:
        assert self.application.office is not None
        return self.application.office

    def user(self, *subjects: str) -> Peer:
        return Peer(self.client, tokens.for_user(self.database, subjects or (MAILBOX,), self.clock()))

    def another_connector(self, name: str) -> Peer:
        return Peer(self.client, tokens.for_connector(self.database, name, self.clock()))


@contextmanager
def house(
    directory: Path, *, times: Times = SOON, limits: Limits | None = None, clock: HandClock | None = None
) -> Iterator[House]:
    """One of them; the connector INSTANCE has a token and has not greeted."""
    clock = clock or HandClock()
    database = Database(directory / "hub.db")
    settings = Settings(database=database.path, times=times, limits=limits or Limits())
    application = HubApplication(settings, database, clock)
    with Client(application) as client:
        token = tokens.for_connector(database, INSTANCE, clock())
        yield House(client, application, database, clock, Peer(client, token, RUN))
    database.close()


def code(answer: Answer) -> tuple[int, str]:
    """Status and code of a problem document."""
    assert answer.headers["content-type"] == wire.PROBLEM_TYPE
    body: Mapping[str, Any] = answer.json()
    assert body["status"] == answer.status
    return answer.status, str(body["code"])
