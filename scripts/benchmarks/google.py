"""A page of Google's events, beside Google's own client in the same run; what a user costs in memory and in requests."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httplib2  # type: ignore[import-untyped]
from google.oauth2 import service_account
from google_auth_httplib2 import AuthorizedHttp  # type: ignore[import-untyped]
from googleapiclient.discovery import build  # type: ignore[import-untyped]

from connector.app.paces import stretched
from connector.config.sources import GoogleSource as Section
from connector.model import Mailbox
from connector.rules import pace_of
from connector.source.google import convert
from connector.source.google.authentication import CALENDAR, GMAIL, Token, Tokens
from connector.source.google.services import BRIEF, Query
from connector.source.google.settings import GoogleSettings, Key, Limits
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Wire
from connector.sync.hints import FALLBACK_ROUNDS
from scripts.benchmarks.rows import Row, row, side_by_side
from tests.lab.google.launch import LabGoogle

EVENTS = 250
PAGES = 2
ROUNDS = 31
"""Short turns and many of them: what else the machine does then falls on both alike."""
THEIRS = "google-api-python-client"
WHOLE = (("singleEvents", "false"), ("maxResults", str(EVENTS)))
QUERY = (*WHOLE, *BRIEF)
START = datetime(2026, 11, 23, 9, tzinfo=UTC)


class _Loopback(httplib2.Http):  # type: ignore[misc]
    """httplib2 that reaches Google's names at the lab's port."""

    def __init__(self, lab: LabGoogle) -> None:
        super().__init__(ca_certs=str(lab.ca), proxy_info=None)
        self._here = f"https://localhost:{lab.port}"

    def request(self, uri: str, *arguments: Any, **named: Any) -> Any:
        """The same request, here."""
        return super().request(re.sub(r"^https://[^/]+", self._here, uri), *arguments, **named)


def run(*, full: bool) -> list[Row]:  # noqa: ARG001 - a page is as large as Google's pages are
    """All rows of this benchmark."""
    with LabGoogle(users=1) as lab:
        lab.tell("/quotas", project=10_000_000, user=10_000_000)
        for number in range(EVENTS):
            _fill(lab, number)
        pages = _pages(lab)
    return [*pages, *_memory(), *_requests()]


def _fill(lab: LabGoogle, number: int) -> None:
    start = START + timedelta(hours=number)
    guests = [{"address": f"guest{n}@elsewhere.example"} for n in range(4)]
    words = "We go through the list of open points. " * 8
    lab.edit(
        "create",
        mailbox=lab.address(1),
        start=start.isoformat(),
        subject=f"Meeting {number}",
        location="Room 12",
        body=words,
        attendees=guests,
    )


def _pages(lab: LabGoogle) -> list[Row]:
    """CPU of this process alone: the lab is another."""
    source, mailbox = _source(lab)
    theirs = _their_client(lab)

    def fetched(query: Query = QUERY) -> list[dict[str, Any]]:
        return list(source.services.events(mailbox, query)["items"])

    def by_theirs() -> list[dict[str, Any]]:
        return list(theirs.events().list(calendarId="primary", maxResults=EVENTS).execute()["items"])

    if len(fetched()) != EVENTS or len(by_theirs()) != EVENTS:
        raise AssertionError("a page is not whole")
    metrics = {
        "CPU per event, fetched": fetched,
        "CPU per event, with what nobody reads": lambda: fetched(WHOLE),
        "CPU per event, made a meeting": lambda: [convert.meeting(one, UTC) for one in fetched()],
    }
    found = [_beside(metric, work, by_theirs) for metric, work in metrics.items()]
    source.close()
    return found


def _beside(metric: str, work: Callable[[], object], theirs: Callable[[], object]) -> Row:
    """Microseconds an event, taking turns with Google's client."""
    taken = side_by_side(
        lambda: [work() for _ in range(PAGES)], lambda: [theirs() for _ in range(PAGES)], rounds=ROUNDS
    )
    ours, baseline = (one * (1e6 / PAGES / EVENTS) for one in taken)
    return row("google: page of 250", metric, ours, "us", THEIRS, baseline)


def _source(lab: LabGoogle) -> tuple[GoogleSource, Mailbox]:
    settings = GoogleSettings(
        name="brand",
        instance="bench.example.com",
        domains=(lab.domain,),
        keys=(Key("google/brand", lambda: lab.key),),
        enlisted=lambda _address: True,
        ca=lab.ca,
        resolve=lab.resolve,
        limits=Limits(project=10_000_000, user=10_000_000),
    )
    wire = Wire(settings)
    clock = _clock
    source = GoogleSource(settings, wire, Tokens(settings, wire, clock), clock)
    return source, Mailbox("m1", "brand", lab.address(1), "p", "manual")


def _clock() -> datetime:
    return datetime.now(UTC)


def _their_client(lab: LabGoogle) -> Any:
    info = json.loads(lab.key) | {"token_uri": f"https://localhost:{lab.port}/token"}
    kind: Any = service_account.Credentials
    made = kind.from_service_account_info(info, scopes=[CALENDAR]).with_subject(lab.address(1))
    return build("calendar", "v3", http=AuthorizedHttp(made, http=_Loopback(lab)), static_discovery=True)


def _memory() -> list[Row]:
    """Growth of the resident set, each in a fresh process: pages that this one has freed would hide it."""
    found = []
    for users in (1_000, 10_000):
        command = [sys.executable, "-m", "scripts.benchmarks.google", str(users)]
        grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found.append(row(f"google: {users:,} users", "memory per user", grown, "bytes", "aim", 8000))
    return found


def _grown(users: int) -> float:
    """Bytes for what is kept of each user: two tokens, a lock, a budget."""
    limits = Limits(project=10_000_000, user=600)
    settings = GoogleSettings(
        "b", "bench.example.com", ("b.example",), (), lambda _address: True, limits=limits
    )
    wire = Wire(settings)
    tokens = Tokens(settings, wire, _clock)
    budget = GoogleSource(settings, wire, tokens, _clock).budget
    before = _resident()
    for number in range(users):
        address = f"user{number}@b.example"
        for scope in (CALENDAR, GMAIL):
            tokens._held[address, scope] = Token(f"ya29.{secrets.token_urlsafe(160)}", _clock())  # noqa: SLF001 - what is measured
        tokens._turn(address)  # noqa: SLF001 - what is measured
        budget._take(address, 1)  # noqa: SLF001 - what is measured
    return (_resident() - before) / users


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def _requests() -> list[Row]:
    """By the intervals in force: changes cost what tests pin (one request; two for a series)."""
    pace = pace_of(Section.model_validate({"type": "google", "domains": ["b.example"]}))
    presence = timedelta(hours=1) / (pace.presence * FALLBACK_ROUNDS) * 2
    found = []
    for users in (100, 5_000):
        now = stretched(pace, users, 1_000_000)
        polled, pushed = (timedelta(hours=1) / one + presence for one in (now.poll, now.sweep))
        bench = f"google: {users:,} users"
        allowed = 1_000_000 / 24 / users
        found.append(
            row(bench, "requests per idle user and hour, polled", polled, "", "day's share", allowed)
        )
        found.append(row(bench, "requests per idle user and hour, push", pushed, "", "polled", polled))
    found.append(row("google", "requests per changed meeting", 1, "", "series", 2))
    return found


if __name__ == "__main__":
    print(_grown(int(sys.argv[1])))
