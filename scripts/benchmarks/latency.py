"""From a change in a calendar to the moment the hub has it durably, under a working day's load, beside http.client.

Each change makes five notifications; the lab thinks 20 ms over each request. The baseline sends the bytes of the same requests, commits the
same number of bytes, and posts to the same hub, at the same rate. The debounce wait (2 s, that lets the events of one
action gather) is taken off: it is chosen, not spent.
"""

from __future__ import annotations

import time

from scripts.benchmarks.rows import Row, percentile, row
from scripts.benchmarks.stage.errand import Errands
from scripts.benchmarks.stage.house import House
from scripts.benchmarks.stage.people import address
from scripts.benchmarks.stage.seeds import mailbox_id

BENCH = "latency"
RATE = 35.0
EVENTS = 5
THINK = 0.02
DEBOUNCE = 2.0
SETTLE = 60.0


def run(*, full: bool) -> list[Row]:
    """Percentiles of both, in milliseconds."""
    size, changes = (10_000, 2_000) if full else (1_000, 350)
    with House(think=THINK) as house:
        house.seed(range(size), subscribed=True)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= size, "all to be heard")
        house.rest()
        numbers = list(range(0, size, size // changes))[:changes]
        _warm_up(house, numbers)
        before = house.reading()
        begun = time.monotonic()
        ours = _measure(house, numbers)
        share = (house.reading().cpu - before.cpu) / (time.monotonic() - begun)
        house.stop()
        theirs = _baseline(house, numbers)
    return [*_rows(size, ours, theirs), row(BENCH, "CPU share of one core", 100 * share, "%")]


def _warm_up(house: House, numbers: list[int]) -> None:
    """Each has a content key and a list at the hub, as any mailbox in its second week."""
    house.change(numbers)
    _await(house, {mailbox_id(number): 0 for number in numbers})


def _measure(house: House, numbers: list[int]) -> list[float]:
    """Seconds for each change, the debounce wait taken off."""
    changed = {}
    begin = time.monotonic()
    for place, number in enumerate(numbers):
        time.sleep(max(0.0, begin + place / RATE - time.monotonic()))
        changed[mailbox_id(number)] = house.change([number], events=EVENTS)
    return [seconds - DEBOUNCE for seconds in _await(house, changed)]


def _await(house: House, changed: dict[str, int]) -> list[float]:
    """Seconds until each of the changes was acknowledged; fails when one never is."""
    taken: dict[str, float] = {}
    end = time.monotonic() + SETTLE
    while len(taken) < len(changed):
        if time.monotonic() > end:
            raise RuntimeError(f"{len(changed) - len(taken)} changes never reached the hub\n{house.tail()}")
        time.sleep(0.1)
        for _, mailbox, at in house.arrivals()["arrivals"]:
            if mailbox in changed:
                taken.setdefault(mailbox, (at - changed[mailbox]) / 1e9)
    return list(taken.values())


def _baseline(house: House, numbers: list[int]) -> list[float]:
    """Seconds for each, from its arrival by the clock to the hub's acknowledgement."""
    with Errands(house) as errands:
        begin = time.monotonic()
        for place, number in enumerate(numbers):
            time.sleep(max(0.0, begin + place / RATE - time.monotonic()))
            errands.send(address(number), number)
        return errands.taken()


def _rows(size: int, ours: list[float], theirs: list[float]) -> list[Row]:
    metric = f"{size:,} subscribed, {RATE:.0f} changes/s: p{{:.0f}}"
    return [
        row(BENCH, metric.format(100 * share), *_pair(ours, theirs, share)) for share in (0.5, 0.95, 0.99)
    ]


def _pair(ours: list[float], theirs: list[float], share: float) -> tuple[float, str, str, float]:
    return percentile(ours, share) * 1e3, "ms", "http.client", percentile(theirs, share) * 1e3
