"""A whole site on loopback: the lab Exchange, a hub, and the real daemon between them, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.control.client import DaemonNotRunning, call
from connector.model import ContentKey
from connector.seal.opening import open_meeting
from tests.lab.exchange.launch import LabExchange
from tests.lab.hub import LabHub

ROOT = Path(__file__).resolve().parents[2]
INSTANCE = "lab-01.example.com"
CONNECTOR = [sys.executable, "-m", "connector"]
COMMAND_SECONDS = 60.0
LOOK_SECONDS = 0.02

CONFIGURATION = """\
version: 1
instance: {instance}
mode: active
state: {folder}/state
runtime: {folder}/run
keystore: {{master_key: {folder}/master.key}}
hub: {{url: "{hub}", ca: {hub_ca}, outbox: {{events: {outbox}}}}}
sources:
  hq:
    type: exchange
    domains: [{domain}]
    auth: ntlm
    accounts: {{a: {{user: {user}}}}}
    ca: {ca}
    resolve: {resolve}
    timing: {{debounce: {debounce}, poll: 2s, out_of_office: 10s, heartbeat: {heartbeat}}}
    stream: {stream}
    limits: {{requests: {requests}, first_load: {requests}}}
policies:
  staff: {{write: [hub, keyword], send: [subject, location, notes, organizer, attendees, link], presence: text}}
