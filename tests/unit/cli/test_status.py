"""``calendar-connector status``: words, widths, colours and codes."""

from __future__ import annotations

import io
import re
import threading
from typing import Any

import pytest
from rich.console import Console

from connector.cli import status as module
from connector.cli.status import picture
from tests.unit.cli.desk import Typist
from tests.unit.operations.bureau import Bureau, healthy

REMEDY = (
    "Put it into the management scope of the role assignment; in the Exchange Management Shell:"
    " Get-ManagementRoleAssignment -Role ApplicationImpersonation"
)
AWAY = "The server can't be reached."
ILL: dict[str, Any] = {
    "instance": "cal-01.example.com",
    "running": True,
    "healthy": False,
    "mode": "active",
    "started": "2026-11-21T09:00:00+00:00",
    "mailboxes": {"active": 24000, "error": 3, "loading": 12},
    "loading": {"mailboxes": 12, "percent": 40, "minutes_left": 3},
    "lag_seconds": 40,
    "outbox": {"waiting": 3, "dead_letters": 1, "oldest_seconds": 9},
    "epoch": 3,
    "hub": {"up": False, "since": "", "problem": AWAY},
    "streams": [
        {"source": "hq", "streams": 9, "streamed": 1700, "polled": 12, "broken": {"[red]group[/]": AWAY}}
    ],
    "budgets": [
        {
            "source": "brand",
            "minute": {"used": 555, "limit": 10_000},
            "user": {"used": 3, "limit": 600},
            "day": {"used": 800_000, "limit": 1_000_000},
            "look_seconds": 844,
        }
    ],
    "held": [{"source": "hq", "server": "https://mail.example.com/EWS", "problem": AWAY, "until": ""}],
    "alarms": [
        {
            "number": 203,
            "since": "2026-11-21T09:00:00+00:00",
            "sentence": "Mailboxes are not read any more: The service account may not open this mailbox.",
            "remedy": REMEDY,
            "count": 3,
        }
    ],
    "workers": {"all": 16, "busy": 2},
    "writes": "flowing",
    "config_digest": "d",
    "troubles": [
        {
            "address": "ada.augusta.king.countess.of.lovelace@subsidiary.example.com",
            "state": "error",
            "since": "2026-11-21T09:00:00+00:00",
            "problem": "The service account may not open this mailbox.",
        },
        {"address": "bob@example.com", "state": "moved to Exchange Online", "since": None, "problem": ""},
    ],
}


def drawn(facts: dict[str, Any], width: int, *, terminal: bool = False, **more: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, force_terminal=terminal, **more).print(picture(facts))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 180])
def test_everything_is_said_at_every_width(width: int) -> None:
    """No line is too long, no word is broken, nothing is left out; addresses and commands can be copied."""
    text = drawn(ILL, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for said in (
        "cal-01.example.com: not healthy",
        "mailboxes 24000 active, 3 error, 12 loading",
        "first load 12 mailboxes, 40 %, about 3 min left",
        "hq: 9 open for 1700 mailboxes, 12 polled; [red]group[/]: The server can't be reached.",
        "outbox 3 waiting, the oldest for 9 s, 1 dead letters",
        "hub not reached: The server can't be reached. (epoch 3)",
        "held hq https://mail.example.com/EWS: The server can't be reached.",
        "brand: 555 of 10000 in the last minute, 800000 of 1000000 in the last day",
        "the busiest user 3 of 600 a minute; calendars polled every 14 min",
        "writes flowing",
        "lag 40 s",
        "alarm 203 since 2026-11-21 09:00, 3 of them",
        "The service account may not open this mailbox.",
        REMEDY,
        "ada.augusta.king.countess.of.lovelace@subsidiary.example.com: error since 2026-11-21 09:00",
        "bob@example.com: moved to Exchange Online",
    ):
        assert said in words


def test_colours_only_where_they_are_wanted() -> None:
    """Without them the words alone say everything."""
    assert "\x1b[" in drawn(ILL, 80, terminal=True)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", drawn(ILL, 80, terminal=True, no_color=True))
    assert "\x1b" not in drawn(ILL, 80)


def test_a_healthy_daemon_in_words(typed: Typist, bureau: Bureau) -> None:
    """Exit code 0, a handful of lines, no line of what is not there."""
    bureau.active()
    bureau.sent()
    answer = typed("status")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "cal-01.example.com: healthy",
        "mailboxes   1 active",
        "streams     hq: 1 open for 1 mailboxes, 0 polled",
        "outbox      0 waiting",
        "hub         reached (epoch 1)",
        "writes      observing only",
    ]


def test_a_daemon_that_lacks_something(typed: Typist, bureau: Bureau) -> None:
    """Exit code 1, and what it is."""
    assert bureau.live is not None
    bureau.live.told = healthy(bureau.house.clock, hub={"up": None, "since": "", "problem": ""})
    answer = typed("status")
    assert answer.code == 1
    assert "cal-01.example.com: not healthy" in answer.out
    assert "hub         not reached: not yet greeted (epoch 1)" in answer.out


def test_no_daemon_at_all(typed: Typist) -> None:
    """Exit code 1, with what the files tell."""
    answer = typed("status")
    assert (answer.code, answer.err) == (1, "")
    assert answer.out.splitlines() == [
        "cal-01.example.com: not healthy, the daemon is not running",
        "mailboxes   none activated",
        "outbox      0 waiting",
        "writes      observing only",
    ]


def test_as_json(typed: Typist, bureau: Bureau) -> None:
    """The verb's own answer, with the same exit code."""
    answer = typed("status", "--json")
    assert (answer.code, answer.json) == (0, bureau.call("status"))


def test_watching_takes_a_terminal(typed: Typist, bureau: Bureau) -> None:
    """A log file is no place for a picture that changes; the sentence names the other way."""
    answer = typed("status", "--watch")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "--watch needs a terminal; with --json it prints one line every two seconds\n"


def test_watching_as_json_is_a_line_each_time(
    typed: Typist, bureau: Bureau, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until Ctrl-C."""
    times = iter([None, None])

    class Time:
        @staticmethod
        def sleep(_seconds: float) -> None:
            if next(times, "end") == "end":
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "time", Time)
    answer = typed("status", "--watch", "--json")
    assert len(answer.out.splitlines()) == 3


def test_many_may_ask_at_once(typed: Typist, bureau: Bureau) -> None:
    """A dashboard does no harm."""
    bureau.active()
    answers: list[dict[str, Any]] = []
    askers = [threading.Thread(target=lambda: answers.append(bureau.call("status"))) for _ in range(5)]
    for asker in askers:
        asker.start()
    assert typed("status", "--json").json["mailboxes"] == {"active": 1}
    for asker in askers:
        asker.join(20)
    assert len(answers) == 5
