"""The downlink, by long poll and by web socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from connector.hub import tokens
from connector.hub.settings import Times
from connector.relay import strict, wire
from tests.contract.cloud import JWE, MAILBOX, Events
from tests.unit.hub.asgi import Socket
from tests.unit.hub.office import House, house

PATIENT = Times(hold=timedelta(seconds=15))


@pytest.fixture
def queue(hub: House) -> House:
    """A hub whose connector has told it of two mailboxes."""
    events = Events()
    hub.connector.send([events.put("m1"), events.put("m2", "mb-2")])
    return hub


@contextmanager
def line(
    hub: House, cursor: str = "", *, run: str = "run-1", protocol: str = wire.SUBPROTOCOL
) -> Iterator[Socket]:
    """The connector's web socket."""
    headers = hub.connector.all_headers(Relay_Run=run)
    with hub.client.socket(f"{wire.COMMANDS_PATH}?cursor={cursor}", headers, [protocol]) as socket:
        yield socket


@contextmanager
def opened(hub: House, cursor: str = "") -> Iterator[Socket]:
    """A web socket that was let in."""
    with line(hub, cursor) as socket:
        accepted = socket.get()
        assert (accepted["type"], accepted["subprotocol"]) == ("websocket.accept", wire.SUBPROTOCOL)
        yield socket


# --- long poll


def test_an_empty_poll_keeps_its_cursor(queue: House) -> None:
    """Whatever the cursor is."""
    for cursor in ("", "118", "7.0123456789ab"):
        found = queue.connector.poll(cursor).json()
        assert found == {"cursor": cursor, "commands": [], "nudge": [], "resync": [], "moreAvailable": False}


def test_a_held_poll_is_answered_by_a_command(tmp_path: Path) -> None:
    """Within milliseconds, not at the end of its time."""
    with house(tmp_path, times=PATIENT) as hub:
        hub.connector.greet()
        hub.connector.send([Events().put("m1")])
        body = strict.dump(wire.write_poll(""))
        held = hub.connector.begin("POST", wire.POLL_PATH, body)
        hub.user().give("c1")
        assert [one["id"] for one in held.result(10).json()["commands"]] == ["c1"]


def test_commands_come_in_portions(queue: House) -> None:
    """As many as the connector asks for; it is told that there are more."""
    user = queue.user()
    for name in ("c1", "c2", "c3"):
        user.give(name)
    first = queue.connector.poll(most=2).json()
    assert ([one["id"] for one in first["commands"]], first["moreAvailable"]) == (["c1", "c2"], True)
    second = queue.connector.poll(first["cursor"], most=2).json()
    assert ([one["id"] for one in second["commands"]], second["moreAvailable"]) == (["c3"], False)


def test_what_is_not_acknowledged_comes_again(queue: House) -> None:
    """An old or strange cursor acknowledges nothing that came after it."""
    user = queue.user()
    user.give("c1")
    first = queue.connector.poll().json()
    user.give("c2")
    for cursor in ("", "1", "999.0123456789ab"):
        assert [one["id"] for one in queue.connector.poll(cursor).json()["commands"]] == ["c1", "c2"]
    assert [one["id"] for one in queue.connector.poll(first["cursor"]).json()["commands"]] == ["c2"]
    assert [one["id"] for one in queue.connector.poll(first["cursor"]).json()["commands"]] == ["c2"]


def test_another_connectors_cursor_acknowledges_nothing(queue: House) -> None:
    """Each has its own queue."""
    queue.user().give("c1")
    cursor = queue.connector.poll().json()["cursor"]
    other = queue.another_connector("cal-02.example.com")
    other.run = "run-9"
    other.greet("run-9", instance="cal-02.example.com")
    assert other.poll(cursor).json()["commands"] == []
    assert len(queue.connector.poll().json()["commands"]) == 1


def test_a_message_stays_below_what_a_connector_reads(queue: House) -> None:
    """Long commands come in several messages."""
    user = queue.user()
    long = JWE + "A" * 1_000_000
    for number in range(9):
        assert user.give(f"c{number}", long).status == 202
    seen, cursor = [], ""
    for _ in range(5):
        answer = queue.connector.poll(cursor)
        assert len(answer.body) < strict.MAX_BODY
        found = answer.json()
        seen += [one["id"] for one in found["commands"]]
        cursor = found["cursor"]
    assert seen == [f"c{number}" for number in range(9)]


def test_a_nudge_comes_down_once(queue: House) -> None:
    """Several about one mailbox are one."""
    for mailbox in (MAILBOX, MAILBOX, "mb-2"):
        assert queue.user(mailbox).post(f"/relay/v1/mailboxes/{mailbox}/nudge", {}).status == 202
    assert queue.connector.poll().json()["nudge"] == [MAILBOX, "mb-2"]
    assert queue.connector.poll().json()["nudge"] == []


# --- web socket


def test_the_first_message_comes_at_once(queue: House) -> None:
    """Empty if there is nothing: so the connector knows that frames get through."""
    with opened(queue, "118") as socket:
        assert socket.hear() == {
            "cursor": "118",
            "commands": [],
            "nudge": [],
            "resync": [],
            "moreAvailable": False,
        }


