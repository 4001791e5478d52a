"""``calendar-connector roster``."""

from __future__ import annotations

import pytest

from connector.model import Phase
from tests.unit.cli.desk import Answer, Typist
from tests.unit.operations.bureau import Bureau


@pytest.fixture
def named(bureau: Bureau) -> Bureau:
    """Two mailboxes are named, one of them in no domain of ours."""
    bureau.house.source.calendar("ada@example.com")
    bureau.staff.named = ("ada@example.com", "x@elsewhere.example")
    return bureau


def test_a_plan_is_a_table(typed: Typist, named: Bureau) -> None:
    """Line by line; nothing is changed."""
    header, first, second = typed("roster", "plan").out.splitlines()
    assert header.split() == ["ACTION", "ADDRESS", "ORIGIN"]
    assert first.split() == ["activate", "ada@example.com", "staff"]
    assert second.split() == ["refuse", "(domain)", "x@elsewhere.example"]
    assert named.house.store.mailboxes() == ()


def test_a_run_shows_what_it_did(typed: Typist, named: Bureau) -> None:
    """The same table; a second one has nothing to do."""
    named.staff.named = ("ada@example.com",)
    assert "activate" in typed("roster", "sync").out
    assert typed("roster", "sync") == Answer(0, "", "nothing to change\n")
    (row,) = typed("roster", "list", "--json").json
    assert row == {"address": "ada@example.com", "origin": "staff", "policy": "staff", "left": ""}


def test_a_dry_run_is_a_plan(typed: Typist, named: Bureau) -> None:
    """Nothing is changed."""
    assert "activate" in typed("roster", "sync", "--dry-run").out
    assert named.house.store.mailboxes() == ()


def test_too_much_at_once_needs_force_and_a_yes(typed: Typist, bureau: Bureau) -> None:
    """The refusal has exit code 1 and says how to look and how to go on; force asks first."""
    bureau.staff.named = tuple(f"u{number}@example.com" for number in range(20))
    bureau.call("roster.sync")
    bureau.staff.named = ("u0@example.com",)
    answer = typed("roster", "plan")
    assert (answer.code, len(answer.out.splitlines())) == (0, 20)
    assert "19 changes at once are more than max_change allows" in answer.err
    answer = typed("roster", "sync")
    assert (answer.code, answer.out) == (1, "")
    assert "calendar-connector roster plan shows them, roster sync --force makes them" in answer.err
    assert typed("roster", "sync", "--force").code == 2
    assert bureau.house.store.count_mailboxes(Phase.PAUSED) == 0
    assert typed("roster", "sync", "--force", "--yes").code == 0
    assert bureau.house.store.count_mailboxes(Phase.PAUSED) == 19


def test_an_unreadable_place_is_one_sentence(typed: Typist, bureau: Bureau) -> None:
    """And exit code 1."""
    bureau.staff.named = None
    for verb in ("plan", "sync"):
        assert typed("roster", verb) == Answer(1, "", "the place can't be read\n")
