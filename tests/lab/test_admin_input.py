"""What administrators get wrong: each mistake is answered by one sentence that helps and exit code 2, never a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.lab.exchange.certificates import Authority
from tests.lab.site import CONNECTOR, ROOT

pytestmark = pytest.mark.lab

CONFIGURATION = """\
version: 1
instance: lab-01.example.com
state: {folder}/state
runtime: {folder}/run
keystore: {{master_key: {folder}/master.key}}
hub: {{url: "https://localhost:9", ca: {folder}/ca.pem}}
sources:
  hq:
    type: exchange
    domains: [example.com]
    accounts: {{a: {{user: svc@example.com}}}}
    url: https://localhost:9/EWS/Exchange.asmx
    ca: {folder}/ca.pem
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def sentences(self) -> list[str]:
        """The lines on standard error that are not the log's."""
        return [line for line in self.err.splitlines() if not line.startswith("{")]


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder with a configuration, in which commands are called; nothing else runs."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "connector.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def keystore(self) -> Path:
        return self.state / "keystore.json"

    @property
    def database(self) -> Path:
        return self.state / "connector.db"

    def change(self, old: str, new: str) -> None:
        """Edit the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    def call(self, *arguments: str, stdin: str = "") -> Answer:
        """Call a command to its end."""
        done = subprocess.run(
            [*CONNECTOR, *arguments, "--config", str(self.config)],
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr + done.stdout
        assert "fault of the program" not in done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def refused(self, *arguments: str, stdin: str = "", code: int = 2) -> str:
        """The one sentence with which a command was refused."""
        answer = self.call(*arguments, stdin=stdin)
        assert (answer.code, len(answer.sentences)) == (code, 1), answer
        return answer.sentences[0]

    def prepare(self) -> None:
        """Keystore and database as after a first start."""
        self.call("secret", "set", "hub", stdin="token")
        self.call("secret", "set", "exchange/hq/a", stdin="password")
        assert self.database.exists()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A right configuration, never started."""
    return _bench(tmp_path / "bench")


def _bench(folder: Path) -> Bench:
    folder.mkdir()
    Authority(folder, datetime.now(UTC))
    made = Bench(folder)
    made.config.write_text(CONFIGURATION.format(folder=folder))
    return made


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One that has secrets and a database."""
    made = _bench(tmp_path_factory.mktemp("template") / "bench")
    made.prepare()
    return made


@pytest.fixture
def prepared(template: Bench, tmp_path: Path) -> Bench:
    """A copy of it, to be damaged."""
    folder = tmp_path / "bench"
    shutil.copytree(template.folder, folder)
    made = Bench(folder)
    made.config.write_text(CONFIGURATION.format(folder=folder))
    return made


COMMANDS = (("config", "check"), ("run",), ("status",), ("mailbox", "list"))
"""A command that looks at files alone, the daemon, and two that ask it."""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_misspelt_key_is_named_with_its_line(bench: Bench, command: tuple[str, ...]) -> None:
    """Every command says file, line and the key that was meant."""
    bench.change("domains:", "domain:")
    assert (
        bench.refused(*command) == f"{bench.config}:10: sources.hq.domain: unknown key; write domains instead"
    )


MISTAKES = (
    ("version: 1", "version: 1\nmode: activ", "mode:", "write observe or active"),
    ("state:", "window: {ahead: 31, back: 1 week}\nstate:", "window.ahead:", "write a duration such as"),
    ("state:", "workers: many\nstate:", "workers:", "whole number"),
    ("    ca: ", "    ca: /none", "sources.hq.ca:", "there is no file"),
    ('"https://localhost:9"', '"http://localhost:9"', "hub.url:", "write https://"),
    ("url: https://localhost:9/EWS", "url: http://localhost:9/EWS", "sources.hq.url:", "write https://"),
    (
        "svc@example.com",
        "svc@example.com, password: hunter2",
        "sources.hq.accounts.a.password:",
        "secret set",
    ),
)
"""What stands there, what is written instead, which key is blamed, and what the sentence says to write."""


def test_wrong_values_are_told_what_to_write_instead(bench: Bench) -> None:
    """All mistakes are told at once, each with file, line, key and what would be right; a password typed there is not repeated."""
    for old, new, _, _ in MISTAKES:
        bench.change(old, new)
    answer = bench.call("run")
    assert answer.code == 2
    assert all(sentence.startswith(f"{bench.config}:") for sentence in answer.sentences)
    for _, _, key, said in MISTAKES:
        (sentence,) = [one for one in answer.sentences if f" {key}" in one]
        assert said in sentence
    assert "hunter2" not in answer.err


def test_a_tab_is_told_with_its_line(bench: Bench) -> None:
    """Where YAML itself is broken the line is named, not a parser's state."""
    bench.change("version: 1", "version: 1\n\tmode: active")
    sentence = bench.refused("config", "check")
    assert sentence.startswith(f"{bench.config}:2: ")
    assert "tab" in sentence


