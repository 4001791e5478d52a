"""``calendar-connector config`` as an administrator meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.config import load_text, sample
from connector.errors import ConfigError
from connector.keystore import KeyFile, Keystore


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


Call = Callable[..., Answer]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: object) -> Answer:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return called


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "connector.yaml"
    file.write_text(f"{sample()}state: {tmp_path}\n")
    return file


def test_a_right_configuration_is_said_to_be_right(call: Call, path: Path) -> None:
    """Check --offline ends with 0 and one sentence on standard error."""
    assert call("config", "check", "--offline", "--config", path) == Answer(
        0, "", f"{path} is right: mode observe, sources hq, policies staff, room\n"
    )


def test_quiet_leaves_the_sentence_out(call: Call, path: Path) -> None:
    """With --quiet the exit code alone speaks."""
    assert call("config", "check", "--offline", "--quiet", "--config", path) == Answer(0, "", "")


def test_missing_secrets_are_named(call: Call, path: Path) -> None:
    """Check names each secret that no keystore holds, and ends with 1."""
    answer = call("config", "check", "--config", path)
    assert answer.code == 1
    assert "secret hub is missing; set it with: calendar-connector secret set hub\n" in answer.err
    assert "secret exchange/hq/a is missing" in answer.err


def test_a_missing_secret_is_told_at_the_line_that_needs_it(call: Call, path: Path) -> None:
    """A provider without credentials is one sentence for each, with file and line."""
    path.write_text(path.read_text() + "conference:\n  webex: {type: webex}\n")
    line = len(path.read_text().splitlines())
    answer = call("config", "check", "--config", path)
    for name in ("webex/webex/client", "webex/webex/refresh-token"):
        assert (
            f"{path}:{line}: secret {name} is missing; set it with: calendar-connector secret set {name}\n"
            in answer.err
        )


def test_secrets_that_are_there_are_not_asked_for(call: Call, tmp_path: Path) -> None:
    """What the keystore holds is not missing; looking needs no master key."""
    path, master = tmp_path / "connector.yaml", tmp_path / "master.key"
    path.write_text(f"{sample()}state: {tmp_path}\n")
    store = Keystore(
        tmp_path / "keystore.json", KeyFile(master, tmp_path), lambda: datetime(2026, 11, 20, tzinfo=UTC)
    )
    store.set("hub", b"hunter2")
    master.unlink()
    assert json.loads(call("config", "check", "--json", "--config", path).out)["missing_secrets"] == [
        "exchange/hq/a"
    ]


def test_a_damaged_keystore_is_one_sentence(call: Call, path: Path, tmp_path: Path) -> None:
    """A keystore that can't be read is told as such, not as missing secrets; --offline does not look."""
    (tmp_path / "keystore.json").write_text("{")
    (tmp_path / "keystore.json").chmod(0o600)
    answer = call("config", "check", "--config", path)
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "damaged" in answer.err
    assert call("config", "check", "--offline", "--config", path).code == 0


def test_what_is_not_read_is_a_warning(call: Call, path: Path) -> None:
    """A file that looks as if it counted is remarked upon and harms nothing."""
    extra = path.parent / "conf.d" / "more.yml"
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("mode: observe\n")
    answer = call("config", "check", "--offline", "--quiet", "--config", path)
    assert (answer.code, answer.err) == (0, f"warning: {extra} is not read; name it .yaml\n")


def test_what_does_not_work_is_no_warning_but_refused(call: Call, path: Path) -> None:
    """A proxy that wants Kerberos would keep everything from the hub: better said before than found out."""
    path.write_text(path.read_text() + "proxies: {x: {url: http://proxy.example:3128, auth: negotiate}}\n")
    answer = call("config", "check", "--offline", "--quiet", "--config", path)
    assert answer.code == 2
    assert "write basic" in answer.err