log: {{level: {level}}}
"""


class SiteError(Exception):
    """A command failed where the test needs it to work."""


class Site:
    """Use as a context manager. ``connector`` is the daemon's process, None while it is stopped."""

    def __init__(
        self,
        *,
        mailboxes: int = 10,
        folder: Path | None = None,
        exchange: Mapping[str, Any] | None = None,
        hub: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        **settings: str,
    ) -> None:
        self._own_folder = None if folder else Path(tempfile.mkdtemp(prefix="lab-site-"))
        self.folder = folder or self._own_folder or Path()
        offered = {"auth": "ntlm,basic,negotiate", **(exchange or {})}
        self.exchange = LabExchange(mailboxes=mailboxes, **offered)
        self.hub = LabHub(directory=self.folder / "hub", **(hub or {}))
        self.environment = environment or {}
        self.settings = {
            "stream": "grouped",
            "level": "info",
            "debounce": "200ms",
            "heartbeat": "20s",
            "outbox": "100000",
            "requests": "500/s",
            **settings,
        }
        self.connector: subprocess.Popen[bytes] | None = None
        self.config = self.folder / "connector.yaml"
        self.log = self.folder / "connector.log"

    def __enter__(self) -> Self:
        """Start Exchange and hub, write the configuration, set the secrets; the daemon is not started yet."""
        try:
            self.exchange.__enter__()
            self.hub.__enter__()
            self.write_config()
            self.cli("secret", "set", "exchange/hq/a", stdin=self.exchange.password)
            self.cli("secret", "set", "hub", stdin=self.hub.connector_token(INSTANCE))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything that was started."""
        self.kill()
        self.hub.__exit__(kind, error, trace)
        self.exchange.__exit__(kind, error, trace)
        if self._own_folder and error is None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    # --- the daemon

    def write_config(self, text: str | None = None) -> None:
        """Write connector.yaml: the lab's, or any other text."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text or self.configuration(), encoding="utf-8")

    def configuration(self, **settings: str) -> str:
        """The lab's configuration, with other settings where given."""
        exchange = self.exchange
        hosts = (exchange.domain, f"autodiscover.{exchange.domain}", f"mail.{exchange.domain}")
        return CONFIGURATION.format(
            instance=INSTANCE,
            folder=self.folder,
            hub=self.hub.url,
            hub_ca=self.hub.ca,
            domain=exchange.domain,
            user=exchange.upn,
            ca=exchange.ca,
            resolve=json.dumps(dict.fromkeys(hosts, f"127.0.0.1:{exchange.port}")),
            **{**self.settings, **settings},
        )

    def start(self, *arguments: str) -> None:
        """Start the daemon and wait until it answers at its socket."""
        self.spawn(*arguments)
        self.wait(self.answers, "the daemon to answer", 30)

    def spawn(self, *arguments: str) -> None:
        """Start the daemon's process without waiting for anything."""
        if self.connector is not None:
            raise SiteError("the daemon was started already")
        with self.log.open("ab") as log:
            self.connector = subprocess.Popen(
                [*CONNECTOR, "run", "--config", str(self.config), *arguments],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Whether the daemon answers; raises when its process has ended."""
        if self.connector is not None and self.connector.poll() is not None:
            raise SiteError(f"the daemon ended with {self.connector.returncode}:\n{self.tail()}")
        try:
            return bool(self.ask("status")["running"])
        except DaemonNotRunning:
            return False

    def ended(self, seconds: float = 30) -> int:
        """Wait until the daemon ends by itself; its exit code."""
        process, self.connector = self.connector, None
        if process is None:
            raise SiteError("the daemon was not started")
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.connector = process
            raise SiteError(f"the daemon did not end within {seconds} s\n{self.tail()}") from None

    def kill(self) -> None:
        """End the daemon at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End the daemon by SIGTERM; its exit code."""
        return self._end(signal.SIGTERM)

    def reload(self) -> None:
        """Ask the daemon to read its configuration again."""
        if self.connector is not None:
            self.connector.send_signal(signal.SIGHUP)

    def _end(self, number: int) -> int:
        process, self.connector = self.connector, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise

    def tail(self, lines: int = 30) -> str:
        """The end of the daemon's log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def store(self) -> Path:
        """The daemon's database."""
        return self.folder / "state" / "connector.db"

    def backup(self, to: Path) -> None:
        """A copy of the daemon's database, taken while it runs."""
        with closing(sqlite3.connect(self.store)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)
        to.chmod(0o600)

    def restore(self, copy: Path) -> None:
        """Put an older copy in the place of the database; the daemon must not be running."""
        for suffix in ("-wal", "-shm"):
            self.store.with_name(self.store.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, self.store)

    # --- commands

    def try_cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command whatever comes of it."""
        return subprocess.run(
            [*CONNECTOR, *arguments, "--config", str(self.config)],
            cwd=ROOT,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def cli(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that must work; what it printed."""
        done = self.try_cli(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise SiteError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command with --json; what it said, whatever its exit code."""
        done = self.try_cli(*arguments, "--json")
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise SiteError(f"{' '.join(arguments)}: {done.stderr}{done.stdout}") from error

    def status(self) -> dict[str, Any]:
        """What ``status --json`` shows."""
        shown: dict[str, Any] = self.json("status")
        return shown

    def mailbox(self, address: str) -> dict[str, Any]:
        """What ``mailbox show --json`` shows."""
        shown: dict[str, Any] = self.json("mailbox", "show", address)
        return shown

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Call a verb of the daemon over its socket, as a command does; for waiting, where a process each time is slow."""
        return call(self.folder / "run", verb, **arguments)

    def state(self, address: str) -> str:
        """The state of one mailbox in a word, ``absent`` when it is not activated."""
        rows: dict[str, str] = {row["address"]: row["state"] for row in self.ask("mailbox.list")}
        return rows.get(address, "absent")

    def activate(self, *addresses: str) -> None:
        """Activate mailboxes and wait until each is active."""
        self.cli("mailbox", "activate", *addresses)
        self.wait(lambda: all(self.state(one) == "active" for one in addresses), f"{addresses} to be active")

    # --- what users see

    def keys(self, address: str) -> dict[str, ContentKey]:
        """The content keys of a mailbox by URI, from the daemon's own socket."""
        rows = self.json("mailbox", "keys", address)
        now = datetime.now(UTC)
        return {
            row["uri"]: ContentKey(row["uri"], row["mailbox"], bytes.fromhex(row["secret"]), now)
            for row in rows
        }

    def opened(self, address: str, keys: Mapping[str, ContentKey]) -> list[dict[str, Any]]:
        """The hub's list of a mailbox, opened and verified."""
        mailbox_id = next(iter(keys.values())).mailbox_id if keys else self.mailbox(address)["id"]
        return [open_meeting(sealed, keys.__getitem__) for sealed in self.hub.meetings(mailbox_id).values()]

    def shown(self, address: str, keys: Mapping[str, ContentKey]) -> list[tuple[str, ...]]:
        """The hub's list in a form to be compared with ``truth``."""
        return sorted(
            (m["start"], m["end"], m["subject"], m["location"].strip()) for m in self.opened(address, keys)
        )

    def truth(self, address: str) -> list[tuple[str, ...]]:
        """The calendar in the same form, for the window the connector keeps."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start, end = midnight - timedelta(days=7), midnight + timedelta(days=32)
        rows = self.exchange.truth(address, start, end)
        return sorted(
            (_utc(row["start"]), _utc(row["end"]), row["subject"], (row["location"] or "").strip())
            for row in rows
        )

    def rows(self, address: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The calendar between two times, row by row."""
        return list(self.exchange.truth(address, start, end))

    def agrees(self, address: str, keys: Mapping[str, ContentKey]) -> bool:
        """Whether the hub's list equals the calendar."""
        return self.shown(address, keys) == self.truth(address)

    def hub_holds(self, words: str) -> bool:
        """Whether any file of the hub holds these words, in a form that a search would find."""
        forms = [words.encode("utf-8"), words.encode("utf-16-le"), b64encode(words.encode()).rstrip(b"=")]
        files = [path.read_bytes() for path in (self.folder / "hub").iterdir() if path.is_file()]
        return any(form in content for form in forms for content in files)

    # --- waiting

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> float:
        """Wait for something to become true; the seconds it took. Raises SiteError with the log's end."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > seconds:
                raise SiteError(f"waited {seconds} s in vain for {what}\n{self.tail()}")
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - begun


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


def environment() -> dict[str, str]:
    """This process's environment without what would lead a daemon elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
