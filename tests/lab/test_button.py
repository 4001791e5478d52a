"""The Join button on time: what a client shows it by, and changes shortly before a meeting, past any backlog."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab.books import Books
from tests.lab.keyword_site import UNBRAKED, KeywordSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
LINK = "https://us02web.zoom.us/j/81234567890?pwd=QWxhZGRpbg"
BACKLOG = 60


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    more = f"{UNBRAKED}buffers: {{start: 10m, end: 2m}}\n"
    with KeywordSite(tmp_path_factory.mktemp("button"), more) as site:
        site.create("Room 12")  # a first meeting brings the mailbox its key
        site.wait(lambda: bool(site.site.ask("mailbox.keys", address=site.owner)), "the key", 40)
        yield site


def applied(desk: KeywordSite, after: int) -> list[str]:
    """Ids of the meetings that the hub applied after a number of its books, in order."""
    with closing(sqlite3.connect(desk.site.hub.database, timeout=20)) as books:
        rows = books.execute("SELECT meeting FROM witness WHERE number > ? ORDER BY number", (after,))
        return [row[0] for row in rows]


def test_a_meeting_says_when_its_door_is_open(desk: KeywordSite) -> None:
    """Link, start and both buffers stand sealed in the meeting: the button needs no further question."""
    start = desk.start + timedelta(days=3)
    uid = desk.create(LINK, start=start.isoformat(), attendees=())
    keys = desk.site.keys(desk.owner)

    def mine() -> list[dict[str, object]]:
        opened = desk.site.opened(desk.owner, keys)
        return [one for one in opened if "link" in one and one["link"].url == LINK]

    desk.wait(lambda: bool(mine()), f"the way into {uid}", 40)
    (meeting,) = mine()
    link = meeting["link"]
    assert (link.before, link.after) == (timedelta(minutes=10), timedelta(minutes=2))  # type: ignore[attr-defined]
    assert meeting["start"] == start.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_change_shortly_before_the_start_passes_the_backlog(desk: KeywordSite) -> None:
    """Of all that waits while the hub is away the meeting that is about to begin is told first, although it changed last."""
    books = Books(desk.site.hub.database)
    before = books.tally().applied
    desk.site.hub.stop()
    for number in range(BACKLOG):
        start = desk.start + timedelta(days=4 + number % 20, minutes=number)
        desk.create("Room 12", start=start.isoformat(), attendees=())
    soon = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=20)
    desk.create(LINK + "1", start=soon.isoformat(), attendees=())
    desk.wait(lambda: desk.site.ask("status")["outbox"]["waiting"] > BACKLOG, "everything to wait", 90)
    desk.site.hub.start()
    desk.wait(lambda: len(applied(desk, before)) > BACKLOG, "the hub to have it all", 90)
    keys = desk.site.keys(desk.owner)
    near = {
        one["id"]
        for one in desk.site.opened(desk.owner, keys)
        if one["start"].startswith(f"{soon:%Y-%m-%dT%H:%M}")
    }
    assert applied(desk, before)[0] in near
