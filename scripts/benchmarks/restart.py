"""Stop and start with thousands of mailboxes, and calendars that changed meanwhile: back without a first load, nothing lost."""

from __future__ import annotations

import time

from scripts.benchmarks.rows import Row, row
from scripts.benchmarks.stage.house import House
from scripts.benchmarks.stage.seeds import mailbox_id

BENCH = "restart"
CHANGED_SHARE = 10
FIRST_LOADS = 20


def run(*, full: bool) -> list[Row]:
    """Times after the start, and what was asked; the baseline is a first load of the same mailboxes."""
    size = 10_000 if full else 500
    with House() as house:
        house.seed(range(size), subscribed=True)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= size, "all to be heard")
        house.rest()
        begun = time.monotonic()
        house.stop()
        stopped = time.monotonic() - begun
        changed = range(0, size, CHANGED_SHARE)
        house.change(changed)
        house.arrivals()
        house.figures()
        return [row(BENCH, f"{size:,} mailboxes: stopped after", stopped, "s"), *_back(house, size, changed)]


def _back(house: House, size: int, changed: range) -> list[Row]:
    begun = time.monotonic()
    house.start()
    house.wait(lambda: house.figures(reset=False)["heard"] >= size, "all to be heard")
    heard = time.monotonic() - begun
    missing = {mailbox_id(number) for number in changed}
    arrived = _arrive(house, missing) - begun
    house.rest()
    counts = house.figures()["counts"]
    name = f"{size:,} mailboxes"
    first = _first_load()
    each = sum(counts.get(one, 0) for one in ("SyncFolderItems", "GetUserOofSettingsRequest")) / size
    return [
        row(BENCH, f"{name}: every stream open again after", heard, "s"),
        row(BENCH, f"{name}: {len(changed):,} changes made meanwhile at the hub after", arrived, "s"),
        row(BENCH, "changes lost", len(missing), ""),
        row(BENCH, "first loads", counts.get("feeds from the beginning", 0), ""),
        row(BENCH, "new subscriptions", counts.get("Subscribe", 0), ""),
        row(BENCH, "requests per mailbox", each, "", "a first load", first),
    ]


def _arrive(house: House, missing: set[str]) -> float:
    """Take those off that arrive; the moment when the last one did."""
    end = time.monotonic() + 600
    while missing and time.monotonic() < end:
        time.sleep(0.1)
        missing.difference_update(mailbox for _, mailbox, _ in house.arrivals()["arrivals"])
    return time.monotonic()


def _first_load() -> float:
    """Requests per mailbox from nothing."""
    with House() as house:
        house.seed(range(FIRST_LOADS), live=False)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= FIRST_LOADS, "all to be heard")
        house.rest()
        counts = house.figures()["counts"]
    asked = ("SyncFolderItems", "FindItem", "GetItem", "GetFolder", "ConvertId", "Subscribe")
    return float(sum(counts.get(one, 0) for one in asked)) / FIRST_LOADS
