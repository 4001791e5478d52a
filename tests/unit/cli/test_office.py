"""Where a verb is carried out: by the daemon, or by the command itself, and whose files it leaves."""

from __future__ import annotations

import os
import pwd
import socket
from pathlib import Path

import pytest

from connector.app.ground import open_ground
from connector.cli.office import as_owner, login
from connector.config import load
from tests.unit.cli.desk import Typist
from tests.unit.operations.bureau import Bureau

ROOT = os.geteuid() == 0
NOBODY = 65534


def test_a_running_daemon_is_asked(typed: Typist) -> None:
    """The files are not touched."""
    bureau = Bureau()
    typed.serve(bureau)
    bureau.house.source.calendar("ada@example.com")
    assert typed("mailbox", "activate", "ada@example.com").code == 0
    assert bureau.mailbox("ada@example.com").policy == "staff"
    assert not (typed.root / "state").exists()


def test_without_a_daemon_the_files_are_opened(typed: Typist) -> None:
    """What is recorded is there for the next command, and the trail says whose it was."""
    assert typed("mailbox", "activate", "ada@example.com").code == 0
    assert typed("mailbox", "show", "ada@example.com", "--json").json["state"] == "requested"
    (row,) = typed("audit", "list", "--json").json
    assert (row["action"], row["actor"]) == ("mailbox.activate", login())


def test_before_the_first_start_everything_is_made(typed: Typist) -> None:
    """State directory, keystore and database, readable by their owner alone."""
    assert typed("mailbox", "list", "--json").json == []
    state = typed.root / "state"
    assert {one.name for one in state.iterdir()} >= {"connector.db", "keystore.json", "master.key"}
    assert {one.stat().st_mode & 0o077 for one in state.iterdir()} == {0}


def test_a_daemon_that_went_away_leaves_no_trace(typed: Typist) -> None:
    """Its socket's remains are no daemon."""
    (typed.root / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as orphan:
        orphan.bind(str(typed.root / "run" / "control.sock"))
    assert typed("mailbox", "list").code == 0


@pytest.mark.skipif(not ROOT, reason="only root works as somebody else")
def test_root_leaves_no_file_of_its_own(typed: Typist) -> None:
    """The service must be able to open what an administrator's command made, first of all the database."""
    for directory in (typed.root, *typed.root.parents[:3]):
        directory.chmod(0o755)
    state = typed.root / "state"
    state.mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    assert typed("mailbox", "activate", "ada@example.com").code == 0
    assert typed("mailbox", "list", "--json").json[0]["address"] == "ada@example.com"
    assert {one.stat().st_uid for one in state.iterdir()} == {NOBODY}
    assert {one.stat().st_gid for one in state.iterdir()} == {NOBODY}
    assert os.geteuid() == os.getegid() == 0


@pytest.mark.skipif(not ROOT, reason="only root works as somebody else")
def test_root_is_root_again_whatever_happened(tmp_path: Path) -> None:
    """A fault inside does not leave the process somebody else."""
    os.chown(tmp_path, NOBODY, NOBODY)
    seen: list[tuple[int, int]] = []

    def fail() -> None:
        seen.append((os.geteuid(), os.getegid()))
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"), as_owner(tmp_path):
        fail()
    assert seen == [(NOBODY, NOBODY)]
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_missing_state_directory_is_nobodys(tmp_path: Path) -> None:
    """The process stays who it is."""
    before = os.geteuid()
    with as_owner(tmp_path / "state"):
        assert os.geteuid() == before


def test_the_actor_is_a_login() -> None:
    """A name of the user database, never a number or nothing."""
    assert pwd.getpwnam(login())


def test_a_database_in_use_is_one_sentence(typed: Typist) -> None:
    """Files a starting daemon holds already, although its socket is not there yet."""
    ground = open_ground(load(typed.path))
    try:
        answer = typed("mailbox", "list")
    finally:
        ground.store.close()
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1


def test_a_wrong_configuration_is_told_before_anything_is_touched(typed: Typist) -> None:
    """Exit code 2, with file and line."""
    typed.path.write_text(typed.path.read_text().replace("workers", "wokers"))
    answer = typed("mailbox", "list")
    assert answer.code == 2
    assert f"{typed.path}:" in answer.err
    assert not (typed.root / "state").exists()
