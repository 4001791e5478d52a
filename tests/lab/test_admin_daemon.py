"""The process as an administrator and systemd meet it: reload, signals, readiness, watchdog, log."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)


class ServiceManager:
    """The other end of $NOTIFY_SOCKET: keeps what it is told, ``(name, value)`` pairs of each message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, name="service-manager", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(65536).decode():
            self.told.append(dict(line.split("=", 1) for line in message.splitlines()))

    def since(self, place: int) -> list[str]:
        """The names of what was told after so many messages, in order, other than signs of life."""
        passing = {"STATUS", "WATCHDOG"}
        return [name for message in self.told[place:] for name in message if name not in passing]

    def count(self, name: str) -> int:
        """How often something was told."""
        return sum(name in message for message in self.told)

    def close(self) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(self.path))
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceManager]:
    """One for the module."""
    made = ServiceManager(tmp_path_factory.mktemp("n") / "notify")
    yield made
    made.close()


@pytest.fixture(scope="module")
def site(manager: ServiceManager) -> Iterator[Site]:
    """Two mailboxes, one of them active; the daemon reports to the manager and has a watchdog of two seconds."""
    environment = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "2000000"}
    with Site(mailboxes=3, exchange={"hosts": "example.com"}, environment=environment) as site:
        site.start()
        site.activate(site.exchange.address(1))
        yield site


@pytest.fixture
def right(site: Site) -> Iterator[str]:
    """The configuration that is right; it stands there again afterwards."""
    text = site.configuration()
    yield text
    site.write_config(text)


def entries(site: Site) -> list[dict[str, Any]]:
    """The log, entry by entry."""
    return [json.loads(line) for line in site.log.read_text(encoding="utf-8").splitlines()]


def logged(site: Site, event: str, since: int = 0) -> list[dict[str, Any]]:
    """Entries of one event after a number of lines."""
    return [one for one in entries(site)[since:] if one["event"] == event]


def reloaded(site: Site, text: str) -> dict[str, Any]:
    """Have a text taken over, and wait until it is; the log's entry."""
    since = len(entries(site))
    site.write_config(text)
    site.reload()
    site.wait(lambda: bool(logged(site, "configuration taken over", since)), "the reload")
    return logged(site, "configuration taken over", since)[-1]


def make(site: Site, subject: str) -> None:
    """A meeting in the first calendar."""
    site.exchange.edit(
        "create",
        mailbox=site.exchange.address(1),
        start=TOMORROW.isoformat(),
        end=(TOMORROW + timedelta(hours=1)).isoformat(),
        subject=subject,
    )


def test_systemd_hears_of_readiness_and_of_life(site: Site, manager: ServiceManager) -> None:
    """READY comes once the daemon serves, with a status in words; the watchdog is fed at least every second after."""
    first = next(message for message in manager.told if "READY" in message)
    assert "sessions" in first["STATUS"]
    fed = manager.count("WATCHDOG")
    site.wait(lambda: manager.count("WATCHDOG") > fed + 2, "the watchdog to be fed", 5)
    site.wait(lambda: any("1 sessions" in one.get("STATUS", "") for one in manager.told), "a status in words")


def test_a_good_change_is_taken_over_without_loss(site: Site, manager: ServiceManager, right: str) -> None:
    """Edits made before, during and after a reload all arrive; policy, stream mode and mail domain are the new ones."""
    address = site.exchange.address(1)
    place = len(manager.told)
    make(site, "Before")
    changed = right.replace("stream: grouped", "stream: off").replace(
        "[example.com]", "[example.com, example.se]"
    )
    changed = changed.replace("write: [hub, keyword]", "write: [hub]")
    entry = reloaded(site, changed)
    make(site, "After")
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, keys), "both edits")
    assert {row[2] for row in site.shown(address, keys)} == {"Before", "After"}
    assert "sources.hq.stream: grouped becomes off" in entry["changes"]
    assert manager.since(place) == ["RELOADING", "MONOTONIC_USEC", "READY"]
    status = site.status()
    assert status["streams"] == [] or status["streams"][0]["streams"] == 0
    assert status["config_digest"] == site.json("config", "show")["digest"]
    assert "mail domains" not in site.try_cli("mailbox", "activate", "nobody@example.se").stdout
    assert site.try_cli("mailbox", "deactivate", "--yes", "nobody@example.se").returncode == 0
    reloaded(site, right)


def test_a_louder_log_is_louder_at_once(site: Site, right: str) -> None:
    """log.level takes effect with the reload, in both directions."""
    reloaded(site, right.replace("level: info", "level: debug"))
    site.wait(lambda: any(one["level"] == "debug" for one in entries(site)), "a word at level debug")
    reloaded(site, right)
    since = len(entries(site))
    make(site, "Quiet again")
    keys = site.keys(site.exchange.address(1))
    site.wait(lambda: site.agrees(site.exchange.address(1), keys), "the edit")
    assert not [one for one in entries(site)[since:] if one["level"] == "debug"]


def test_a_reload_that_changes_nothing_says_so(site: Site, right: str) -> None:
    """SIGHUP without a change is taken over with an empty list of changes."""
    assert reloaded(site, right)["changes"] == []


