"""Man pages, completion and catalogue say what the program is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.alarms.kinds import KINDS
from connector.cli.main import cli
from connector.config.models import Config
from connector.hub.cli.program import cli as hub
from connector.kms.cli.program import cli as kms
from scripts.packaging import completion, made, manual, roff
from scripts.packaging.catalogue import catalogue

DAY = date(2026, 11, 21)


def leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None:
            yield from leaves(found, (*path, name))


@pytest.mark.parametrize(("about", "command"), [(made.CONNECTOR, cli), (made.HUB, hub), (made.KMS, kms)])
def test_every_command_and_option_has_its_place(about: manual.About, command: click.Group) -> None:
    """A page names all commands of its program, each with the options of its own; hidden ones are the package's own."""
    page = manual.program(about, command, "1.0", DAY)
    for path, leaf in leaves(command):
        if leaf.hidden:
            continue
        assert f".SS {roff.text(' '.join(path))}" in page
        for option in leaf.params:
            if isinstance(option, click.Option):
                assert roff.text(option.opts[0]) in page


def test_every_key_has_its_place() -> None:
    """connector.yaml(5) names every key of the models' top."""
    page = manual.configuration("1.0", DAY)
    for name, field in Config.model_fields.items():
        assert f".B {roff.text(field.alias or name)}" in page


@given(st.text())
def test_no_text_is_taken_for_a_command(words: str) -> None:
    """Whatever a help text holds, no line of it begins like a request of roff, and no backslash stays bare."""
    for line in roff.text(words).splitlines():
        if line == roff.text(words).splitlines()[0]:
            assert not line.startswith((".", "'"))
    assert "\\" not in roff.text(words).replace("\\e", "").replace("\\-", "").replace("\\(aq", "").replace(
        "\\&", ""
    ).replace("\\fB", "").replace("\\fR", "")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_asks_the_program(shell: completion.Shell) -> None:
    """The script sets the variable that click answers to."""
    text = completion.script("calendar-connector", cli, shell)
    assert f"_CALENDAR_CONNECTOR_COMPLETE={shell}_complete" in text


def test_catalogue_explains_every_alarm() -> None:
    """Each MESSAGE_ID has one entry, with subject, sentence and remedy, and no fact is left in braces."""
    text = catalogue(KINDS)
    entries = dict(entry.split("\n", 1) for entry in text.removeprefix("-- ").split("\n-- "))
    assert list(entries) == [kind.message_id for kind in KINDS]
    for kind in KINDS:
        head, _, body = entries[kind.message_id].partition("\n\n")
        assert head.startswith(f"Subject: Alarm {kind.number}, {kind.name}\n")
        assert f"calendar-connector alarm explain {kind.number}" in body
        assert not set("{}") & set(body)


def test_a_day_makes_the_same_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the given time stands in what is generated: twice is the same."""
    day = datetime(2026, 11, 21, tzinfo=UTC)
    assert dict(made.pages(day)) == dict(made.pages(day))
