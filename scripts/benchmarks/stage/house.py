"""A connector between the stand-ins: the real daemon as a process of its own, over real TLS."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.control.client import DaemonNotRunning, call
from scripts.benchmarks.stage import people, seeds
from scripts.benchmarks.stage.process import ROOT, Reading, Server, read
from tests.lab.exchange.certificates import Authority

CONFIGURATION = """\
version: 1
instance: bench-01.example.com
mode: observe
state: {folder}/state
runtime: {folder}/run
keystore: {{master_key: {folder}/master.key}}
hub: {{url: "https://localhost:{hub}", ca: {ca}, downlink: poll, outbox: {{events: 1000000}}}}
sources:
  hq:
    type: exchange
    domains: [{domain}]
    auth: ntlm
    accounts: {{a: {{user: svc@{domain}}}}}
    ca: {ca}
    resolve: {resolve}
    timing: {timing}
    stream: {stream}
    stream_max: 1000
    limits: {{requests: {requests}, first_load: {requests}}}
policies:
  staff: {{write: [], send: [subject, location, notes, organizer, attendees, link], presence: {presence}}}
log: {{level: warning}}
"""
PATIENCE = 600.0
LOOK = 0.1

CATCHING_UP = ("SyncFolderItems", "Subscribe", "GetItem", "FindItem")
"""What a start asks for. Automatic replies are no part of it: with 25,000 mailboxes some are always being looked at."""


class House:
    """Use as a context manager. The stand-ins run from the beginning, the daemon between ``start`` and ``stop``."""

    def __init__(
        self,
        *,
        think: float = 0.0,
        most: int = 1_000_000,
        hour: float = 3600.0,
        requests: str = "5000/s",
        timing: str = "{}",
        stream: str = "grouped",
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self._options = ("--think", str(think), "--most", str(most), "--hour", str(hour))
        self._settings = {"requests": requests, "timing": timing, "stream": stream}
        self._servers: list[Server] = []
        self._daemon: subprocess.Popen[bytes] | None = None
        self.tls = ssl.create_default_context()
        self._lines: dict[int, HTTPSConnection] = {}
        self.authority = self.folder / "ca.pem"
        self.config = self.folder / "connector.yaml"

    def __enter__(self) -> Self:
        """Start Exchange and hub, write the configuration, set the secrets."""
        try:
            self._set_up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything and delete it."""
        self.stop(signal.SIGKILL)
        for line in self._lines.values():
            line.close()
        for server in self._servers:
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _set_up(self) -> None:
        now = datetime.now(UTC)
        authority = Authority(self.folder, now)
        hosts = (people.DOMAIN, f"autodiscover.{people.DOMAIN}", people.HOST)
        certificate = str(authority.issue(list(hosts), now).path)
        self.tls.load_verify_locations(authority.path)
        log = self.folder / "stage.log"
        stage = "scripts.benchmarks.stage"
        self.exchange = Server(f"{stage}.exchange", certificate, *self._options, log=log)
        self._servers.append(self.exchange)
        self.hub = Server(f"{stage}.hub", certificate, str(self.folder / "hub.db"), log=log)
        self._servers.append(self.hub)
        text = CONFIGURATION.format(
            folder=self.folder,
            hub=self.hub.port,
            ca=authority.path,
            domain=people.DOMAIN,
            resolve=json.dumps(dict.fromkeys(hosts, f"127.0.0.1:{self.exchange.port}")),
            presence=seeds.PRESENCE,
            **self._settings,
        )
        self.config.write_text(text, encoding="utf-8")
        seeds.secrets(self.config, {"exchange/hq/a": "bench", "hub": "bench"})

    # --- the daemon

    def seed(self, numbers: Iterable[int], *, live: bool = True, subscribed: bool = False) -> None:
        """Give the stopped daemon mailboxes."""
        seeds.seed(self.config, self.folder / "state", numbers, live=live, subscribed=subscribed)

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        with self.log.open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "connector", "run", "--config", str(self.config)],
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.endswith("_proxy")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(self._answers, "the daemon to answer")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the daemon."""
        process, self._daemon = self._daemon, None
        if process is not None:
            process.send_signal(number)
            process.wait(60)

    @property
    def log(self) -> Path:
        """What the daemon says."""
        return self.folder / "connector.log"

    @property
    def pid(self) -> int:
        """The daemon's process."""
        if self._daemon is None:
            raise RuntimeError("the daemon is not running")
        return self._daemon.pid

    def reading(self) -> Reading:
        """The daemon's process now."""
        return read(self.pid)

    def ask(self, verb: str, **arguments: Any) -> Any:
        """A verb of the daemon, as a command calls it."""
        return call(self.folder / "run", verb, **arguments)

    def _answers(self) -> bool:
        if self._daemon is not None and self._daemon.poll() is not None:
            raise RuntimeError(f"the daemon ended:\n{self.tail()}")
        try:
            return bool(self.ask("status")["running"])
        except DaemonNotRunning:
            return False

    def tail(self) -> str:
        """The end of the daemon's log and of the stand-ins'."""
        said = [
            path.read_text(errors="replace")[-3000:]
            for path in (self.log, self.folder / "stage.log")
            if path.exists()
        ]
        return "\n".join(said)

    # --- the stand-ins

    def figures(self, *, reset: bool = True) -> dict[str, Any]:
        """What Exchange was asked since the last time, its CPU, and who is heard."""
        return self._post(self.exchange.port, "/bench/figures", {"reset": reset})

    def change(self, numbers: Iterable[int], *, events: int = 1, key: int | None = None) -> int:
        """Change a meeting of each mailbox now; the moment (ns, monotonic)."""
        order: dict[str, Any] = {"numbers": list(numbers), "events": events}
        at: int = self._post(
            self.exchange.port, "/bench/change", order if key is None else {**order, "key": key}
        )["at"]
        return at

    def restart_exchange(self, *, keep: bool) -> None:
        """End every stream, and every subscription unless they are kept."""
        self._post(self.exchange.port, "/bench/restart", {"keep": keep})

    def most_heard(self, wanted: int, *, patience: float = 20.0) -> int:
        """How many mailboxes come to be heard: all that are wanted, or those when no more were added for a while."""
        heard, since = 0, time.monotonic()
        while heard < wanted and time.monotonic() - since < patience:
            time.sleep(LOOK)
            if (now := self.figures(reset=False)["heard"]) > heard:
                heard, since = now, time.monotonic()
        return heard

    def arrivals(self) -> dict[str, Any]:
        """What the hub has acknowledged since the last time: rows of (type, mailbox id, ns)."""
        return self._post(self.hub.port, "/bench/arrivals", {})

    def _post(self, port: int, path: str, order: dict[str, Any]) -> dict[str, Any]:
        if port not in self._lines:
            self._lines[port] = HTTPSConnection("localhost", port, context=self.tls, timeout=60)
        self._lines[port].request("POST", path, json.dumps(order))
        answer: dict[str, Any] = json.loads(self._lines[port].getresponse().read())
        return answer

    # --- waiting

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Wait for something to become true; the seconds it took."""
        begun = time.monotonic()
        while not condition():
            if time.monotonic() - begun > seconds:
                raise RuntimeError(f"waited {seconds} s in vain for {what}\n{self.tail()}")
            time.sleep(LOOK)
        return time.monotonic() - begun

    def rest(self, *, quiet: float = 2.0, seconds: float = PATIENCE) -> float:
        """Wait until no mailbox has been caught up with for a while; the seconds until then."""
        begun = time.monotonic()
        counted, since = -1, begun
        while time.monotonic() - since < quiet:
            if time.monotonic() - begun > seconds:
                raise RuntimeError(f"it does not come to rest\n{self.tail()}")
            counts = self.figures(reset=False)["counts"]
            asked = sum(counts.get(name, 0) for name in CATCHING_UP)
            if asked != counted:
                counted, since = asked, time.monotonic()
            time.sleep(LOOK)
        return since - begun