def test_a_configuration_that_is_not_there(bench: Bench) -> None:
    """The sentence says how to begin."""
    bench.config.unlink()
    assert "config sample >" in bench.refused("run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mailbox", "show", "ada@example.com"), "mailbox list"),
        (("mailbox", "deactivate", "--yes", "ada@example.com"), "mailbox list"),
        (("mailbox", "deactivate", "ada@example.com"), "--yes"),
        (("mailbox", "activate", "--policy", "vip", "ada@example.com"), "default"),
        (("source", "show", "hk"), "hq"),
        (("source", "pause", "hq", "--for", "2 hours"), "2h"),
        (("alarm", "explain", "999"), "101"),
        (("deadletter", "show", "x"), "deadletter list"),
        (("secret", "set", "exchange/hq/b"), "exchange/hq/a"),
        (("config", "diff"), "OLDFILE"),
        (("mailbox", "activate", "ada"), "mail address"),
        (("mailbox", "activate", "ada@elsewhere.example"), "domains"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_words_on_the_command_line(prepared: Bench, arguments: tuple[str, ...], said: str) -> None:
    """A name that is not there, a missing --yes, a wrong span: code 2 and a sentence with what there is."""
    answer = prepared.call(*arguments, stdin="x")
    assert answer.code == 2, answer
    assert said in answer.err + answer.out
    assert len([*answer.sentences, *answer.out.splitlines()]) == 1, answer


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda bench: bench.keystore.chmod(0o644), "chmod 0600"),
        (lambda bench: bench.keystore.write_text("{"), "damaged"),
        (lambda bench: (bench.folder / "master.key").chmod(0o444), "chmod 0400"),
        (lambda bench: (bench.folder / "master.key").unlink(), "master"),
    ],
    ids=["open to others", "damaged", "master key open to others", "master key gone"],
)
def test_a_keystore_that_cant_be_used(prepared: Bench, damage: Callable[[Bench], object], said: str) -> None:
    """Mode, damage, and a missing master key each have a sentence that names the file."""
    damage(prepared)
    for command in (("run",), ("mailbox", "list")):
        sentence = prepared.refused(*command)
        assert said in sentence
        assert str(prepared.folder) in sentence


def test_a_wrong_master_key(prepared: Bench) -> None:
    """Another machine's master key opens nothing, and the sentence says that, not that a password is wrong."""
    key = prepared.folder / "master.key"
    key.chmod(0o600)
    key.write_bytes(os.urandom(len(key.read_bytes())))
    key.chmod(0o400)
    assert "master key" in prepared.refused("run")


def test_a_database_of_a_newer_version(prepared: Bench) -> None:
    """The sentence says that the database was written by a newer version, and it is left as it is."""
    with closing(sqlite3.connect(prepared.database)) as database:
        database.execute("PRAGMA user_version = 9999")
        before = list(database.iterdump())
    for command in (("run",), ("mailbox", "list")):
        assert "newer" in prepared.refused(*command)
    with closing(sqlite3.connect(prepared.database)) as database:
        assert list(database.iterdump()) == before
        assert database.execute("PRAGMA user_version").fetchone() == (9999,)


