"""``calendar-connector source``."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Answer, Typist
from tests.unit.operations.bureau import Bureau, FakeRedirect


def test_sources_are_listed_and_shown(typed: Typist, bureau: Bureau) -> None:
    """One line each; in full with its way."""
    bureau.active()
    (row,) = typed("source", "list", "--json").json
    assert row == {"name": "hq", "type": "exchange", "mailboxes": 1, "active": 1, "state": "reachable"}
    shown = typed("source", "show", "hq").out
    assert "way:       Autodiscover" in shown
    assert typed("source", "show", "hp").err == "there is no source hp; the configuration has: hq\n"


def test_a_source_is_paused_and_resumed(typed: Typist, bureau: Bureau) -> None:
    """For two hours, or a month when nothing is said."""
    assert typed("source", "pause", "hq", "--for", "2h") == Answer(
        0, "", "hq is left alone until 2026-11-21 11:00 UTC\n"
    )
    assert typed("source", "resume", "hq") == Answer(0, "", "hq goes on\n")
    assert "until 2026-12-21" in typed("source", "pause", "hq").err


@pytest.mark.parametrize("span", ["2", "soon", "-1h", "0s", "2h30"])
def test_a_wrong_span_is_refused(typed: Typist, bureau: Bureau, span: str) -> None:
    """One sentence, and nothing is paused."""
    answer = typed("source", "pause", "hq", f"--for={span}")
    assert answer.code in {1, 2}
    assert answer.err.count("\n") == 1
    assert bureau.house.engine.holds.all() == {}


def test_pausing_takes_a_daemon(typed: Typist) -> None:
    """Alone there is nothing to pause."""
    for verb in ("pause", "resume", "unsubscribe"):
        answer = typed("source", verb, "hq")
        assert answer == Answer(1, "", "this needs the running daemon: systemctl start calendar-connector\n")


def test_redirects_are_shown_and_allowed(typed: Typist, bureau: Bureau) -> None:
    """Where each would lead; allowing one that is not pending is refused."""
    assert typed("source", "redirects", "hq") == Answer(0, "", "no redirect is pending\n")
    target, now = "https://mail.other.example/autodiscover", bureau.house.clock()
    bureau.pending.waiting = [FakeRedirect("mail.other.example", target, "example.com", now)]
    header, row = typed("source", "redirects", "hq").out.splitlines()
    assert header.split() == ["HOST", "TARGET", "DOMAIN", "SEEN_AT"]
    assert row.startswith(f"mail.other.example  {target}  example.com")
    assert typed("source", "redirects", "hq", "--allow", "evil.example").code == 2
    assert typed("source", "redirects", "hq", "--allow", "mail.other.example").code == 0
    assert typed("source", "redirects", "hq", "--json").json == []


def test_subscriptions_are_given_back(typed: Typist, bureau: Bureau) -> None:
    """The number is told."""
    assert typed("source", "unsubscribe", "hq").err == "3 subscriptions were given back\n"