def test_a_broken_file_keeps_the_old_one(site: Site, manager: ServiceManager, right: str) -> None:
    """A refused configuration changes nothing, is explained in the log, and stands as alarm 504 until a good one comes."""
    since, place = len(entries(site)), len(manager.told)
    digest = site.status()["config_digest"]
    site.write_config(right.replace("mode: active", "mode: aktiv"))
    site.reload()
    site.wait(lambda: bool(logged(site, "configuration not taken over", since)), "the refusal")
    (entry,) = logged(site, "configuration not taken over", since)
    assert entry["problem"].startswith(f"{site.config}:3: mode: ")
    site.write_config(right)  # so that commands can be called
    shown = site.status()
    assert shown["config_digest"] == digest
    assert [one["number"] for one in shown["alarms"]] == [504]
    assert site.try_cli("alarm", "list").returncode == 1
    assert "config check" in site.try_cli("alarm", "list").stdout
    assert any("refused" in m.get("STATUS", "") for m in manager.told[place:])
    make(site, "Meanwhile")
    keys = site.keys(site.exchange.address(1))
    site.wait(lambda: site.agrees(site.exchange.address(1), keys), "life to go on")
    reloaded(site, right)
    assert site.status()["alarms"] == []
    assert site.try_cli("alarm", "list").returncode == 0


def test_what_takes_a_restart_is_said(site: Site, right: str) -> None:
    """A changed instance is refused by a reload, with the command that takes it up."""
    since = len(entries(site))
    site.write_config(right.replace("instance: lab-01", "instance: lab-02"))
    site.reload()
    site.wait(lambda: bool(logged(site, "configuration not taken over", since)), "the refusal")
    (entry,) = logged(site, "configuration not taken over", since)
    assert (
        entry["problem"] == "instance has changed; that takes a restart: systemctl restart calendar-connector"
    )
    reloaded(site, right)


def test_diff_compares_with_what_is_in_force(site: Site, right: str) -> None:
    """Before a reload `config diff` says what it would change, after it nothing."""
    assert site.try_cli("config", "diff").stderr == "nothing changes\n"
    site.write_config(right.replace("mode: active", "mode: observe"))
    assert site.cli("config", "diff").splitlines() == ["mode: active becomes observe"]
    reloaded(site, right.replace("mode: active", "mode: observe"))
    assert site.try_cli("config", "diff").stderr == "nothing changes\n"
    assert site.json("config", "diff") == []
    reloaded(site, right)


def test_diff_needs_the_right_to_see_secrets_in_addresses(site: Site, right: str) -> None:
    """A webhook's token, which may stand in its address, is outlined in what diff prints."""
    hook = "alarms: {webhook: 'https://itsm.example.com/hook?token=hunter2'}\n"
    reloaded(site, right + hook)
    site.write_config(right + hook.replace("hunter2", "hunter3"))
    told = site.cli("config", "diff")
    assert "alarms.webhook" in told
    assert "hunter" not in told
    assert "hunter" not in site.log.read_text(encoding="utf-8")
    reloaded(site, right)


def test_the_log_is_one_object_a_line(site: Site) -> None:
    """Every line is a JSON object that begins with timestamp, level and event; multi-line texts are escaped."""
    for entry in entries(site):
        assert list(entry)[:3] == ["timestamp", "level", "event"]
        assert datetime.fromisoformat(entry["timestamp"]).tzinfo is not None


def test_a_paused_source_stays_paused(site: Site, right: str) -> None:
    """`source pause` outlasts a reload and a restart; `source resume` ends it, and what was missed arrives."""
    address = site.exchange.address(1)
    site.cli("source", "pause", "hq", "--for", "2h")
    assert [one["problem"] for one in site.status()["held"]] == ["An administrator paused the source."]
    reloaded(site, right.replace("poll: 2s", "poll: 3s"))
    assert [one["source"] for one in site.status()["held"]] == ["hq"]
    site.write_config(right)
    site.stop()
    site.start()
    assert [one["source"] for one in site.status()["held"]] == ["hq"]
    since = max(entry["number"] for entry in site.exchange.log())
    make(site, "While paused")
    site.cli("mailbox", "resync", address)
    time.sleep(1)  # that nothing happens can't be waited for
    assert site.exchange.log(since=since, address=address) == []
    site.cli("source", "resume", "hq")
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, keys), "what was missed")
    assert site.status()["held"] == []


def ending(site: Site, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
    """End the daemon by a signal: its code, and the seconds it took."""
    process = site.connector
    assert process is not None
    begun = time.monotonic()
    process.send_signal(number)
    code = process.wait(30)
    site.connector = None
    return code, time.monotonic() - begun


def test_sigterm_drains_in_time(site: Site, manager: ServiceManager) -> None:
    """With a request to Exchange under way that does not come to an end the daemon is gone within ten seconds and a little, with 0."""
    address = site.exchange.address(1)
    place = len(manager.told)
    since = max(entry["number"] for entry in site.exchange.log())
    site.exchange.fault("SyncFolderItems", "delay", seconds=60)
    site.cli("mailbox", "resync", address)
    site.wait(lambda: bool(site.exchange.log(since=since, operation="SyncFolderItems")), "work under way")
    code, seconds = ending(site)
    site.exchange.clear_faults()
    assert code == 0
    assert seconds < 12
    assert "STOPPING" in manager.since(place)
    assert not (site.folder / "run" / "control.sock").exists()
    site.start()
    keys = site.keys(address)
    site.wait(lambda: site.state(address) == "active", "the mailbox to be active again")
    site.wait(lambda: site.agrees(address, keys), "the cut-off work to be repeated")


def test_ctrl_c_ends_it_too(site: Site) -> None:
    """SIGINT drains as SIGTERM does, fast when nothing is under way, and without a traceback."""
    code, seconds = ending(site, signal.SIGINT)
    assert (code, seconds < 5) == (0, True)
    assert "Traceback" not in site.log.read_text(encoding="utf-8")
    site.start()


def test_nobody_but_its_user_may_look_into_it(site: Site) -> None:
    """The daemon makes no core file and can't be read by a debugger of its own user (it is not dumpable)."""
    process = site.connector
    assert process is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]
    assert Path(f"/proc/{process.pid}/mem").stat().st_uid == 0