@pytest.mark.parametrize("damage", ["nothing of a database", "torn"])
def test_a_damaged_database(prepared: Bench, damage: str) -> None:
    """Garbage in place of the database, and a torn one, are told as damage."""
    content = bytearray(prepared.database.read_bytes())
    if damage == "torn":
        content[100 : len(content) // 2] = bytes(len(content) // 2 - 100)
    else:
        content[:] = b"no database " * 1000
    prepared.database.write_bytes(content)
    for suffix in ("-wal", "-shm"):
        prepared.database.with_name(prepared.database.name + suffix).unlink(missing_ok=True)
    assert "damaged" in prepared.refused("run")


def test_a_state_that_is_a_file(bench: Bench) -> None:
    """A file where the state directory should be is named."""
    bench.state.write_text("")
    assert str(bench.state) in bench.refused("run")


def test_a_second_daemon_on_the_same_state(prepared: Bench) -> None:
    """The second one says which process has the database, and the first goes on undisturbed."""
    with running(prepared):
        assert "in use by process" in prepared.refused("run")
        prepared.change("/run\n", "/run2\n")
        assert "in use by process" in prepared.refused("run")
        prepared.change("/run2\n", "/run\n")
        assert prepared.call("status", "--json").out


def test_a_daemon_that_has_gone_leaves_nothing_in_the_way(prepared: Bench) -> None:
    """After a kill -9 socket and locks of the dead one do not keep the next from starting."""
    with running(prepared) as first:
        first.kill()
        first.wait(10)
    with running(prepared):
        assert '"running": true' in prepared.call("status", "--json").out


def test_somebody_elses_socket(prepared: Bench) -> None:
    """Another program that listens at the control socket's place is left alone, and the daemon says so."""
    (prepared.folder / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(prepared.folder / "run" / "control.sock"))
        other.listen()
        assert str(prepared.folder / "run" / "control.sock") in prepared.refused("run", code=2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of half a megabyte, for root on machines that let it be made."""
    place = tmp_path / "small"
    place.mkdir()
    if not _mounted(place, "size=512k,mode=700"):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def _mounted(place: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_state_directory_that_cant_be_written(bench: Bench, small_disk: Path) -> None:
    """On a disk that is read-only the sentence names the place and says that it can't be written."""
    assert _mounted(small_disk, "remount,ro")
    bench.change(f"{bench.folder}/state", str(small_disk))
    sentence = bench.refused("run")
    assert str(small_disk) in sentence
    assert "Read-only" in sentence


def test_a_full_disk(bench: Bench, small_disk: Path) -> None:
    """A state directory without room is told as that; the daemon's exit code lets the service manager try again."""
    bench.change(f"{bench.folder}/state", str(small_disk))
    (small_disk / "ballast").write_bytes(bytes(400 * 1024))
    answer = bench.call("secret", "set", "hub", stdin="token")
    assert answer.code != 0
    assert "full" in answer.err or "No space" in answer.err
    tried = bench.call("run")
    (sentence,) = tried.sentences
    assert tried.code == 1
    assert "full" in sentence or "No space" in sentence


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "empty"), ("x" * 100_000, "longer than")],
    ids=["empty", "too long"],
)
def test_secrets_that_are_none(bench: Bench, typed: str, said: str) -> None:
    """An empty secret and an endless one are refused; nothing is changed."""
    assert said in bench.refused("secret", "set", "hub", stdin=typed)


class running:  # noqa: N801 - reads as a sentence: with running(bench)
    """The daemon of a bench, stopped at the end."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def __enter__(self) -> subprocess.Popen[bytes]:
        bench = self._bench
        self._process = subprocess.Popen(
            [sys.executable, "-m", "connector", "run", "--config", str(bench.config)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if b'"ready"' in line:
                break
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        assert self._process.stderr is not None
        self._process.stderr.read()
        self._process.wait(20)
        self._process.stderr.close()
