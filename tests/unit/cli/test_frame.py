"""What every command owes its caller: exit codes, streams, and a sentence instead of a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from connector.cli import main
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.cli.output import Output
from connector.errors import KeystoreError, StoreError, UserError


def program(failure: BaseException | None = None, code: int | None = None) -> click.Command:
    @click.command()
    @common_options
    def command(frame: Frame) -> int | None:
        if failure is not None:
            raise failure
        return code

    return command


@pytest.mark.parametrize(("code", "seen"), [(None, 0), (0, 0), (1, 1), (2, 2)])
def test_a_command_returns_its_exit_code(code: int | None, seen: int) -> None:
    """What a command returns is the exit code; nothing returned is 0."""
    assert main.run(program(code=code), []) == seen


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (UserError("The sentence."), 1),
        (KeystoreError("The sentence."), 2),
        (StoreError("The sentence."), 2),
        (UsageRefused("The sentence."), 2),
    ],
)
def test_an_expected_error_is_one_sentence(
    failure: UserError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an administrator can mend is told on standard error without a traceback, with the error's own code."""
    assert main.run(program(failure), []) == code
    assert capsys.readouterr() == ("", "The sentence.\n")


def test_why_it_ended_is_an_error_in_the_journal(tmp_path: Path) -> None:
    """Lines on standard error that the journal takes carry their weight; a pipe or file gets the words alone."""
    code = "from connector.cli import main; raise SystemExit(main.main(['config', 'check', '--config', '/nowhere']))"
    for name, marked in (("journal", True), ("file", False)):
        with (tmp_path / name).open("w+") as stream:
            facts = os.fstat(stream.fileno())
            named = {"JOURNAL_STREAM": f"{facts.st_dev}:{facts.st_ino if marked else 1}"}
            subprocess.run(
                [sys.executable, "-c", code],
                stderr=stream,
                check=False,
                timeout=60,
                env={**os.environ, **named},
            )
        assert (tmp_path / name).read_text().startswith("<3>/nowhere: " if marked else "/nowhere: ")


def test_a_fault_keeps_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception is one sentence that says where the traceback went."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert main.run(program(RuntimeError("boom")), []) == 1
    told = capsys.readouterr().err
    assert told.startswith("this is a fault of the program (RuntimeError); the traceback is in ")
    kept = Path(told.split()[-1])
    assert "RuntimeError: boom" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("journal", [True, False])
def test_a_fault_shows_its_traceback_where_it_is_wanted(
    journal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --debug, and under systemd, the traceback goes to standard error."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:1") if journal else monkeypatch.delenv(
        "JOURNAL_STREAM", raising=False
    )
    assert main.run(program(RuntimeError("boom")), [] if journal else ["--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends a command without a word."""
    assert main.run(program(KeyboardInterrupt()), []) == 1
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nonsense"], ["config", "check", "--nonsense"], []])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option, an unknown command and no command at all are wrong usage."""
    assert main.main(arguments) == 2
    assert "Usage: calendar-connector" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["config", "check", "-h"]])
def test_help_ends_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Asking for help or the version is no error."""
    assert main.main(arguments) == 0
    assert "calendar-connector" in capsys.readouterr().out


def test_a_misspelt_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    """A command close to one there is is answered with that one."""
    assert main.main(["confgi", "check"]) == 2
    assert "did you mean config?" in capsys.readouterr().err


def test_every_registered_command_is_there() -> None:
    """The table of commands names modules that exist, and every command has the common options."""
    for name in main.COMMANDS:
        command = main.cli.get_command(click.Context(main.cli), name)
        assert command is not None
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            options = {option for parameter in leaf.params for option in parameter.opts}
            assert {"--config", "--json", "--quiet", "--no-color"} <= options, leaf.name


def test_a_closed_pipe_is_quiet() -> None:
    """A reader that goes away gets no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from connector.cli.main import main; sys.exit(main())",
                "config",
                "sample",
            ],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


def test_letters_that_the_terminal_lacks_do_no_harm() -> None:
    """Under an encoding that can't show a letter, it is written as an escape."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from connector.cli.main import main; sys.exit(main())",
            "config",
            "check",
            "--config",
            "/ö",
        ],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"\\xf6: there is no such file" in done.stderr


# --- output --------------------------------------------------------------------------------------


def test_a_table_is_aligned_by_what_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns line up, also behind wide letters; nothing is cut off and no line ends in blanks."""
    Output().table(["name", "last error"], [["会議", None], ["hq", True], ["x" * 100, ["a", "b"]]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{'NAME':<100}  LAST ERROR"
    assert lines[1] == "会議" + " " * 98 + "-"
    assert lines[2] == f"{'hq':<100}  yes"
    assert lines[3] == f"{'x' * 100}  a, b"


def test_a_table_as_json_is_a_list_of_objects(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json rows are objects keyed by the columns' names, empty tables are empty lists."""
    Output(json=True).table(["name", "last error"], [["hq", None]])
    Output(json=True).table(["name"], [])
    assert capsys.readouterr().out == '[\n  {\n    "name": "hq",\n    "last_error": null\n  }\n]\n[]\n'


def test_a_record_is_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One thing is printed as name and value, or as a JSON object."""
    Output().record({"name": "hq", "paused": False, "until": None})
    assert capsys.readouterr().out == "name:   hq\npaused: no\nuntil:  -\n"
    Output(json=True).record({"name": "hq"})
    assert json.loads(capsys.readouterr().out) == {"name": "hq"}


def test_messages_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Results and messages never mix; --quiet silences messages, not warnings."""
    Output().say("done")
    Output(quiet=True).say("done")
    Output(quiet=True).warn("look")
    assert capsys.readouterr() == ("", "done\nwarning: look\n")


def test_no_progress_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches, progress prints nothing."""
    with Output().progress("loading", 2) as step:
        step(1)
        step(1)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("color", "variable", "styled"), [(True, None, True), (False, None, False), (True, "1", False)]
)
def test_colour_needs_a_terminal_and_consent(
    color: bool, variable: str | None, styled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal gets colour unless --no-color or NO_COLOR says otherwise."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if variable:
        monkeypatch.setenv("NO_COLOR", variable)
    Output(color=color).warn("look")
    assert ("\x1b[" in terminal.getvalue()) is styled


# --- consent -------------------------------------------------------------------------------------


def erase() -> tuple[click.Command, list[str]]:
    done: list[str] = []

    @click.command()
    @asks_first
    @common_options
    def command(frame: Frame, *, consent: Consent) -> None:
        if consent.given(frame.out, "erase 3 mailboxes"):
            done.append("erased")

    return command, done


def test_what_deletes_needs_a_yes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal to ask at, a deed needs --yes; the refusal names it and ends with 2."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    command, done = erase()
    assert main.run(command, []) == 2
    assert "this would erase 3 mailboxes; add --yes" in capsys.readouterr().err
    assert main.run(command, ["--yes"]) == 0
    assert done == ["erased"]


def test_a_dry_run_only_tells(capsys: pytest.CaptureFixture[str]) -> None:
    """With --dry-run nothing is done, even beside --yes."""
    command, done = erase()
    assert main.run(command, ["--dry-run", "--yes"]) == 0
    assert capsys.readouterr().err == "dry run: would erase 3 mailboxes\n"
    assert done == []


@pytest.mark.parametrize(("typed", "deeds"), [("y\n", ["erased"]), ("n\n", []), ("\n", [])])
def test_at_a_terminal_it_asks(typed: str, deeds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal the question is put, and only a clear yes counts."""

    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Typed(typed))
    command, done = erase()
    assert main.run(command, []) == 0
    assert done == deeds
