"""Whatever is sent, the hub answers with one of its own statuses and goes on."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.hub.settings import Limits
from connector.model import EventKind
from connector.relay import strict, wire
from tests.contract.cloud import INSTANCE, JWE, MAILBOX, Events, sealed
from tests.unit.hub.asgi import Answer
from tests.unit.hub.office import House, house

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "m1", JWE])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KNOWN = {200, 202, 400, 404, 405, 409, 412, 413, 428}

EVENT = wire.write_event(Events().make(EventKind.MEETING_PUT, sealed("m1"), "m1"), wire.source_of(INSTANCE))
BODIES: dict[str, dict[str, Any]] = {
    wire.HELLO_PATH: {"instance": INSTANCE, "run": "run-1", "epoch": 1, "sequence": 0, "version": "0.1.0"},
    wire.POLL_PATH: {"maxEvents": 10, "returnImmediately": True, "ack": ""},
    f"/relay/v1/mailboxes/{MAILBOX}/commands": {"id": "c1", "jwe": JWE},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """One hub for all examples: it must survive each of them."""
    limits = Limits(connector_rate=10_000, user_rate=10_000)
    with tempfile.TemporaryDirectory() as directory, house(Path(directory), limits=limits) as made:
        made.connector.greet()
        made.connector.send([Events().put("m0")])
        yield made


def understood(answer: Answer) -> None:
    """One of the statuses of docs/relay.md, and JSON."""
    assert answer.status in KNOWN
    if answer.body:
        strict.load(answer.body)


@st.composite
def spoilt(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    """A good object with one or two members exchanged, left out or added."""
    members = dict(good)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from([*good, "other"]))
        if draw(st.booleans()):
            members.pop(name, None)
        else:
            members[name] = draw(ANYTHING)
    return members


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_body_brings_a_hub_down(shared: House, data: st.DataObject) -> None:
    """Random JSON, and good bodies with something wrong in them."""
    path = data.draw(st.sampled_from(list(BODIES)))
    body = data.draw(st.one_of(ANYTHING, spoilt(BODIES[path])))
    peer = shared.user() if path.endswith("commands") else shared.connector
    understood(peer.ask("POST", path, json.dumps(body).encode()))
    shared.connector.greet()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(ANYTHING, spoilt(EVENT), st.builds(dict, data=ANYTHING)), max_size=4), st.booleans()
)
def test_no_batch_brings_a_hub_down(shared: House, batch: list[Any], packed: bool) -> None:
    """Random JSON in the place of events, of their attributes and of their data."""
    body = json.dumps(batch).encode()
    headers = {"Content_Encoding": "gzip"} if packed else {}
    understood(shared.connector.raw(gzip.compress(body) if packed else body, **headers))


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.sampled_from([wire.EVENTS_PATH, *BODIES]),
    st.sampled_from(["gzip", "identity"]),
)
def test_no_bytes_bring_a_hub_down(shared: House, body: bytes, path: str, encoding: str) -> None:
    """Neither as JSON nor as gzip."""
    peer = shared.user() if path.endswith("commands") else shared.connector
    headers = {"Content_Encoding": encoding, "Content_Type": wire.BATCH_TYPE}
    understood(peer.ask("POST", path, body, **headers))


HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)


@settings(max_examples=100, deadline=None)
@given(HEADER, HEADER, st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_no_header_or_query_brings_a_hub_down(shared: House, run: str, order: str, query: str) -> None:
    """Each may hold anything that HTTP lets through."""
    understood(shared.connector.send([], Relay_Run=run))
    understood(shared.connector.send([], Relay_Acknowledged=order))
    for what in ("meetings", "outcomes", "presence"):
        for name in ("after", "limit", "changed_since"):
            answer = shared.user().ask("GET", f"/relay/v1/mailboxes/{MAILBOX}/{what}?{name}={query}")
            understood(answer)
    assert shared.connector.ask("POST", wire.HELLO_PATH, Authorization=run).status == 401
