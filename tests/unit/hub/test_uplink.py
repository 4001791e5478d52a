"""Hello and events: who is let in, how much is taken, and what is answered."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from connector.hub import tokens
from connector.hub.settings import Limits
from connector.model import EventKind
from connector.relay import strict, wire
from tests.contract.cloud import INSTANCE, MAILBOX, Events, sealed
from tests.unit.hub.office import House, code, house

HELLO = {"instance": INSTANCE, "run": "run-1", "epoch": 1, "sequence": 0, "version": "0.1.0"}


def test_a_wrong_token_says_nothing_about_itself(hub: House) -> None:
    """Unknown, misshapen, of another scheme or missing: one answer."""
    good = hub.connector.token
    for header in (
        "",
        "Bearer",
        f"Bearer {good}x",
        f"Bearer {good[:-1]}",
        f"Basic {good}",
        f"Bearer {'ä' * 60}",
    ):
        answer = hub.connector.ask("POST", wire.HELLO_PATH, strict.dump(HELLO), Authorization=header)
        assert code(answer) == (401, "credential-refused")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_is_worthless_at_once(hub: House) -> None:
    """No restart, no cache."""
    tokens.revoke(hub.database, hub.connector.token.split("_")[1])
    assert code(hub.connector.send([])) == (401, "credential-refused")


def test_the_database_holds_no_token(hub: House) -> None:
    """Whoever reads a backup can't speak for anybody."""
    secret = hub.connector.token.rpartition("cch_")[2].split("_", 1)[1]
    files = list(hub.database.path.parent.iterdir())
    assert files
    assert not any(secret.encode() in one.read_bytes() for one in files)


def test_a_users_token_does_not_send_and_a_connectors_does_not_read(hub: House) -> None:
    """Each opens its own half."""
    hub.connector.send([Events().put("m1")])
    user = hub.user()
    user.run = "run-1"
    assert code(user.send([])) == (403, "forbidden")
    assert code(user.poll()) == (403, "forbidden")
    assert code(hub.connector.get("")) == (403, "forbidden")
    assert code(hub.connector.get(f"/{MAILBOX}/meetings")) == (403, "forbidden")


def test_a_connector_greets_in_its_own_name(hub: House) -> None:
    """The credential says who speaks, not the message."""
    assert code(hub.connector.greet(instance="cal-02.example.com")) == (403, "forbidden")


@pytest.mark.parametrize("run", ["", "run-2", "no run"])
def test_a_run_that_is_not_known_is_asked_to_greet(hub: House, run: str) -> None:
    """After a restore of the hub, for instance."""
    assert code(hub.connector.send([], Relay_Run=run)) == (428, "greet-first")


def test_a_superseded_run_is_refused_everywhere(hub: House) -> None:
    """Hello, events and both ways down."""
    hub.connector.greet("run-2")
    assert code(hub.connector.greet("run-1")) == (409, "superseded")
    assert code(hub.connector.send([])) == (409, "superseded")
    assert code(hub.connector.poll()) == (409, "superseded")


def test_an_order_above_the_mark_is_answered_behind(hub: House) -> None:
    """The hub has forgotten what it acknowledged."""
    assert code(hub.connector.send([Events().put("m1")], Relay_Acknowledged="1.1")) == (412, "behind")
    assert hub.connector.send([Events().put("m1")], Relay_Acknowledged="0.0").status == 200
    assert hub.connector.send([], Relay_Acknowledged="1.1").status == 200


@pytest.mark.parametrize("text", ["", "1", "1.", "a.b", "1.2.3", "-1.2", "1" * 30 + ".1"])
def test_an_order_that_is_none_is_malformed(hub: House, text: str) -> None:
    """Not taken for the beginning."""
    assert code(hub.connector.send([], Relay_Acknowledged=text)) == (400, "malformed")


def test_limits_are_stated_in_every_answer(tmp_path: Path) -> None:
    """The connector need not guess how much to send."""
    with house(tmp_path, limits=Limits(batch=7, bytes=70_000)) as hub:
        welcome, receipt = hub.connector.greet().json(), hub.connector.send([]).json()
        assert (welcome["maxBatch"], welcome["maxBytes"]) == (7, 70_000)
        assert (receipt["maxBatch"], receipt["maxBytes"]) == (7, 70_000)


def test_more_events_than_the_limit_are_too_large(tmp_path: Path) -> None:
    """And none of them is applied."""
    with house(tmp_path, limits=Limits(batch=2)) as hub:
        hub.connector.greet()
        events = Events()
        assert code(hub.connector.send([events.put("a"), events.put("b"), events.put("c")])) == (
            413,
            "too-large",
        )
        assert code(hub.user().get(f"/{MAILBOX}/meetings")) == (404, "not-found")


