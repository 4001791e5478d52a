"""``calendar-connector join`` as an administrator and as a table of cases meets it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from connector.config import sample

ZOOM = "https://zoom.us/j/9246813570"


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


Call = Callable[..., Answer]


class Stdin:
    """Standard input made of bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def called(*arguments: object, given: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", Stdin(given.encode()))
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return called


def lines(*cases: object) -> str:
    return "".join(json.dumps(case) + "\n" for case in cases)


def answers(answer: Answer) -> list[Any]:
    return [json.loads(line) for line in answer.out.splitlines()]


def test_a_table_is_answered_line_by_line(call: Call) -> None:
    """One case a line in, one answer a line out, null where there is none."""
    given = lines(
        {"kind": "url", "input": ZOOM},
        {"kind": "event", "input": {"body": "nothing"}},
        {"kind": "dial_string", "input": "4711@video.example.com"},
    )
    answer = call("join", "test", "--jsonl", given=given)
    assert answer.code == 0
    assert answers(answer) == [
        {
            "service": "zoom",
            "link": ZOOM,
            "sip": "9246813570@zoomcrc.com",
            "meeting_id": "9246813570",
            "passcode": None,
            "rule": "zoom: meeting, in the event's own address",
        },
        {"service": None, "link": None, "sip": None, "meeting_id": None, "passcode": None, "rule": None},
        {
            "service": "sip",
            "link": None,
            "sip": "4711@video.example.com",
            "meeting_id": None,
            "passcode": None,
            "rule": "dialled address",
        },
    ]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", '{"kind": "nosuch", "input": {}}', '{"kind": "ics", "input": 1}', "[" * 50_000],
)
def test_a_line_that_is_no_case_is_answered_too(call: Call, line: str) -> None:
    """The answers keep step with the lines; the bad one says what is wrong, and the code is 1."""
    answer = call("join", "test", "--jsonl", given=f"{line}\n" + lines({"kind": "url", "input": ZOOM}))
    first, second = answers(answer)
    assert answer.code == 1
    assert first["error"]
    assert first["service"] is None
    assert second["link"] == ZOOM


def test_links_are_unwrapped_line_by_line(call: Call) -> None:
    """An address, a text, the source of a page; the option percent-decodes."""
    safe = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa%2520b"
    given = lines(
        {"input": safe},
        {"input": f"see {safe}&data=x.", "text": True},
        {"input": f"{safe}&amp;data=x", "html": True},
        {"input": safe, "option": "unquote"},
        {"input": 1},
    )
    answer = call("join", "unwrap", "--jsonl", given=given)
    assert [each["output"] for each in answers(answer)] == [
        "https://example.com/a%20b",
        "see https://example.com/a%20b.",
        "https://example.com/a%20b",
        "https://example.com/a b",
        None,
    ]
    assert answer.code == 1


def test_a_text_is_unwrapped(call: Call) -> None:
    """Without --jsonl standard input is a running text."""
    given = "see https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2F.\nBye\n"
    assert call("join", "unwrap", given=given) == Answer(0, "see https://example.com/.\nBye\n", "")


MAIL = """\
From: ada@example.com
Subject: Weekly
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain; charset=utf-8

no link here
--b
Content-Type: text/html; charset=utf-8

<a href="https://whereby.com/ada">Join</a>
--b
Content-Type: text/calendar; charset=utf-8; method=REQUEST

BEGIN:VCALENDAR
BEGIN:VEVENT
LOCATION:https://zoom.us/j/92468
 13570
END:VEVENT
END:VCALENDAR
--b--
"""


def test_a_mail_is_shown_with_ranks_and_the_rule_that_wins(call: Call, tmp_path: Path) -> None:
    """The calendar of the mail, its page and its words all count."""
    file = tmp_path / "mail.eml"
    file.write_text(MAIL)
    answer = call("join", "test", "--file", file)
    assert answer.code == 0
    assert "1     zoom     https://zoom.us/j/9246813570  zoom: meeting, in the location" in answer.out
    assert "2     whereby  https://whereby.com/ada" in answer.out
    assert answer.out.endswith("by:            zoom: meeting, in the location\n")


def test_the_same_as_json(call: Call) -> None:
    """With --json the candidates and the choice are one document."""
    document = json.loads(
        call("join", "test", "--json", given=f"BEGIN:VCALENDAR\nLOCATION:{ZOOM}\nEND:VCALENDAR").out
    )
    assert document["join"]["url"] == ZOOM
    assert [each["service"] for each in document["candidates"]] == ["zoom"]


def test_nothing_found_is_said(call: Call) -> None:
    """Exit code 1 and a sentence."""
    assert call("join", "test", given="nothing") == Answer(1, "no way in was found\n", "")


def test_a_link_that_mimecast_hides_is_said(call: Call) -> None:
    """What can't be read is not silently left out."""
    answer = call("join", "test", given="https://protect-eu.mimecast.com/s/AbC?domain=zoom.us")
    assert "Mimecast rewrote a link so that it can't be read here; it says it leads to zoom.us" in answer.err


def test_rules_of_the_configuration_count(call: Call, tmp_path: Path) -> None:
    """An administrator tries a rule before it is in force."""
    config = tmp_path / "connector.yaml"
    rule = "join_rules:\n  own: {hosts: [a.example], pattern: '^/(?P<id>\\d+)', dial: '{id}@a.example'}\n"
    config.write_text(f"{sample()}state: {tmp_path}\n{rule}")
    given = lines({"kind": "url", "input": "https://a.example/4711"})
    found = answers(call("join", "test", "--jsonl", "--config", config, given=given))
    assert found[0]["service"] == "own"
    assert found[0]["sip"] == "4711@a.example"


def test_a_rule_that_could_run_away_is_one_sentence(call: Call, tmp_path: Path) -> None:
    """Usage and configuration faults end with 2."""
    config = tmp_path / "connector.yaml"
    config.write_text(
        f"{sample()}state: {tmp_path}\njoin_rules:\n  bad: {{hosts: [a.example], pattern: '^/(a+)+$'}}\n"
    )
    answer = call("join", "test", "--config", config)
    assert answer.code == 2
    assert answer.err.startswith("join_rules.bad.pattern repeats a repetition")
    assert answer.err.count("\n") == 1


def test_a_file_that_is_not_there_is_one_sentence(call: Call, tmp_path: Path) -> None:
    """No traceback for a wrong name."""
    answer = call("join", "test", "--file", tmp_path / "none.eml")
    assert answer.code == 2
    assert (
        answer.err
        == f"{tmp_path}/none.eml can't be read (No such file or directory); name a file, or - for standard input\n"
    )


def test_the_help_describes_the_forms(call: Call) -> None:
    """Whoever makes a table needs no other page."""
    out = call("join", "test", "--help").out
    for word in ("google_event", "ics", "dial_string", "hangoutLink", "meeting_id"):
        assert word in out
