"""Words for every code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from connector.reasons import REASONS, explain

ROOT = Path(__file__).resolve().parents[2] / "connector"
RAISED = frozenset(
    {
        "AccessDenied",
        "Conflict",
        "CredentialRefused",
        "CursorExpired",
        "KeyWithheld",
        "MailboxMoved",
        "Quarantined",
        "Refused",
        "Superseded",
        "Throttled",
        "Transient",
        "Unreadable",
    }
)


def raised_codes() -> Iterator[str]:
    """The literal codes with which verdicts are made anywhere in the product."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                place = 1 if node.func.id == "Quarantined" else 0
                if len(node.args) > place and isinstance(code := node.args[place], ast.Constant):
                    yield str(code.value)


def test_every_code_has_words() -> None:
    """An administrator never reads a bare code."""
    assert set(raised_codes()) - REASONS.keys() == set()


def test_words_are_sentences() -> None:
    """Each says what is the matter, and ends like a sentence."""
    assert [code for code, reason in REASONS.items() if not reason.sentence.endswith(".")] == []


def test_an_unknown_code_stands_for_itself() -> None:
    """A newer peer's word is shown rather than nothing."""
    assert explain("brand-new").sentence == "brand-new"
