"""``calendar-connector secret`` as an administrator meets it: daemon running, stopped, never yet started."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connector.app.ground import open_keystore, open_store
from connector.cli.main import main
from connector.cli.secret import LIMIT
from connector.config import load, sample
from connector.control import SOCKET, Caller, ControlServer, Verb
from connector.keystore import Keystore

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration whose directories do not exist yet: nothing was ever started."""
    file = tmp_path / "connector.yaml"
    state = tmp_path / "state"
    file.write_text(
        f"{sample()}state: {state}\nruntime: {tmp_path}/run\nkeystore: {{master_key: {state}/master.key}}\n"
    )
    return file


@pytest.fixture
def call(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def called(*arguments: str, typed: str | bytes = "") -> Answer:
        data = typed.encode() if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main(["secret", *arguments, "--config", str(path)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return called


def keystore(path: Path) -> Keystore:
    return open_keystore(load(path).config)


@pytest.fixture
def daemon(path: Path) -> Iterator[list[str]]:
    """A running daemon's socket, with the keystore's verbs; the list says what was called."""
    calls: list[str] = []
    store = keystore(path)

    def change(caller: Caller, name: str, value: str | None = None) -> None:
        calls.append(f"{caller.name} {name}")
        if value is None:
            store.delete(name)
        else:
            store.set(name, value.encode())

    verbs = {
        "secret.set": Verb(change),
        "secret.delete": Verb(change),
        "secret.rekey": Verb(lambda _: calls.append("rekey")),
        "secret.list": Verb(lambda _: list(store.entries()), read_only=True),
    }
    server = ControlServer(load(path).config.runtime / SOCKET, verbs)
    server.open()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield calls
    server.close()
    thread.join(10)


def test_set_before_the_first_start(call: Call, path: Path) -> None:
    """A piped secret is kept without its line's end although nothing was ever started, and audited by name."""
    answer = call("set", "exchange/hq/a", typed=f"{PASSWORD}\n")
    assert answer == Answer(0, "", "secret exchange/hq/a is set\n")
    assert keystore(path).get("exchange/hq/a").text == PASSWORD
    config = load(path).config
    store = open_store(config, keystore(path))
    entries = [row.entry for row in store.audit_rows(0, 10)]
    store.close()
    assert [(entry.action, dict(entry.facts)) for entry in entries] == [
        ("secret.set", {"secret_name": "exchange/hq/a"})
    ]


def test_set_while_the_daemon_runs(call: Call, path: Path, daemon: list[str]) -> None:
    """With a running daemon the secret goes through its socket."""
    answer = call("set", "hub", typed=PASSWORD)
    assert answer == Answer(0, "", "secret hub is set; the running daemon has taken it up\n")
    assert [entry.partition(" ")[2] for entry in daemon] == ["hub"]
    assert keystore(path).get("hub").text == PASSWORD


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for somebody else")
def test_files_belong_to_the_owner_of_the_state_directory(call: Call, path: Path) -> None:
    """What root sets belongs to the service: keystore, master key, lock and database."""
    for directory in (path.parent, *path.parent.parents[:2]):
        directory.chmod(0o755)
    state = load(path).config.state
    state.mkdir()
    os.chown(state, 65534, 65534)
    assert call("set", "hub", typed=PASSWORD).code == 0
    assert call("rekey").code == 0
    assert {file.stat().st_uid for file in state.iterdir()} == {65534}
    assert {file.stat().st_mode & 0o077 for file in state.iterdir()} == {0}


def test_a_file(call: Call, path: Path, tmp_path: Path) -> None:
    """A key file of several lines is kept as it is, but for the last line's end."""
    key = tmp_path / "key.json"
    key.write_text('{\n "type": "service_account"\n}\n')
    assert call("set", "hub", "--file", str(key)).code == 0
    assert keystore(path).get("hub").text == '{\n "type": "service_account"\n}'


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("exchange/hq/b", "write exchange/hq/a"),
        ("Hub", "write hub"),
        ("zzzzzz", "write one of hub, exchange/hq/a"),
        ("local/kek", "the configuration needs no secret local/kek"),
    ],
)
def test_an_unknown_name_is_refused_before_anything_is_asked(call: Call, name: str, words: str) -> None:
    """A name the configuration does not need is answered with the nearest one, exit code 2."""
    answer = call("set", name, typed=PASSWORD)
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert PASSWORD not in answer.err


@pytest.mark.parametrize(
    "typed", ["", "\n", b"\xff\xfe", "x" * (LIMIT + 1)], ids=["nothing", "line", "bytes", "long"]
)
def test_what_is_no_secret(call: Call, path: Path, typed: str | bytes) -> None:
    """Nothing, no text and too much are refused with a sentence that repeats none of it, and nothing is written."""
    answer = call("set", "hub", typed=typed)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("the secret is ")
    assert answer.err.count("\n") == 1
    assert not load(path).config.keystore_path.exists()


def test_the_value_is_no_argument(call: Call) -> None:
    """A value on the command line, where anybody on the machine could read it, is wrong usage."""
    assert call("set", "hub", PASSWORD).code == 2


def test_list_names_what_is_set_missing_and_not_needed(call: Call, path: Path) -> None:
    """The list shows set, missing and superfluous secrets, without opening one."""
    keystore(path).set("hub", b"one")
    keystore(path).set("hub", b"two")
    keystore(path).set("proxy/old", b"three")
    keystore(path).local_key("kek")
    (path.parent / "state" / "master.key").unlink()
    rows = json.loads(call("list", "--json").out)
    assert [(row["name"], row["state"], row["version"]) for row in rows] == [
        ("hub", "set", 2),
        ("exchange/hq/a", "missing", None),
        ("proxy/old", "not needed", 1),
    ]
    assert rows[0]["set_at"].endswith("+00:00")
    text = call("list").out
    assert text.startswith("NAME")
    assert "missing" in text


def test_list_through_the_daemon(call: Call, daemon: list[str]) -> None:
    """Who may not read the keystore's file sees the same list through the socket."""
    before = call("list").out
    call("set", "hub", typed=PASSWORD)
    after = call("list").out
    assert (before.count("missing"), after.count("missing")) == (2, 1)


def test_list_without_any_keystore(call: Call) -> None:
    """Before the first secret all of them are missing."""
    assert {row["state"] for row in json.loads(call("list", "--json").out)} == {"missing"}


def test_delete_asks_first(call: Call, path: Path) -> None:
    """Without --yes and without a terminal nothing is deleted; --dry-run says what would be; --yes does it."""
    call("set", "hub", typed=PASSWORD)
    assert call("delete", "hub").code == 2
    assert call("delete", "hub", "--dry-run") == Answer(0, "", "dry run: would delete the secret hub\n")
    assert keystore(path).get("hub").text == PASSWORD
    assert call("delete", "hub", "--yes") == Answer(0, "", "secret hub is deleted\n")
    assert keystore(path).entries() == ()


def test_delete_through_the_daemon(call: Call, path: Path, daemon: list[str]) -> None:
    """A running daemon deletes it itself."""
    call("set", "hub", typed=PASSWORD)
    assert call("delete", "hub", "--yes").code == 0
    assert len(daemon) == 2
    assert keystore(path).entries() == ()


def test_delete_what_is_not_there(call: Call) -> None:
    """A name that is not held is answered with the nearest that is."""
    assert "there is none at all" in call("delete", "hub", "--yes").err
    call("set", "hub", typed=PASSWORD)
    answer = call("delete", "hubs", "--yes")
    assert (answer.code, answer.err) == (2, "there is no secret hubs; write hub\n")


def test_rekey(call: Call, path: Path) -> None:
    """A new master key opens what the old one opened."""
    call("set", "hub", typed=PASSWORD)
    master = path.parent / "state" / "master.key"
    old = master.read_bytes()
    assert call("rekey") == Answer(0, "", "every secret is sealed under a new master key\n")
    assert master.read_bytes() != old
    assert keystore(path).get("hub").text == PASSWORD


def test_rekey_through_the_daemon(call: Call, daemon: list[str]) -> None:
    """A running daemon changes the master key itself, since it holds the audit trail open."""
    assert call("rekey").code == 0
    assert daemon == ["rekey"]


def test_a_damaged_keystore_is_one_sentence(call: Call, path: Path) -> None:
    """A keystore that can't be used is one sentence and exit code 2, for each command."""
    call("set", "hub", typed=PASSWORD)
    load(path).config.keystore_path.write_text("rubbish")
    for arguments in (("set", "hub"), ("list",), ("rekey",), ("delete", "hub", "--yes")):
        answer = call(*arguments, typed=PASSWORD)
        assert (answer.code, answer.out) == (2, "")
        assert "is damaged" in answer.err
        assert answer.err.count("\n") == 1


def test_a_database_that_can_not_take_the_row(call: Call, path: Path) -> None:
    """When the audit trail can't be written the secret is set all the same, with a warning and exit code 1."""
    state = load(path).config.state
    state.mkdir(mode=0o700)
    (state / "connector.db").mkdir()
    answer = call("set", "hub", typed=PASSWORD)
    assert answer.code == 1
    assert "the audit trail has no row of it" in answer.err
    assert keystore(path).get("hub").text == PASSWORD


# --- at a terminal


def _at_a_terminal(path: Path, lines: list[str]) -> tuple[int, str]:
    """Run ``secret set hub`` with a terminal of its own, typing a line at each prompt."""
    program = "import sys; from connector.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "secret", "set", "hub", "--config", str(path)]
    terminal, inner = pty.openpty()
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, start_new_session=True) as child:
        os.close(inner)
        seen = ""
        for line in lines:
            seen += _until(terminal, ": ")
            os.write(terminal, f"{line}\n".encode())
        seen += _until(terminal, None)
        os.close(terminal)
        return child.wait(60), seen


