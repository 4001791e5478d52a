"""``setup``: all of it by a file of answers, or nothing and one sentence."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.hub import enrolment
from connector.hub.database import Database
from tests.lab.site import CONNECTOR, ROOT, Site, environment

pytestmark = pytest.mark.lab

NAME = "new-01.example.com"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Exchange and hub; the connector is the one that is set up here."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        yield made


class Machine:
    """A machine on which nothing is set up yet; conf.d says what a test needs to be different."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.etc = folder / "etc"
        self.config = self.etc / "connector.yaml"
        self.state = folder / "state"
        (self.etc / "conf.d").mkdir(parents=True)
        domain, port = site.exchange.domain, site.exchange.port
        hosts = (domain, f"autodiscover.{domain}", f"mail.{domain}")
        resolve = json.dumps(dict.fromkeys(hosts, f"127.0.0.1:{port}"))
        (self.etc / "conf.d/test.yaml").write_text(
            f"state: {self.state}\nruntime: {folder}/run\nkeystore: {{master_key: {folder}/master.key}}\n"
            f"sources: {{hq: {{resolve: {resolve}, timing: {{debounce: 200ms}}}}}}\n"
        )

    def token(self, **span: float) -> str:
        with closing(Database(self.site.hub.database, readers=1)) as database:
            return enrolment.offer(database, NAME, datetime.now(UTC), timedelta(**(span or {"hours": 1})))

    def answers(self, **other: str) -> Path:
        given = {
            "exchange": self.site.exchange.domain,
            "account": self.site.exchange.upn,
            "password": self.site.exchange.password,
            "hub": self.site.hub.url,
            "token": other.pop("token", "") or self.token(),
            "auth": "ntlm",
            "exchange_ca": str(self.site.exchange.ca),
            "hub_ca": str(self.site.hub.ca),
            **other,
        }
        path = self.folder / "answers.yaml"
        path.write_text("".join(f"{name}: '{value}'\n" for name, value in given.items() if value))
        path.chmod(0o600)
        return path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CONNECTOR, *words, "--config", str(self.config)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def files(self) -> set[str]:
        places = (self.etc, self.state, self.folder / "master.key")
        return {str(path) for place in places for path in (place, *place.rglob("*")) if path.is_file()}


@pytest.fixture
def machine(site: Site, tmp_path: Path) -> Machine:
    """Nothing is set up on it."""
    return Machine(site, tmp_path)


@contextmanager
def running(machine: Machine) -> Iterator[None]:
    """The daemon, as the unit would start it."""
    with subprocess.Popen(
        [*CONNECTOR, "run", "--config", str(machine.config)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        machine.site.wait((machine.folder / "run/control.sock").exists, "the daemon")
        try:
            yield
        finally:
            process.terminate()


def test_from_answers_to_the_first_mailbox(machine: Machine) -> None:
    """Five answers: configured, sealed, enrolled, examined; run again with the daemon up, it shows a mailbox live."""
    path = machine.answers()
    done = machine.run("setup", "--answers", str(path))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "fail" not in done.stdout
    assert machine.site.exchange.password not in machine.config.read_text()
    written = machine.config.read_text()
    with running(machine):
        again = machine.run(
            "setup", "--answers", str(machine.answers(mailbox=machine.site.exchange.address(1)))
        )
        assert again.returncode == 0, again.stderr + again.stdout
        assert "is live" in again.stderr
    assert machine.config.read_text() == written


@pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        ({"token": "cce_nonsense"}, 1, "this is no enrolment token"),
        (
            {"hub": "https://localhost:9"},
            1,
            "the hub https://localhost:9 can't be asked: The server can't be",
        ),
        ({"hub": "http://localhost"}, 2, "hub.url"),
        ({"password": ""}, 2, "these answers are missing: password; nothing was changed"),
        ({"mode": "perhaps"}, 2, "mode"),
        ({"color": "blue"}, 2, "color is no question"),
        ({"hub_ca": "/nowhere.pem"}, 1, "/nowhere.pem can't be read: No such file or directory"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_bad_answers(machine: Machine, spoil: dict[str, str], code: int, sentence: str) -> None:
    """Each is one sentence, and nothing is left behind."""
    before = machine.files()
    done = machine.run("setup", "--answers", str(machine.answers(**spoil)))
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
    assert sentence in done.stderr
    assert machine.files() == before


def test_an_expired_token(machine: Machine) -> None:
    """One sentence that says how to get another, and nothing is left behind; with a good one it then works."""
    before = machine.files()
    expired = machine.token(seconds=-1)
    done = machine.run("setup", "--answers", str(machine.answers(token=expired)))
    assert done.stderr == (
        "This enrolment token has expired; have a new one made at the hub:"
        f" calendar-connector-hub token create --enrolment {NAME}\n"
    )
    assert machine.files() == before
    assert machine.run("setup", "--answers", str(machine.answers())).returncode == 0


def test_answers_that_others_may_read(machine: Machine) -> None:
    """The file holds a password."""
    path = machine.answers()
    path.chmod(0o644)
    done = machine.run("setup", "--answers", str(path))
    assert (done.returncode, f"chmod 600 {path}" in done.stderr) == (2, True)


def test_a_configuration_of_somebody_else(machine: Machine) -> None:
    """A file of a wrong owner is named, with the command that mends it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    other = machine.etc / "conf.d/test.yaml"
    os.chown(other, 65534, 65534)
    done = machine.run("setup", "--answers", str(machine.answers()))
    assert done.stderr == f"{other} belongs to nobody; run: chown root {other}\n"


def test_a_damaged_master_key(machine: Machine) -> None:
    """A keystore whose key is not the right one is told in one sentence, and stays as it was."""
    assert machine.run("setup", "--answers", str(machine.answers())).returncode == 0
    (machine.folder / "master.key").chmod(0o600)
    (machine.folder / "master.key").write_bytes(b"x" * 32)
    (machine.folder / "master.key").chmod(0o400)
    before = (machine.state / "keystore.json").read_bytes()
    done = machine.run("setup", "--answers", str(machine.answers()))
    assert done.returncode == 2
    assert "is not the one that the keystore" in done.stderr.splitlines()[-1]
    machine.config.unlink()
    done = machine.run("setup", "--answers", str(machine.answers()))
    assert "is not the one that the keystore" in done.stderr
    assert (machine.state / "keystore.json").read_bytes() == before
    assert not machine.config.exists()