def test_the_next_message_waits_for_the_acknowledgement(queue: House) -> None:
    """One is in flight at a time."""
    user = queue.user()
    with opened(queue) as socket:
        first = socket.hear()
        user.give("c1")
        user.give("c2")
        assert socket.silent()
        socket.say({"ack": first["cursor"]})
        second = socket.hear()
        assert [one["id"] for one in second["commands"]] == ["c1", "c2"]
        socket.say({"ack": second["cursor"]})
        user.give("c3")
        third = socket.hear()
        assert [one["id"] for one in third["commands"]] == ["c3"]
        socket.say({"ack": third["cursor"]})
        queue.user().post(f"/relay/v1/mailboxes/{MAILBOX}/nudge", {})
        assert socket.hear()["nudge"] == [MAILBOX]
    assert queue.connector.poll().json()["commands"] == []


def test_a_nudge_on_a_line_that_broke_comes_again(queue: House) -> None:
    """What was not acknowledged was not heard."""
    queue.user().post(f"/relay/v1/mailboxes/{MAILBOX}/nudge", {})
    with opened(queue) as socket:
        assert socket.hear()["nudge"] == [MAILBOX]
    assert queue.connector.poll().json()["nudge"] == [MAILBOX]


def test_the_cursor_of_the_address_acknowledges(queue: House) -> None:
    """What was made durable before the line broke does not come again."""
    user = queue.user()
    user.give("c1")
    cursor = queue.connector.poll().json()["cursor"]
    user.give("c2")
    with opened(queue, cursor) as socket:
        assert [one["id"] for one in socket.hear()["commands"]] == ["c2"]


@pytest.mark.parametrize(
    ("run", "protocol", "expected"),
    [
        ("run-9", wire.SUBPROTOCOL, (428, "greet-first")),
        ("", wire.SUBPROTOCOL, (428, "greet-first")),
        ("run-1", "chat", (400, "malformed")),
    ],
)
def test_an_upgrade_is_refused_with_a_problem(
    queue: House, run: str, protocol: str, expected: tuple[int, str]
) -> None:
    """The statuses of section 2, before the upgrade."""
    with line(queue, run=run, protocol=protocol) as socket:
        start, body = socket.get(), socket.get()
    assert start["type"] == "websocket.http.response.start"
    assert (start["status"], strict.load(body["body"])["code"]) == expected


def test_a_superseded_line_is_closed_at_once(queue: House) -> None:
    """With the code that ends the older copy."""
    with opened(queue) as socket:
        socket.say({"ack": socket.hear()["cursor"]})
        queue.connector.greet("run-2")
        assert socket.get() == {"type": "websocket.close", "code": wire.CLOSE_SUPERSEDED, "reason": ""}


def test_the_line_of_a_revoked_token_is_closed(queue: House) -> None:
    """At the next ping at the latest, or when there is something to say."""
    user = queue.user()
    with opened(queue) as socket:
        socket.say({"ack": socket.hear()["cursor"]})
        tokens.revoke(queue.database, queue.connector.token.split("_")[1])
        user.give("c1")
        assert socket.get()["code"] == wire.CLOSE_CREDENTIAL


@pytest.mark.parametrize("frame", ["", "[]", '{"ack": 7}', '{"ack": "another"}', "\ud800"])
def test_an_answer_that_is_none_ends_the_line(queue: House, frame: str) -> None:
    """Hub and connector do not mean the same message; nothing is acknowledged by it."""
    queue.user().give("c1")
    with opened(queue) as socket:
        socket.hear()
        socket.put({"type": "websocket.receive", "text": frame})
        assert socket.get()["type"] == "websocket.close"
    assert len(queue.connector.poll().json()["commands"]) == 1


def test_a_frame_that_nobody_asked_for_ends_the_line(queue: House) -> None:
    """A connector only answers."""
    with opened(queue) as socket:
        socket.say({"ack": socket.hear()["cursor"]})
        socket.say({"hello": 1})
        assert socket.get()["type"] == "websocket.close"


def test_a_message_that_is_not_acknowledged_ends_the_line(tmp_path: Path) -> None:
    """A connector that hangs gets a new line, and the message again."""
    with house(tmp_path, times=Times(acknowledge=timedelta(milliseconds=50))) as hub:
        hub.connector.greet()
        with opened(hub) as socket:
            socket.hear()
            assert socket.get()["type"] == "websocket.close"


def test_a_database_in_trouble_closes_the_line_for_now(queue: House) -> None:
    """Before the upgrade with 503, after it with "come back soon"."""
    with opened(queue) as socket:
        socket.say({"ack": socket.hear()["cursor"]})
        with queue.database.writing() as connection:
            connection.execute("ALTER TABLE commands RENAME TO lost")
        queue.user().post(f"/relay/v1/mailboxes/{MAILBOX}/nudge", {})
        assert socket.get()["code"] == 1012
    with queue.database.writing() as connection:
        connection.execute("ALTER TABLE superseded RENAME TO lost_too")
    with line(queue) as socket:
        assert socket.get()["status"] == 503
        socket.get()
