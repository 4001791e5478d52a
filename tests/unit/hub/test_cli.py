"""The program ``calendar-connector-hub``: its commands, and its manners when something is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connector.hub.cli import main
from connector.server import alone

ROOT = Path(__file__).resolve().parents[3]


class Shell:
    """Runs commands on one database and reads what they say."""

    def __init__(self, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.database = database
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--database", str(self.database)])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def json(self, *arguments: str) -> list[dict[str, object]]:
        code, out, _ = self(*arguments, "--json")
        assert code == 0
        return list(json.loads(out))


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """On a database that is not there yet."""
    return Shell(tmp_path / "hub.db", capsys)


def test_a_token_is_printed_alone(shell: Shell) -> None:
    """So that it can be piped into the connector's secret set; list shows it without its secret."""
    code, token, said = shell("token", "create", "--connector", "cal-01.example.com")
    assert (code, said) == (0, "")
    token_id = token.strip().split("_")[1]
    found = shell.json("token", "list")
    assert [(one["id"], one["connector"], one["opens"]) for one in found] == [
        (token_id, "cal-01.example.com", [])
    ]
    assert token.strip() not in json.dumps(found)
    assert json.loads(shell("token", "create", "--connector", "x", "--json")[1])["token"].startswith("cch_")


def test_a_users_token_opens_several(shell: Shell) -> None:
    """Mailbox ids and blind indexes mix."""
    shell("token", "create", "--user", "mb-1", "--user", "index-2")
    assert [one["opens"] for one in shell.json("token", "list")] == [["index-2", "mb-1"]]


def test_a_token_is_revoked_by_its_id(shell: Shell) -> None:
    """Once."""
    token_id = shell("token", "create", "--connector", "x")[1].split("_")[1]
    assert shell("token", "revoke", token_id)[0] == 0
    assert shell.json("token", "list") == []
    code, _, said = shell("token", "revoke", token_id)
    assert (code, said) == (2, f"There is no token {token_id}; token list shows them.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("token", "create"), "give either --enrolment NAME, --connector NAME or --user INDEX"),
        (("token", "create", "--connector", "a b"), "'a b' can't be a connector's name"),
        (("token", "create", "--user", "anna@example.com/x"), "can't be a mailbox id or blind index"),
        (("token", "list"), "There is no database"),
        (("status",), "There is no database"),
        (("run", "--listen", "nowhere"), "--listen nowhere is not HOST:PORT"),
        (("run", "--listen", "0.0.0.0:0"), "The hub needs --certificate and --key"),
        (("run", "--listen", "127.0.0.1:0", "--certificate", "/x.pem", "--key", "/x.pem"), "/x.pem"),
        (("run", "--config", "/nowhere.toml"), "/nowhere.toml"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(
    shell: Shell, arguments: tuple[str, ...], sentence: str
) -> None:
    """No traceback."""
    code, out, said = shell(*arguments)
    assert (code, out) == (2, "")
    assert sentence in said
    assert "Traceback" not in said


def test_connectors_are_listed_with_their_state(shell: Shell) -> None:
    """Never seen, and revoked when the last token is gone."""
    shell("token", "create", "--connector", "cal-01")
    found = shell.json("connector", "list")
    assert [(one["name"], one["state"], one["credentials"], one["seen"]) for one in found] == [
        ("cal-01", "never-seen", 1, None)
    ]
    assert "never-seen" in shell("connector", "list")[1]
    assert shell("connector", "revoke", "cal-01", "--erase", "--yes")[0] == 0
    assert [(one["state"], one["credentials"]) for one in shell.json("connector", "list")] == [("revoked", 0)]


def test_revoking_asks_first(shell: Shell) -> None:
    """Without a terminal it wants --yes; --dry-run does nothing; an unknown name is found out before."""
    shell("token", "create", "--connector", "cal-01")
    code, _, said = shell("connector", "revoke", "cal-01", "--erase")
    assert (code, said.startswith("this would revoke cal-01 and erase its lists")) == (2, True)
    code, _, said = shell("connector", "revoke", "cal-01", "--dry-run")
    assert (code, said) == (0, "dry run: would revoke cal-01\n")
    assert [one["credentials"] for one in shell.json("connector", "list")] == [1]
    assert shell("connector", "revoke", "cal-02", "--yes")[0] == 2


def test_status_is_1_when_no_hub_runs(shell: Shell) -> None:
    """And says how much there is."""
    shell("token", "create", "--user", "mb-1")
    code, out, _ = shell("status", "--json")
    facts = json.loads(out)
    assert (code, facts["running"], facts["user_tokens"], facts["silent_connectors"]) == (1, False, 1, 0)


def test_the_environment_names_the_database(tmp_path: Path) -> None:
    """A flag would win over it."""
    named = {"CALENDAR_CONNECTOR_HUB_DATABASE": str(tmp_path / "there.db")}
    done = _program(["token", "create", "--connector", "x"], named)
    assert (done.returncode, (tmp_path / "there.db").exists()) == (0, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_leaves_files_that_the_hubs_user_can_write() -> None:
    """Commands take the owner of the database's directory upon themselves."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        os.chown(directory, nobody, nobody)
        done = _program(["token", "create", "--connector", "x", "--database", str(directory / "hub.db")], {})
        assert (done.returncode, done.stderr) == (0, "")
        assert {one.stat().st_uid for one in directory.iterdir()} == {nobody}


def _program(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "connector.hub", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_second_hub_on_the_same_database_is_refused(shell: Shell) -> None:
    """Two processes would not wake each other's readers."""
    script = (
        "import sys; from pathlib import Path; from connector.server import alone\n"
        "with alone.only_one(Path(sys.argv[1]), 'hub'): print('held', flush=True); sys.stdin.read()"
    )
    holder = [sys.executable, "-c", script, str(shell.database)]
    with subprocess.Popen(
        holder, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert alone.is_running(shell.database)
        code, _, said = shell("run", "--listen", "127.0.0.1:0")
        assert (code, said) == (1, f"Another hub is running on {shell.database}.\n")
        other.communicate("")
    assert not alone.is_running(shell.database)
