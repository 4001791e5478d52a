"""``calendar-connector writes``, ``deadletter``, ``alarm`` and ``audit``."""

from __future__ import annotations

import json

import pytest

from connector.alarms import KINDS
from connector.model import Envelope, EventKind
from connector.sync import gate
from tests.contract.store_nouns import commit
from tests.unit.cli.desk import Answer, Typist
from tests.unit.operations.bureau import Bureau, healthy


def test_writes_are_shown_and_released(typed: Typist, bureau: Bureau) -> None:
    """Whether they flow, the latest of them, and the way on after the brake."""
    ada = bureau.active()
    gate.admit(bureau.house.context, ada, "keyword", {"item": "i1"})
    answer = typed("writes", "show")
    assert answer.err == "observing only\n"
    assert '"item": "i1"' in answer.out
    assert "ada@example.com" in answer.out
    bureau.house.store.put_setting("brake", json.dumps({"stopped": bureau.house.clock().isoformat()}))
    assert typed("writes", "release") == Answer(0, "", "writes flow again\n")
    assert typed("writes", "release") == Answer(0, "", "writes were not stopped\n")


@pytest.fixture
def letter(bureau: Bureau) -> str:
    """One event that the hub refused for good."""
    ada = bureau.active()
    bureau.sent()
    dead = Envelope("dead-1", EventKind.MEETING_PUT, ada.id, {}, "m")
    commit(bureau.house.store, ada.id, envelopes=(dead,))
    bureau.house.store.bury("dead-1", "hub-refused", bureau.house.clock())
    return "dead-1"


def test_dead_letters_are_shown_retried_and_dropped(typed: Typist, bureau: Bureau, letter: str) -> None:
    """Dropping asks first; an unknown one is refused with exit code 2."""
    (row,) = typed("deadletter", "list", "--json").json
    assert (row["event"], row["problem"]) == (letter, "The hub will not take this event.")
    assert "mailbox: ada@example.com" in typed("deadletter", "show", letter).out
    for verb in (("show",), ("retry",), ("drop", "--yes")):
        assert typed("deadletter", verb[0], "nope", *verb[1:]).code == 2
    assert typed("deadletter", "drop", letter).code == 2
    assert typed("deadletter", "drop", letter, "--dry-run").code == 0
    assert len(bureau.call("deadletter.list")) == 1
    assert typed("deadletter", "retry", letter).err == "ada@example.com is read afresh and sent again\n"
    assert typed("deadletter", "list", "--json").json == []


def test_a_dead_letter_is_dropped(typed: Typist, bureau: Bureau, letter: str) -> None:
    """With a yes."""
    assert typed("deadletter", "drop", letter, "--yes") == Answer(0, "", "dropped\n")


def test_alarms_that_stand_are_an_exit_code(typed: Typist, bureau: Bureau) -> None:
    """0 when there is none, 1 when there is one."""
    assert typed("alarm", "list").code == 0
    assert bureau.live is not None
    alarm = {
        "number": 305,
        "sentence": "The hub …",
        "remedy": "See",
        "since": "now",
        "count": 1,
        "subjects": ["a@example.com"],
    }
    bureau.live.told = healthy(bureau.house.clock, alarms=[alarm])
    answer = typed("alarm", "list", "--json")
    assert (answer.code, answer.json[0]["number"]) == (1, 305)


def test_every_alarm_can_be_explained(typed: Typist) -> None:
    """By its number, daemon or not; an unknown one is refused with those there are."""
    for kind in KINDS:
        answer = typed("alarm", "explain", str(kind.number), "--json")
        assert (answer.code, answer.json["message id"]) == (0, kind.message_id)
    answer = typed("alarm", "explain", "999")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("there is no alarm 999; there are 101, ")
    assert typed("alarm", "explain", "many").code == 2


def test_the_trail_is_listed_exported_and_verified(typed: Typist, bureau: Bureau) -> None:
    """The newest first pages, all of it line by line, and the verdict with its code."""
    bureau.active()
    everything = bureau.call("audit.list", after=0)
    assert typed("audit", "list", "--json", "--limit", "2").json[-1]["number"] == everything[-1]["number"]
    assert typed("audit", "list", "--json", "--after", "0", "--limit", "1").json[0]["number"] == 1
    lines = typed("audit", "export").out.splitlines()
    assert [json.loads(line) for line in lines] == everything
    assert typed("audit", "verify") == Answer(0, "", "every row is as it was written\n")


def test_a_trail_that_was_changed_is_an_exit_code(typed: Typist) -> None:
    """1, with the number of the row."""
    bureau = Bureau()
    typed.serve(bureau, {"audit.verify": lambda: 17})
    answer = typed("audit", "verify")
    assert answer == Answer(1, "", "row 17 is not as it was written, or one before it is missing\n")
