"""The hub as a process of its own, for tests and the demo: ``with LabHub() as hub: ...``."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPSConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from connector.hub import tokens
from connector.hub.database import Database
from tests.lab.exchange.certificates import Authority
from tests.lab.process import ROOT, STOP_SECONDS, LabError, Server

PROGRAM = (sys.executable, "-m", "connector.hub")
ANSWER_SECONDS = 60.0


class LabHubError(LabError):
    """The hub did not start, or refused something; ``status`` and ``code`` are its answer's."""

    def __init__(self, sentence: str, status: int = 0, code: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class LabHub:
    """One hub with TLS, on a port that stays the same over ``stop`` and ``start``.

    ``url``, ``ca`` (the file to trust), ``database``, ``port``, ``pid``. ``settings`` are tables of hub.toml: ``times={"silent_after": "2s"}``,
    ``limits={"batch": 10}``. What a user sees is asked over HTTPS with a token for that one mailbox.
    """

    def __init__(self, *, directory: Path | None = None, **settings: Mapping[str, str | int]) -> None:
        self._own_directory = None if directory else tempfile.TemporaryDirectory(prefix="lab-hub-")
        self._directory = directory or Path(self._own_directory.name if self._own_directory else ".")
        self._directory.mkdir(parents=True, exist_ok=True)
        self.database = self._directory / "hub.db"
        self.log = self._directory / "hub.log"
        self.port = 0
        self._authority = Authority(self._directory, datetime.now(UTC))
        self.ca = self._authority.path
        self._certificate = self._authority.issue([], datetime.now(UTC)).path
        self._config = self._directory / "hub.toml"
        self._config.write_text(_toml(settings), encoding="utf-8")
        self._tls = ssl.create_default_context(cafile=str(self.ca))
        self._tokens: dict[str, str] = {}
        self._server = Server("connector.hub")
        self._options = ["--config", str(self._config), "--database", str(self.database)]

    def __enter__(self) -> Self:
        """Start the process and wait until it serves."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process."""
        self.close()

    def close(self) -> None:
        """Stop the process and delete what it wrote, if the directory is ours."""
        self.stop()
        if self._own_directory:
            self._own_directory.cleanup()

    @property
    def url(self) -> str:
        """Where it serves, by a name of its certificate."""
        return f"https://localhost:{self.port}"

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        return self._server.pid

    # --- the process

    def start(self) -> None:
        """Start it (again), on the same database and port."""
        pem = str(self._certificate)
        options = [*self._options, "--listen", f"127.0.0.1:{self.port}", "--certificate", pem, "--key", pem]
        with self.log.open("a", encoding="utf-8") as log:
            try:
                self.port = int(self._server.start(["run", *options], log=log)["port"])
            except LabError as error:
                raise LabHubError(f"{error}; {self.log} says: {self.log.read_text()[-2000:]}") from error

    def stop(self) -> int | None:
        """End it in good order, the hard way when it does not listen; its exit code, None if there was no process."""
        return self._server.stop()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._server.stop(signal.SIGKILL)

    def pause(self) -> None:
        """It accepts connections and answers nothing until ``resume``."""
        self._server.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on."""
        self._server.signal(signal.SIGCONT)

    def backup(self, to: Path) -> None:
        """A copy of the database, taken while it runs."""
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(to)) as copy:
            source.backup(copy)

    def restore(self, copy: Path) -> None:
        """Put an older copy in the place of the database; the hub must not be running."""
        for suffix in ("-wal", "-shm"):
            self.database.with_name(self.database.name + suffix).unlink(missing_ok=True)
        self.database.write_bytes(copy.read_bytes())
        self._tokens.clear()

    # --- TLS

    def new_certificate(self, content: bytes | None = None) -> None:
        """Put another certificate (or ``content``) in its place and tell the hub."""
        made = self._authority.issue([], datetime.now(UTC)).path
        self._certificate.write_bytes(made.read_bytes() if content is None else content)
        seen = self._log_lines()
        self._server.signal(signal.SIGHUP)
        ends = time.monotonic() + STOP_SECONDS
        while self._log_lines() == seen and time.monotonic() < ends:
            time.sleep(0.01)

    def certificate(self) -> bytes:
        """The certificate that it shows (DER)."""
        with self._connected(self._tls) as connection:
            return connection.getpeercert(binary_form=True) or b""

    def tls_version(self, context: ssl.SSLContext) -> str:
        """What is agreed on with a client of that context. Raises OSError when nothing is."""
        with self._connected(context) as connection:
            return connection.version() or ""

    @contextmanager
    def _connected(self, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS) as raw,
            context.wrap_socket(raw, server_hostname="localhost") as connection,
        ):
            yield connection

    def _log_lines(self) -> int:
        return self.log.read_text(encoding="utf-8").count("\n")

    # --- credentials

    def connector_token(self, name: str) -> str:
        """A new token for the connector of that name."""
        return self._token(lambda database: tokens.for_connector(database, name, datetime.now(UTC)))

    def user_token(self, *subjects: str) -> str:
        """A new token for mailboxes, by their ids or by the blind indexes of their addresses."""
        return self._token(lambda database: tokens.for_user(database, subjects, datetime.now(UTC)))

    # --- what users see and do

    def mailboxes(self, *subjects: str) -> list[dict[str, Any]]:
        """The mailboxes that a token for these opens."""
        return list(self.ask("GET", "/relay/v1/mailboxes", self.user_token(*subjects))["mailboxes"])

    def list_of(self, mailbox: str) -> dict[str, Any]:
        """The whole answer about the mailbox's meetings, all pages in one; an empty one while the hub does not know it."""
        try:
            page = self._get(mailbox, "meetings")
            found = page
            while "next" in page:
                page = self._get(mailbox, "meetings", after=page["next"])
                found = page | {"meetings": [*found["meetings"], *page["meetings"]]}
        except LabHubError as error:
            if error.status != 404:
                raise
            return {"mailbox": mailbox, "version": "", "stale": True, "snapshot": "none", "meetings": []}
        return dict(found)

    def meetings(self, mailbox: str) -> dict[str, dict[str, Any]]:
        """The sealed meetings by id."""
        return {one["id"]: one for one in self.list_of(mailbox)["meetings"]}

    def wait_for_change(self, mailbox: str, version: str, seconds: float = 10) -> dict[str, Any] | None:
        """``list_of`` when it has another version, None when it has none in that time."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                if self._get(mailbox, "presence", changed_since=version, wait=min(20, int(left) + 1)):
                    return dict(self.list_of(mailbox))
            except LabHubError as error:
                if error.status != 404:
                    raise
                time.sleep(0.05)
        return None

    def presence(self, mailbox: str) -> dict[str, Any] | None:
        """The sealed presence."""
        found: dict[str, Any] | None = self._get(mailbox, "presence")["presence"]
        return found

    def send_command(self, mailbox: str, command: str, jwe: str) -> None:
        """Queue a sealed command."""
        self._post(mailbox, "commands", {"id": command, "jwe": jwe})

    def nudge(self, mailbox: str) -> None:
        """Ask the connector to look at the calendar."""
        self._post(mailbox, "nudge", None)

    def outcomes(self, mailbox: str) -> dict[str, dict[str, Any]]:
        """The sealed outcomes by command id (at most the first hundred)."""
        return {one["commandId"]: one["data"] for one in self._get(mailbox, "outcomes")["outcomes"]}

    def wait_outcome(self, mailbox: str, command: str, seconds: float = 30) -> dict[str, Any]:
        """The sealed outcome of a command. Raises LabHubError when none comes in that time."""
        cursor, ends = "", time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            page = self._get(mailbox, "outcomes", after=cursor, wait=min(20, int(left) + 1))
            for one in page["outcomes"]:
                if one["commandId"] == command:
                    found: dict[str, Any] = one["data"]
                    return found
            cursor = page["cursor"]
        raise LabHubError(f"no outcome of {command} within {seconds} s")

    # --- what the operator sees

    def connectors(self) -> list[dict[str, Any]]:
        """`connector list` of the hub's own command."""
        return list(json.loads(self.command("connector", "list", "--json")))

    def command(self, *arguments: str) -> str:
        """The output of one of the hub's commands. Raises LabHubError when it fails."""
        done = subprocess.run(
            [*PROGRAM, *arguments, *self._options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=False,
        )
        if done.returncode:
            raise LabHubError(f"{' '.join(arguments)}: {done.stderr.strip()}", done.returncode)
        return done.stdout

    # --- HTTPS

    def ask(self, method: str, path: str, token: str, body: object = None) -> Any:
        """One request; its JSON, None for an answer without a body. Raises LabHubError for a refusal."""
        connection = HTTPSConnection("localhost", self.port, timeout=ANSWER_SECONDS, context=self._tls)
        with closing(connection):
            raw = None if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, {"Authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            text = answer.read()
        found = json.loads(text) if text else None
        if answer.status >= 400:
            code = str(found.get("code", "")) if isinstance(found, dict) else ""
            raise LabHubError(f"{method} {path}: {answer.status} {code}", answer.status, code)
        return found

    def _get(self, mailbox: str, what: str, **query: object) -> Any:
        asked = {name: value for name, value in query.items() if value != ""}
        return self.ask(
            "GET", _path(mailbox, what) + (f"?{urlencode(asked)}" if asked else ""), self._mine(mailbox)
        )

    def _post(self, mailbox: str, what: str, body: object) -> None:
        self.ask("POST", _path(mailbox, what), self._mine(mailbox), body)

    def _mine(self, mailbox: str) -> str:
        if mailbox not in self._tokens:
            self._tokens[mailbox] = self.user_token(mailbox)
        return self._tokens[mailbox]

    def _token(self, make: Callable[[Database], str]) -> str:
        database = Database(self.database, readers=1)
        try:
            return make(database)
        finally:
            database.close()


def _path(mailbox: str, what: str) -> str:
    return f"/relay/v1/mailboxes/{quote(mailbox, safe='')}/{what}"


def _toml(tables: Mapping[str, Mapping[str, str | int]]) -> str:
    lines: list[str] = []
    for name, table in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"
