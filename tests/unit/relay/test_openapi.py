"""The OpenAPI document and the code say the same: every message we write is valid by it, and sealed things too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from openapi_core import OpenAPI

from connector.model import Envelope, EventKind, Outcome, Presence, Queued, Result, SealedCommand
from connector.relay import wire
from connector.relay.base import Descent, Greeting, Receipt, Rejection, Welcome
from connector.seal.envelope import seal_meeting, seal_outcome, seal_presence
from tests.contract.cloud import JWE
from tests.contract.wire_hub import problem
from tests.unit.seal.samples import DIGESTS, KEY, MAILBOX, MEETING, NOW, SENDS_ALL

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "docs/relay.openapi.yaml").read_text()
)


def problems(name: str, value: Any) -> list[str]:
    """What the document has against a value as the schema of that name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    checker = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{list(one.absolute_path)}: {one.message}" for one in checker.iter_errors(value)]


DATA: dict[EventKind, dict[str, Any]] = {
    EventKind.MAILBOX_PUT: {"address": DIGESTS.address_index("a@example.com"), "revision": 1},
    EventKind.MAILBOX_GONE: {"erase": True},
    EventKind.SNAPSHOT_BEGIN: {"snapshot": "s1"},
    EventKind.SNAPSHOT_END: {"snapshot": "s1"},
    EventKind.MEETING_PUT: seal_meeting(MEETING, KEY, MAILBOX, "m1", 1, SENDS_ALL, DIGESTS),
    EventKind.MEETING_GONE: {"id": "m1", "revision": 1},
    EventKind.PRESENCE_PUT: seal_presence(Presence(away=True, text="x"), KEY, MAILBOX, 1, SENDS_ALL),
    EventKind.COMMAND_OUTCOME: seal_outcome(Outcome("c1", Result.DONE), KEY, MAILBOX, 1),
}


def test_the_document_is_valid_openapi() -> None:
    """Openapi-core reads it, and would refuse it without a part that OpenAPI demands."""
    OpenAPI.from_dict(DOCUMENT)
    with pytest.raises(Exception, match="title"):
        OpenAPI.from_dict({**DOCUMENT, "info": {"version": "1"}})


@pytest.mark.parametrize("kind", EventKind)
def test_events_of_every_kind_are_as_described(kind: EventKind) -> None:
    """Envelope and data; a kind without its data would be found out."""
    meeting = "m1" if kind in (EventKind.MEETING_PUT, EventKind.MEETING_GONE) else None
    queued = Queued(Envelope(wire.uuid7(NOW), kind, MAILBOX, DATA[kind], meeting), 1, 1, NOW)
    event = wire.write_event(queued, wire.source_of("cal-01.example.com"))
    assert problems("Event", event) == []
    if kind is not EventKind.MAILBOX_GONE:
        assert problems("Event", {**event, "data": {}}) != []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Greeting", wire.write_greeting(Greeting("cal-01.example.com", "run-1", 1, 0, "0.1.0"))),
        ("Welcome", wire.write_welcome(Welcome(0, 0, wire.DEFAULT_BATCH, wire.DEFAULT_BYTES))),
        ("Receipt", wire.write_receipt(Receipt(("a",), {"b": Rejection("x", retry=False, stale=True)}))),
        (
            "Descent",
            wire.write_descent(Descent((SealedCommand("c", "m", JWE, NOW),), ("n",), (), "1"), more=True),
        ),
        ("Poll", wire.write_poll("118")),
        ("Problem", yaml.safe_load(problem(409, "superseded").body)),
    ],
)
def test_messages_are_as_described(name: str, value: dict[str, Any]) -> None:
    """What wire writes is what the document promises."""
    assert problems(name, value) == []


def test_all_paths_of_the_code_are_described() -> None:
    """No path without its description."""
    paths = {wire.HELLO_PATH, wire.EVENTS_PATH, wire.COMMANDS_PATH, wire.POLL_PATH}
    assert paths <= DOCUMENT["paths"].keys()