def _until(terminal: int, end: str | None) -> str:
    seen = ""
    while end is None or not seen.endswith(end):
        if not select.select([terminal], [], [], 60)[0]:
            raise TimeoutError(seen)
        try:
            chunk = os.read(terminal, 1024)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk.decode()
    return seen


def test_typed_twice_without_echo(path: Path) -> None:
    """At a terminal the secret is asked for twice and shows nowhere."""
    code, seen = _at_a_terminal(path, [PASSWORD, PASSWORD])
    assert (code, seen.count("hub")) == (0, 2)
    assert PASSWORD not in seen
    assert keystore(path).get("hub").text == PASSWORD


def test_a_slip_of_the_fingers(path: Path) -> None:
    """When the two differ it is asked for again."""
    code, seen = _at_a_terminal(path, [PASSWORD, "corect horse", PASSWORD, PASSWORD])
    assert (code, "do not match" in seen) == (0, True)
    assert keystore(path).get("hub").text == PASSWORD


def test_the_fingerprint_is_the_same_each_time(call: Call) -> None:
    """What the key server enrols; made at the first call, and never a secret."""
    first, second = call("fingerprint"), call("fingerprint", "--json")
    assert (first.code, second.code) == (0, 0)
    shown = first.out.strip()
    assert shown.startswith("sha256:")
    assert len(shown) == len("sha256:") + 64
    assert json.loads(second.out) == {"connector": "cal-01.example.com", "fingerprint": shown}
