"""How much Exchange is asked: per change, per idle mailbox and hour, in a burst, after a restart of all its servers.

For the idle hours every interval of the configuration and the life of a stream are a sixtieth or less: a minute shows an hour or two.
Baselines are the same daemon without streams, asking every 60 s, and with a stream of its own for each mailbox.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from scripts.benchmarks.rows import Row, row
from scripts.benchmarks.stage import answers
from scripts.benchmarks.stage.house import PATIENCE, House
from scripts.benchmarks.stage.seeds import mailbox_id

BENCH = "cost"
EVENTS = 5
SERIES_EVERY = 5
LIMIT = "20/s"
OPERATIONS = (
    *("SyncFolderItems", "GetItem", "FindItem", "Subscribe", "Unsubscribe", "GetStreamingEvents"),
    *("GetMailTips", "GetServiceConfiguration", "GetUserOofSettingsRequest"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to hear of changes, and in how many seconds how much of a day is shown; times are scaled alike."""

    stream: str
    mailboxes: int
    hour: float
    hours: float
    timing: str


def run(*, full: bool) -> list[Row]:
    """Requests, bytes, and requests a second. All of it waits more than it works, so everything runs at the same time."""
    shortest = "sweep: 60s, out_of_office: 1s, stream_timeout: 30m"
    ways = (
        Way("grouped", 2_000 if full else 500, 30.0, 2.0, f"{{{shortest}}}"),
        Way("off", 20, 60.0, 0.25, "{sweep: 120s, out_of_office: 2s, poll: 1s}"),
        Way("per-mailbox", 20, 30.0, 0.5, f"{{{shortest}}}"),
    )
    with ThreadPoolExecutor(len(ways) + 1) as together:
        rushes = together.submit(_rushes, 1_000 if full else 100)
        (grouped, changes), (polled, _), (alone, _) = together.map(_hours, ways)
    idle = "requests per idle mailbox and hour, out-of-office included"
    return [
        row(BENCH, idle, grouped, "", "polling every 60 s", polled),
        row(BENCH, idle, grouped, "", "a stream for each mailbox", alone),
        *changes,
        *rushes.result(),
    ]


def _hours(way: Way) -> tuple[float, list[Row]]:
    """Requests per mailbox and hour of rest, and what changes cost after it."""
    with House(hour=way.hour, timing=way.timing, stream=way.stream) as house:
        house.seed(range(way.mailboxes), subscribed=way.stream == "grouped")
        house.start()
        if way.stream == "off":
            time.sleep(5)
        else:
            house.wait(lambda: house.figures(reset=False)["heard"] >= way.mailboxes, "all to be heard")
            house.rest()
        house.figures()
        time.sleep(way.hours * way.hour)
        asked = _requests(house.figures()["counts"]) / way.mailboxes / way.hours
        return asked, _changes(house, way.mailboxes) if way.stream == "grouped" else []


def _changes(house: House, size: int) -> list[Row]:
    """One meeting of each of a hundred mailboxes, every fifth a series; what idling costs in that time is taken off."""
    numbers = range(min(100, size))
    before = _measured(house, lambda: None, 4.0)
    during = _measured(house, lambda: _edit(house, numbers), 4.0)
    requests = during["requests"] - before["requests"]
    sent = sum(during[one] - before[one] for one in ("bytes in", "bytes out"))
    return [
        row(BENCH, f"requests per change of {EVENTS} events", max(0.0, requests) / len(numbers), ""),
        row(BENCH, "bytes per change, both ways", max(0.0, sent) / len(numbers), "B"),
    ]


def _edit(house: House, numbers: range) -> None:
    for number in numbers:
        series = number % SERIES_EVERY == 0
        house.change([number], events=EVENTS, key=answers.SINGLES if series else 1)


def _measured(house: House, work: Any, seconds: float) -> dict[str, float]:
    house.figures()
    work()
    time.sleep(seconds)
    counts = house.figures()["counts"]
    asked = sum(counts.get(one, 0) for one in ("SyncFolderItems", "GetItem", "FindItem"))
    return {"requests": asked, "bytes in": counts.get("bytes in", 0), "bytes out": counts.get("bytes out", 0)}


def _requests(counts: dict[str, int]) -> int:
    """Of every kind."""
    return sum(counts.get(name, 0) for name in OPERATIONS)


def _rushes(size: int) -> list[Row]:
    """With the limits as they are unless an administrator changes them."""
    with House(requests=LIMIT) as house:
        house.seed(range(size), subscribed=True)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= size, "all to be heard")
        house.rest(quiet=5)
        burst, drained = _watched(house, lambda: _nine_o_clock(house, range(size // 5)))
        again, back = _watched(house, lambda: _all_restarted(house, size))
    limit = float(LIMIT.partition("/")[0])
    return [
        row(
            BENCH,
            f"09:00, {size // 5} changes at once: most requests a second",
            burst,
            "",
            "limits.requests",
            limit,
        ),
        row(BENCH, f"09:00, {size // 5} changes at once: all at the hub after", drained, "s"),
        row(
            BENCH,
            f"all of Exchange restarted, {size}: most requests a second",
            again,
            "",
            "limits.requests",
            limit,
        ),
        row(BENCH, f"all of Exchange restarted, {size}: all subscribed again after", back, "s"),
    ]


def _nine_o_clock(house: House, numbers: range) -> Any:
    house.arrivals()
    house.change(numbers, events=EVENTS)
    missing = {mailbox_id(number) for number in numbers}

    def done() -> bool:
        missing.difference_update(mailbox for _, mailbox, _ in house.arrivals()["arrivals"])
        return not missing

    return done


def _all_restarted(house: House, size: int) -> Any:
    house.restart_exchange(keep=False)
    house.wait(lambda: house.figures(reset=False)["heard"] < size, "the streams to end")
    return lambda: house.figures(reset=False)["heard"] >= size


def _watched(house: House, begin: Any) -> tuple[float, float]:
    """The most requests in any second until what ``begin`` returns is true, and how long that took."""
    house.figures()
    begun = last = time.monotonic()
    done, counted, most = begin(), 0, 0.0
    while not done():
        if time.monotonic() - begun > PATIENCE:
            raise RuntimeError(f"waited {PATIENCE} s in vain\n{house.tail()}")
        time.sleep(0.1)
        if (now := time.monotonic()) - last >= 1.0:
            asked = _requests(house.figures(reset=False)["counts"])
            most = max(most, (asked - counted) / (now - last))
            counted, last = asked, now
    return most, time.monotonic() - begun
