"""Nobody is asked for more than was agreed: after a failover, under faults, in a storm of notifications, after our own writes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.lab.survival import Scene, scene
from tests.lab.test_commands import Client, meeting

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

STORM = 207
BURST_SECONDS = 2
"""So much of the limit may be used at once after a quiet time."""


def mark(on: Scene) -> int:
    """Where the request log stands."""
    return max((int(entry["number"]) for entry in on.site.exchange.log()), default=0)


def asked(on: Scene, since: int, address: str = "") -> Counter[str]:
    """Operations since then."""
    return Counter(entry["operation"] for entry in on.site.exchange.log(since=since, address=address))


def quiet(on: Scene, seconds: float = 3.0) -> None:
    """Wait until nothing has been asked for a while."""
    stands, since = mark(on), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.2)
        if (now := mark(on)) != stands:
            stands, since = now, time.monotonic()


@pytest.mark.parametrize("code", ["ErrorMailboxFailover", "ErrorMailboxStoreUnavailable"])
def test_a_failover_costs_no_first_load_and_no_new_subscription(code: str) -> None:
    """A database changes its server: requests fail for some seconds, streams break; then the same bookmarks and ids go on."""
    with scene() as on:
        since, sent = mark(on), on.lists.books.tally().applied
        for operation in ("SyncFolderItems", "GetItem", "FindItem"):
            on.site.exchange.fault(operation, "response", times=-1, code=code)
        on.site.exchange.disconnect()
        on.edit(4)
        on.site.wait(lambda: asked(on, since)["SyncFolderItems"] > 0, "a request to meet it", 20)
        on.site.exchange.clear_faults()
        on.lists.settle(90)
        on.site.wait(on.all_streamed, "streams for everybody", 60)
        on.site.wait(on.healthy, "status to be healthy")
        assert asked(on, since)["Subscribe"] == 0
        assert asked(on, since)["GetFolder"] == 0
        assert on.lists.books.tally().applied - sent <= 4 * len(on.people)


def test_a_front_end_that_leaves_the_load_balancer_goes_unnoticed() -> None:
    """Its connections are cut: kept ones are dialled anew, streams reopened with the same ids, one look for each mailbox."""
    with scene() as on:
        since = mark(on)
        on.site.exchange.disconnect()
        on.edit(4)
        on.lists.settle(60)
        on.site.wait(on.all_streamed, "streams for everybody", 60)
        counted = asked(on, since)
        assert counted["Subscribe"] == 0
        assert counted["GetFolder"] == 0
        assert on.healthy()


def rates(entries: list[dict[str, Any]], span: timedelta) -> Iterator[int]:
    """How many requests each window of this length holds, from each request on."""
    times = [datetime.fromisoformat(entry["at"]) for entry in entries]
    for place, begun in enumerate(times):
        yield sum(begun <= at < begun + span for at in times[place:])


def test_the_limit_on_requests_holds_under_every_fault() -> None:
    """A restart of everything, busy answers, broken answers, expired bookmarks: never more than ``limits.requests`` and its burst."""
    limit, span = 10, timedelta(seconds=5)
    with scene(requests=f"{limit}/s") as on:
        quiet(on)
        since = mark(on)
        on.site.exchange.restart_server()
        on.site.exchange.fault("SyncFolderItems", "soap", times=6, code="ErrorServerBusy")
        on.site.exchange.fault("GetItem", "truncated", times=3)
        on.edit(8)
        for address in on.people:
            on.site.exchange.edit("expire_sync_states", mailbox=address)
        on.site.exchange.disconnect()
        on.lists.settle(120)
        on.site.wait(on.all_streamed, "streams for everybody", 90)
        entries = [entry for entry in on.site.exchange.log(since=since) if entry["status"] != 401]
        most = limit * (span.total_seconds() + BURST_SECONDS)
        assert len(entries) > 20
        assert max(rates(entries, span)) <= most


def test_a_storm_of_one_mailbox_is_slowed_down_and_told_of() -> None:
    """Another product loops on an item: one alarm with its name, a look a minute for it, and the others are as quick as ever."""
    with scene() as on:
        loud, calm = on.people[0], on.people[1]
        start = _tomorrow(on)
        item = on.site.exchange.edit("create", mailbox=loud, start=start, subject="0")["item_id"]
        for number in range(400):
            on.site.exchange.edit("change", mailbox=loud, item=item, subject=str(number))
            if number % 20 == 0 and STORM in on.alarms():
                break
        on.site.wait(lambda: STORM in on.alarms(), "the alarm", 10)
        assert loud in str(on.site.json("alarm", "list"))
        since = mark(on)
        for number in range(30):
            on.site.exchange.edit("change", mailbox=loud, item=item, subject=f"again {number}")
        made = on.site.exchange.edit("create", mailbox=calm, start=start, subject="Quick")
        assert made
        on.site.wait(lambda: on.lists.differing([calm]) == [], "the change of somebody else", 15)
        assert asked(on, since, loud)["SyncFolderItems"] <= 2


def test_our_own_writes_wake_no_loop() -> None:
    """A meeting made and changed by command: each write is looked at once, comes up once, and then it is quiet."""
    with scene() as on:
        client = Client(on.site, on.people[0])
        before = on.lists.books.tally().applied
        made = client.asked("meeting.create", meeting("Made by us", 5))
        assert made.result.value == "done"
        on.lists.settle(30)
        quiet(on, 4)
        since = mark(on)
        assert on.lists.books.tally().applied - before <= 2
        time.sleep(5)  # that nothing happens can't be waited for
        assert asked(on, since, on.people[0])["SyncFolderItems"] == 0
        assert asked(on, since, on.people[0])["UpdateItem"] == 0


def _tomorrow(on: Scene) -> str:
    return (on.site.exchange.now() + timedelta(days=1)).replace(microsecond=0).isoformat()