@pytest.mark.parametrize("packed", [True, False])
def test_more_bytes_than_the_limit_are_too_large(tmp_path: Path, packed: bool) -> None:
    """Packed or not: unpacking stops at the limit, so that a bomb is only a big body."""
    with house(tmp_path, limits=Limits(bytes=70_000)) as hub:
        hub.connector.greet()
        bomb = b"[" + b" " * 50_000_000 + b"]"
        body = gzip.compress(bomb) if packed else bomb
        headers = {"Content_Encoding": "gzip"} if packed else {}
        assert code(hub.connector.raw(body, **headers)) == (413, "too-large")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b'[{"id": 7}]', b"[" * 100_000, b"\xff", b'[{"id":"e1"}', b"NaN"]
)
def test_a_body_that_is_no_batch_is_malformed(hub: House, body: bytes) -> None:
    """Nobody could be answered by id."""
    assert code(hub.connector.raw(body)) == (400, "malformed")


def test_a_cut_or_doubled_gzip_frame_is_malformed(hub: House) -> None:
    """What came is not what was sent."""
    whole = gzip.compress(b"[]")
    for body in (whole[:-3], whole + b"x", whole + whole, b"[]"):
        assert code(hub.connector.raw(body, Content_Encoding="gzip")) == (400, "malformed")
    assert code(hub.connector.raw(b"[]", Content_Encoding="br")) == (400, "malformed")


def test_another_content_type_is_malformed(hub: House) -> None:
    """A single CloudEvent or plain JSON is not a batch."""
    assert code(hub.connector.raw(b"[]", Content_Type="application/json")) == (400, "malformed")
    assert hub.connector.raw(b"[]", Content_Type=f"{wire.BATCH_TYPE}; charset=utf-8").status == 200


def test_one_malformed_event_does_not_stop_its_neighbours(hub: House) -> None:
    """It is refused by id; the others are taken."""
    events = Events()
    bad, good = events.make(EventKind.MEETING_PUT, {"start": 1}, "m1"), events.put("m2")
    foreign = wire.write_event(events.put("m3"), "urn:calendar-connector:somebody-else")
    source = wire.source_of(INSTANCE)
    body = json.dumps([wire.write_event(bad, source), foreign, wire.write_event(good, source)]).encode()
    receipt = hub.connector.raw(body).json()
    assert receipt["ack"] == [good.envelope.id]
    assert set(receipt["errs"]) == {bad.envelope.id, foreign["id"]}
    assert all(one == {"err": "malformed", "retry": False} for one in receipt["errs"].values())


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    """A connector gone wild keeps nobody else waiting."""
    with house(tmp_path, limits=Limits(connector_rate=1)) as hub:
        hub.connector.greet()
        answers = [hub.connector.send([]) for _ in range(12)]
        assert answers[0].status == 200
        assert code(answers[-1]) == (429, "busy")
        assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_database_in_trouble_is_passing_trouble(hub: House) -> None:
    """Nothing is acknowledged that is not durable, and the peer learns no more than that."""
    with hub.database.writing() as connection:
        connection.execute("ALTER TABLE taken RENAME TO lost")
    answer = hub.connector.send([Events().put("m1")])
    assert code(answer) == (503, "busy")
    assert b"lost" not in answer.body
    assert b"taken" not in answer.body


def test_a_fault_of_the_program_shows_nothing_of_itself(hub: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A problem document, never a traceback."""

    def fall(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(hub.office.ledger, "take", fall)
    answer = hub.connector.send([Events().put("m1")])
    assert code(answer) == (500, "fault")
    assert b"secret" not in answer.body


def test_unknown_paths_and_methods_are_problems_too(hub: House) -> None:
    """Whatever asks, gets a document it can read."""
    assert code(hub.connector.ask("GET", "/")) == (404, "not-found")
    assert code(hub.connector.ask("GET", wire.HELLO_PATH)) == (405, "wrong-method")
    assert code(hub.user().get("/a%2Fb/meetings")) == (404, "not-found")


def test_the_same_meeting_in_two_spellings_of_time_is_kept_as_it_came(hub: House) -> None:
    """The hub gives back the very members it was given, unknown ones too."""
    data = sealed("m1") | {"start": "2026-11-21T10:00:00+01:00", "later": {"x": [1.5, None, "å"]}}
    hub.connector.send([Events().make(EventKind.MEETING_PUT, data, "m1")])
    assert hub.user().get(f"/{MAILBOX}/meetings").json()["meetings"] == [data]
