"""A Google of another maker, npm's emulate, serves our client what it knows: list, insert, delete, free/busy, errors.

It has no tokens by delegation, no change feed, no get and no patch, so the connector as a whole can't live on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connector.errors import AccessDenied
from connector.model import Attendee, Mailbox, NewMeeting, Window
from connector.source.google.authentication import Tokens
from connector.source.google.settings import GoogleSettings, Key
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Letter, Reply, Wire

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

JS = Path(__file__).parents[1] / "js" / "emulate"
MANIFESTS = ("package.json", "package-lock.json")
INSTALL_SECONDS, START_SECONDS = 180, 60
ADA = "ada@brand.example"
TOKEN = "lab-token"
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(START - timedelta(days=7), START + timedelta(days=31))


def seed() -> dict[str, object]:
    """Ada with one meeting; free/busy knows her calendar by her address, lists by ``primary``."""
    times = {"start_date_time": START.isoformat(), "end_date_time": (START + HOUR).isoformat()}
    whose = {"user_email": ADA, "time_zone": "UTC"}
    return {
        "tokens": {TOKEN: {"login": ADA, "scopes": ["https://www.googleapis.com/auth/calendar"]}},
        "google": {
            "users": [{"email": ADA, "name": "Ada"}],
            "calendars": [{"id": one, "summary": one, **whose} for one in ("primary", ADA)],
            "calendar_events": [
                {"id": f"evt{n}", "user_email": ADA, "calendar_id": one, "summary": "Kick-off", **times}
                for n, one in enumerate(("primary", ADA))
            ],
        },
    }


@pytest.fixture(scope="session")
def modules() -> Path:
    """The package as the lock file names it, installed once and kept in the user's cache; skips where that can't be."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    digest = hashlib.sha256(b"".join((JS / name).read_bytes() for name in MANIFESTS)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calendar-connector-tests"
    folder = cache / f"emulate-{digest}"
    if not (folder / "node_modules" / "emulate").is_dir():
        install(folder)
    return folder / "node_modules"


def install(folder: Path) -> None:
    """By the ordinary client, without running anybody's scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MANIFESTS:
        shutil.copy(JS / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install emulate in time")
    if done.returncode != 0:
        pytest.skip(f"npm can't install emulate: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture
def port(modules: Path, tmp_path: Path) -> Iterator[int]:
    """Where a fresh one serves, on loopback alone."""
    facts = tmp_path / "seed.json"
    facts.write_text(json.dumps(seed()), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = int(probe.getsockname()[1])
    command = ["node", str(JS / "serve.mjs"), str(modules), str(found), str(facts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            with selectors.DefaultSelector() as selector:
                selector.register(process.stdout, selectors.EVENT_READ)
                assert selector.select(START_SECONDS), "emulate did not start"
            assert process.stdout.readline().strip() == "ready"
            yield found
        finally:
            process.terminate()


class PlainWire(Wire):
    """Our letters as plain HTTP to one port: emulate has no TLS."""

    def __init__(self, settings: GoogleSettings, port: int) -> None:
        super().__init__(settings)
        self._plain = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False)

    def send(self, letter: Letter) -> Reply:
        found = self._plain.request(
            letter.method,
            letter.path,
            params=list(letter.query),
            headers=letter.headers,
            content=letter.body or None,
        )
        return Reply(found.status_code, dict(found.headers), found.content)

    def close(self) -> None:
        self._plain.close()
        super().close()


class OneToken(Tokens):
    """A token that is there already: emulate grants none to service accounts."""

    def bearer(self, subject: str, scope: str) -> str:
        return TOKEN

    def discard(self, subject: str, scope: str, token: str) -> None:
        """There is no other."""


@pytest.fixture
def source(port: int) -> Iterator[GoogleSource]:
    """Our client in front of it."""
    settings = GoogleSettings(
        "brand", "test.example.com", ("brand.example",), (Key("google/brand", lambda: ""),), lambda _: True
    )
    wire = PlainWire(settings, port)
    opened = GoogleSource(
        settings, wire, OneToken(settings, wire, lambda: START, lambda _: None), lambda: START
    )
    yield opened
    opened.close()


MAILBOX = Mailbox("m1", "brand", ADA, "staff", "manual")


def shown(source: GoogleSource) -> list[tuple[str, datetime]]:
    """What our client makes of its list."""
    series = source.view(MAILBOX, WINDOW).series
    return sorted((one.subject, one.start) for each in series for one in each.meetings)


def test_its_list_is_read(source: GoogleSource) -> None:
    """Its events become meetings, with times, words, and a UID of our own making as it gives none."""
    assert shown(source) == [("Kick-off", START)]
    (series,) = source.view(MAILBOX, WINDOW).series
    assert series.uid.startswith("event-")


def test_a_meeting_is_made_and_deleted(source: GoogleSource) -> None:
    """Insert with a guest, seen in the list; deleted once with success, the second time as gone."""
    order = NewMeeting(
        "k", "uid", "From the cloud", START + 2 * HOUR, START + 3 * HOUR, attendees=(Attendee("b@x.example"),)
    )
    made = source.apply(MAILBOX, order)
    assert ("From the cloud", START + 2 * HOUR) in shown(source)
    answers = [source.services.delete(MAILBOX, made.item_id, "", "none").status for _ in range(2)]
    assert answers[0] < 300
    assert answers[1] in {404, 410}
    assert shown(source) == [("Kick-off", START)]


def test_free_busy_is_answered(source: GoogleSource) -> None:
    """Times of whom it knows, a reason for whom it does not."""
    own, other = source.availability(MAILBOX, [ADA, "nobody@brand.example"], WINDOW)
    assert [(span.start, span.end) for span in own.busy] == [(START, START + HOUR)]
    assert other.code


def test_its_errors_are_understood(source: GoogleSource) -> None:
    """Its envelope of a calendar that is not there is Google's."""
    room = Mailbox("m2", "brand", "c_1@resource.calendar.google.com", "room", "manual")
    with pytest.raises(AccessDenied, match="no-calendar"):
        source.view(room, WINDOW)
