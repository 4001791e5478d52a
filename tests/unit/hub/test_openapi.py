"""Both ends keep to docs/relay.openapi.yaml: what HttpCloud asks over a real connection, and what the hub answers."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import uvicorn
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.errors import CredentialRefused, Superseded, Transient
from connector.hub import commands, tokens
from connector.hub.app import HubApplication
from connector.hub.database import Database
from connector.hub.lists import Opened
from connector.hub.settings import Limits, Settings, Times
from connector.model import EventKind
from connector.relay import wire
from connector.relay.base import Descent
from connector.relay.far_end import FarEnd, tls_context
from connector.relay.http import HttpCloud
from tests.contract.cloud import INSTANCE, JWE, MAILBOX, Events, greet
from tests.unit.hub.office import START, House, house
from tests.unit.hub.test_users import outcome

DOCUMENT = OpenAPI.from_dict(
    yaml.safe_load((Path(__file__).resolve().parents[3] / "docs/relay.openapi.yaml").read_text()),
    config=Config(
        extra_media_type_deserializers={wire.BATCH_TYPE: json.loads, wire.PROBLEM_TYPE: json.loads}
    ),
)
HOST = "https://hub.example.net"


@dataclass
class Exchange:
    """One request and its answer."""

    scope: Scope
    asked: bytearray = field(default_factory=bytearray)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answered: bytearray = field(default_factory=bytearray)

    def request(self) -> MockRequest:
        headers = {name.decode().title(): value.decode("latin-1") for name, value in self.scope["headers"]}
        packed = headers.get("Content-Encoding") == "gzip"
        query = parse_qsl(self.scope["query_string"].decode())
        return MockRequest(
            HOST,
            self.scope["method"].lower(),
            self.scope["path"],
            args=dict(query),
            headers=headers,
            data=zlib.decompress(bytes(self.asked), 31) if packed else bytes(self.asked) or None,
            content_type=headers.get("Content-Type", "application/json").partition(";")[0],
        )

    def response(self) -> MockResponse:
        return MockResponse(
            bytes(self.answered),
            self.status,
            headers=self.headers,
            content_type=self.headers.get("content-type", "application/json"),
        )


@dataclass
class Recorder:
    """Stands before the application and remembers."""

    inner: ASGIApp
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        exchange = Exchange(scope)
        self.exchanges.append(exchange)

        async def hear() -> Message:
            message = await receive()
            exchange.asked += message.get("body", b"")
            return message

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            exchange.answered += message.get("body", b"")
            await send(message)

        await self.inner(scope, hear, say)


@contextmanager
def served(directory: Path) -> Iterator[tuple[Recorder, str, Database]]:
    """A hub on loopback, in a thread; its address."""
    database = Database(directory / "hub.db")
    recorder = Recorder(HubApplication(Settings(), database, lambda: START))
    server = uvicorn.Server(
        uvicorn.Config(
            recorder, port=0, http="h11", ws="websockets-sansio", log_config=None, access_log=False
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield recorder, f"http://127.0.0.1:{port}", database
    server.should_exit = True
    thread.join()
    database.close()


def check(exchanges: list[Exchange]) -> set[tuple[str, int]]:
    """Hold them against the document; which paths were answered how."""
    for one in exchanges:
        request = one.request()
        if one.status < 400:
            DOCUMENT.validate_request(request)
        DOCUMENT.validate_response(request, one.response())
    return {(one.scope["path"].rpartition("/")[2], one.status) for one in exchanges}


def test_what_the_connector_asks_and_hears_is_as_described(tmp_path: Path) -> None:
    """Hello, events of every kind, refusals and the long poll, over HTTP as they really are."""
    with served(tmp_path) as (recorder, url, database):
        token = tokens.for_connector(database, INSTANCE, START)
        end = FarEnd(url, INSTANCE, "0.1.0", tls_context(), lambda: token)
        cloud, younger = (HttpCloud(end, lambda: START, downlink="poll") for _ in range(2))
        events = Events()
        with pytest.raises(Transient):
            cloud.send([events.put("m1")])
        greet(cloud, "run-1")
        presence = {"encryptionKeyUrl": "kms://k/1", "encryptedPresence": JWE, "revision": 1}
        stuck = events.put("m0")
        cloud.send([events.record(), events.begin("s1"), events.put("m1"), events.gone("m2"), stuck])
        cloud.send([events.end("s1"), events.make(EventKind.PRESENCE_PUT, presence), outcome(events, "c1")])
        cloud.send([])
        _queue_one(database)
        _take_one(cloud)
        cloud.send([events.make(EventKind.MAILBOX_GONE, {"erase": True})])
        greet(younger, "run-2")
        with pytest.raises(Superseded):
            greet(cloud, "run-1")
        tokens.revoke(database, token.split("_")[1])
        with pytest.raises(CredentialRefused):
            greet(younger, "run-2")
        cloud.close()
        younger.close()
    assert check(recorder.exchanges) >= {
        ("hello", 200),
        ("hello", 409),
        ("hello", 401),
        ("events", 200),
        ("events", 428),
        ("poll", 200),
    }


def _queue_one(database: Database) -> None:
    with database.writing() as connection:
        row = connection.execute(
            "SELECT number, connector FROM mailboxes WHERE id = ?", (MAILBOX,)
        ).fetchone()
        opened = Opened(row["number"], MAILBOX, None, row["connector"], False, None, "none", None, "")
        commands.give(connection, opened, commands.Order("c1", JWE), Limits(), Times(), START)


def _take_one(cloud: HttpCloud) -> None:
    stop = threading.Event()

    def accept(descent: Descent) -> None:
        assert [one.id for one in descent.commands] == ["c1"]
        stop.set()

    cloud.listen("", stop, accept)


def test_what_users_hear_is_as_described(tmp_path: Path) -> None:
    """Every answer of section 10, the refusals too."""
    with house(tmp_path) as hub:
        recorder = Recorder(hub.application)
        hub.client._app = recorder
        _everything_a_user_asks(hub)
    assert check(recorder.exchanges) >= {
        ("mailboxes", 200),
        ("meetings", 200),
        ("meetings", 304),
        ("meetings", 400),
        ("meetings", 404),
        ("presence", 200),
        ("outcomes", 200),
        ("commands", 202),
        ("commands", 409),
        ("nudge", 202),
    }


def _everything_a_user_asks(hub: House) -> None:
    events, user = Events(), hub.user()
    hub.connector.greet()
    presence = {"encryptionKeyUrl": "kms://k/1", "encryptedPresence": JWE, "revision": 1}
    hub.connector.send([events.record(), events.put("m1"), events.put("m2"), outcome(events, "c1")])
    user.get("")
    user.get(f"/{MAILBOX}/presence")
    hub.connector.send([events.make(EventKind.PRESENCE_PUT, presence)])
    version = user.get(f"/{MAILBOX}/presence").json()["version"]
    user.get(f"/{MAILBOX}/meetings?limit=1")
    user.get(f"/{MAILBOX}/meetings?changed_since={version}&wait=1")
    user.get(f"/{MAILBOX}/meetings?limit=1&after=x")
    user.get("/mb-9/meetings")
    user.get(f"/{MAILBOX}/outcomes?wait=1")
    user.give("c1")
    user.give("c1", JWE + "x")
    user.post(f"/relay/v1/mailboxes/{MAILBOX}/nudge", {})
