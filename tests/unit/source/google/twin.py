"""The lab Google without a network: the adapter's wire, answered in memory by the lab's own services."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from connector.model import Clock, Mailbox
from connector.source.google.authentication import Tokens
from connector.source.google.settings import GoogleSettings, Key, Limits
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Letter, Reply, Wire
from tests.lab.google import fields
from tests.lab.google.call import Call
from tests.lab.google.edits import Edits
from tests.lab.google.problems import GRANTS, ApiError, GrantError
from tests.lab.google.server import Lab, build
from tests.lab.google.services import route
from tests.lab.google.tenant import Tenant

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DOMAIN = "brand.example"


class Time:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


class LabWire(Wire):
    """Carries letters to a lab in this process. ``next`` are replies to be given instead, oldest first."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.sent: list[Letter] = []
        self.next: list[Reply] = []

    def send(self, letter: Letter) -> Reply:
        self.sent.append(letter)
        if self.next:
            return self.next.pop(0)
        try:
            return self._answer(letter)
        except (ApiError, GrantError) as error:
            return Reply(error.code, {}, json.dumps(error.document()).encode())

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, letter: Letter) -> Reply:
        lab = self.lab
        if letter.path == "/token":
            if kind := lab.faults.take("token", ""):
                raise GRANTS.get(kind, GRANTS["internal_failure"])
            return _reply(lab.grants.answer(letter.body))
        if letter.path in lab.federation.paths:
            if kind := lab.faults.take(lab.federation.paths[letter.path], ""):
                raise ApiError(kind)
            return _reply(
                lab.federation.answer(letter.path, letter.body, letter.headers.get("Authorization", ""))
            )
        operation, variables = route(letter.method, letter.path)
        token = lab.tenant.accept(letter.headers.get("Authorization", ""))
        lab.log.append({"operation": operation, "subject": token.subject, "query": urlencode(letter.query)})
        if kind := lab.faults.take(operation, token.subject):
            raise ApiError(kind)
        query: dict[str, list[str]] = {}
        for name, value in letter.query:
            query.setdefault(name, []).append(value)
        headers = {name.lower(): value for name, value in letter.headers.items()}
        body = json.loads(letter.body) if letter.body else {}
        call = Call(operation, token.subject, variables, query, headers, body)
        return _reply(fields.partial(lab.services.answer(call, token.scopes), call.one("fields")))


class Twin:
    """A tenant, and the source that reads it."""

    def __init__(
        self, *, users: int = 3, keys: int = 1, enlisted: int | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = Time()
        clock = clock or self.clock
        self.lab = build(Tenant(DOMAIN, clock, users))
        self.edits = Edits(self.lab)
        self.wire = LabWire(self.lab)
        self.roster = {self.address(n) for n in range(1, (enlisted or users) + 1)}
        self.keys = [json.dumps(self.lab.tenant.new_key()) for _ in range(keys)]
        self.notices: list[Any] = []
        self.settings = GoogleSettings(
            name="brand",
            instance="test.example.com",
            domains=(DOMAIN, "resource.calendar.google.com"),
            keys=tuple(Key(f"google/brand/{n}", self._key(n)) for n in range(keys)),
            enlisted=lambda address: address in self.roster,
            reader=self.address(1),
            limits=Limits(project=10_000_000, user=10_000_000),
        )
        self.tokens = Tokens(self.settings, self.wire, clock, self.notices.append)
        self.source = GoogleSource(self.settings, self.wire, self.tokens, clock)

    def address(self, number: int) -> str:
        return f"user{number}@{DOMAIN}"

    def mailbox(self, number: int = 1) -> Mailbox:
        location = self.source.locate([self.address(number)])[self.address(number)]
        assert not isinstance(location, Exception)
        return Mailbox(f"m{number}", "brand", self.address(number), "p", "manual", location=location.location)

    def edit(self, name: str, *, number: int = 1, **facts: Any) -> str:
        return str(self.edits.edit(name, {"mailbox": self.address(number), **facts})["item_id"])

    def operations(self) -> list[str]:
        return [one["operation"] for one in self.lab.log]

    def _key(self, number: int) -> Any:
        return lambda: self.keys[number]


def _reply(document: dict[str, Any]) -> Reply:
    return Reply(200, {}, json.dumps(document).encode())