def test_problems_are_lines_with_file_and_line(call: Call, path: Path) -> None:
    """Every command answers a wrong configuration by FILE:LINE: sentence on standard error, and with 2."""
    path.write_text("version: 1\ninstance: a.example\nhub: {url: 'http://h'}\nsource: {}\n")
    for command in ("check", "show", "diff"):
        answer = call("config", command, "--config", path)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.splitlines() == [
            f"{path}:3: hub.url: http:// would send this in the clear and is refused; write https://",
            f"{path}:4: source: unknown key; write sources instead",
        ]


def test_problems_can_be_read_by_programs(call: Call, path: Path) -> None:
    """Check --json lists problems with file, line, column and sentence."""
    path.write_text("version: 2\ninstance: a.example\n")
    answer = call("config", "check", "--json", "--config", path)
    assert answer.code == 2
    told = json.loads(answer.out)
    assert told["ok"] is False
    assert {"file": str(path), "line": 1, "column": 1} == {
        key: told["problems"][0][key] for key in ("file", "line", "column")
    }


def test_a_check_can_be_read_by_programs(call: Call, path: Path) -> None:
    """Check --json tells digest, notes and missing secrets."""
    told = json.loads(call("config", "check", "--json", "--config", path).out)
    assert (told["ok"], told["notes"], told["missing_secrets"]) == (False, [], ["hub", "exchange/hq/a"])
    assert len(told["digest"]) == 64


def test_show_tells_values_and_origins(call: Call, path: Path) -> None:
    """Show prints every value, where it comes from, and the digest, as text and as JSON."""
    text = call("config", "show", "--config", path).out
    assert f"{'mode: observe':<60}  # {path}:11\n" in text
    told = json.loads(call("config", "show", "--json", "--config", path).out)
    assert {"path": "mode", "value": "observe", "from": f"{path}:11"} in told["values"]
    assert text.endswith(f"# digest {told['digest']}\n")


def test_diff_compares_with_an_older_file(call: Call, path: Path, tmp_path: Path) -> None:
    """Diff OLDFILE says what changes, one sentence a line; nothing is a message."""
    old = tmp_path / "old.yaml"
    old.write_text(path.read_text())
    assert call("config", "diff", old, "--config", path) == Answer(0, "", "nothing changes\n")
    path.write_text(path.read_text().replace("mode: observe", "mode: active "))
    answer = call("config", "diff", old, "--config", path)
    assert answer.out.splitlines() == [
        "mode: observe becomes active",
        "calendars are written from now on, as policies allow",
    ]
    assert json.loads(call("config", "diff", old, "--json", "--config", path).out) == answer.out.splitlines()


def test_the_sample_is_printed_as_it_ships(call: Call) -> None:
    """Sample prints the sample, byte for byte."""
    assert call("config", "sample") == Answer(0, sample(), "")


def test_diff_without_a_file_needs_the_daemon(call: Call, path: Path, tmp_path: Path) -> None:
    """Where no daemon runs there is nothing in force: one sentence says what to give instead, and code 2."""
    path.write_text(f"{path.read_text()}runtime: {tmp_path}\n")
    answer = call("config", "diff", "--config", path)
    assert (answer.code, len(answer.err.splitlines())) == (2, 1)
    assert "the daemon is not running" in answer.err
    assert "config diff OLDFILE" in answer.err


def test_what_is_in_force_is_read_without_its_files(path: Path, tmp_path: Path) -> None:
    """A configuration in force may name files that are gone by now; only a new one is held to them."""
    ca = tmp_path / "gone.pem"
    text = path.read_text().replace("hub.example.net", "other.example.net")
    text = f"{text}directories:\n  ad: {{servers: ['ldaps://a.example'], base: DC=a, bind: a@example.com, ca: {ca}}}\n"
    with pytest.raises(ConfigError, match=r"gone\.pem"):
        load_text(text)
    assert str(load_text(text, with_files=False).config.directories["ad"].ca) == str(ca)
