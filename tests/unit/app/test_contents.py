"""What the rest of the program finds wrong in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app.contents import examine, invitations
from connector.config import load
from connector.errors import ConfigError
from connector.model import JoinDetails
from connector.rules import joining
from tests.unit.app.ground import write


def refused(root: Path, more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        examine(load(write(root, more)))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ("join_rules:\n  x: {hosts: [a.b], pattern: '(a+)+$'}\n", "join_rules.x.pattern", "repetition"),
        ("invitation:\n  language: tlh\n", "invitation.language", "there is no language tlh"),
    ],
)
def test_a_problem_stands_at_its_line(tmp_path: Path, more: str, key: str, words: str) -> None:
    """A pattern that could run away and an unknown language are named with file and line."""
    (sentence,) = refused(tmp_path, more)
    lines = (tmp_path / "connector.yaml").read_text().splitlines()
    assert sentence.startswith(f"{tmp_path}/connector.yaml:{len(lines)}: {key}")
    assert words in sentence


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("block.html.jinja", b"\n{{ hostPin }}", "block.html.jinja:2: there is no hostPin"),
        ("block.html.jinja", b"{% if %}", "block.html.jinja:1: this is no template"),
        ("header.sv.txt", b"x" * 1025, "header.sv.txt: a header has at most 1024 characters"),
        ("header.txt", b"\xff", "header.txt: the file is not UTF-8"),
        ("notes.doc", b"x", "notes.doc: this file is no part of a join block"),
    ],
)
def test_a_file_of_the_templates_folder_is_tried(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    """A template with an undefined name, a header that is too long and strange files are one sentence each."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / name).write_bytes(content)
    found = refused(tmp_path, f"invitation: {{templates: {folder}}}\n")
    assert len(found) == 1
    assert f"{folder}/{words}" in found[0]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Rules and invitations are both looked at."""
    assert (
        len(
            refused(
                tmp_path, "join_rules: {x: {hosts: [a.b], pattern: '(a+)+$'}}\ninvitation: {language: tlh}"
            )
        )
        == 2
    )


def test_what_is_configured_counts(tmp_path: Path) -> None:
    """Language, parts and files reach the block that is written."""
    (tmp_path / "footer.txt").write_text("Ask the help desk.")
    folder = tmp_path / "texts"
    folder.mkdir()
    (tmp_path / "footer.txt").rename(folder / "footer.txt")
    more = f"invitation: {{language: sv, templates: {folder}, parts: {{phone: false}}}}\n"
    loaded = load(write(tmp_path, more))
    examine(loaded)
    made = invitations(loaded.config, joining(loaded.config))
    assert made.language_for("fr-FR", None) == "sv"
    written = made.put("", JoinDetails("https://vc.example.com/1", access_code="4711"), "sv", is_html=False)
    assert "Ask the help desk." in str(written)
    assert "4711" not in str(written)
