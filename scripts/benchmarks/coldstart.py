"""From nothing to a complete list at the hub: Autodiscover, check, full read, sealing, sending; beside bare requests for the same pages.

The stand-in answers ErrorServerBusy above 27 requests in flight (EWSMaxConcurrency of the default throttling policy) and thinks 10 ms over each
request. Our own limit on requests, 20 a second unless an administrator raises it, is out of the way. It ends when all are complete or
after ``MOST_SECONDS``; the figures are of what arrived until then.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from connector.model import Window
from connector.source.exchange import payloads
from connector.source.exchange.transport import Call
from scripts.benchmarks.progress import tell
from scripts.benchmarks.rows import Row, row
from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.errand import Line
from scripts.benchmarks.stage.house import House

BENCH = "coldstart"
IN_FLIGHT = 27
THINK = 0.01
MOST_SECONDS = 20 * 60.0
LOOK = 0.1
TELL = 60.0
SAMPLE = 20
END = "calendar.snapshot.end"
PUT = "calendar.meeting.put"
SLICES = 3
BATCH = 10


def run(*, full: bool) -> list[Row]:
    """Pace, CPU on each side, and what Exchange felt, until all lists are complete or the time is up."""
    size = 10_000 if full else 100
    with House(think=THINK, most=IN_FLIGHT) as house:
        tell(f"{size:,} mailboxes from nothing ...")
        house.seed(range(size), live=False)
        begun = time.monotonic()
        house.start()
        arrived = _arrived(house, size)
        seconds = time.monotonic() - begun
        cpu, asked = house.reading().cpu, house.figures()
        house.stop(signal.SIGKILL)
        bare = _bare(house)
    done, meetings = arrived[END], arrived[PUT]
    if done == size and meetings != size * answers.MEETINGS:
        raise RuntimeError(f"{meetings} meetings arrived, {size * answers.MEETINGS} were there")
    return [
        row(BENCH, f"mailboxes x {answers.MEETINGS}, wanted", size, ""),
        row(BENCH, f"mailboxes x {answers.MEETINGS}, complete", done, ""),
        *_rows(meetings, seconds, cpu, asked, bare),
    ]


def _rows(meetings: int, seconds: float, cpu: float, asked: dict[str, Any], bare: float) -> list[Row]:
    counts = asked["counts"]
    requests = sum(
        counts.get(one, 0) for one in ("SyncFolderItems", "FindItem", "GetItem", "GetFolder", "ConvertId")
    )
    return [
        row(BENCH, "time", seconds, "s"),
        row(BENCH, "pace", meetings / seconds, "items/s", "the bare requests, http.client", bare),
        row(BENCH, "CPU per item", cpu / meetings * 1e6, "µs"),
        row(BENCH, "our share of one core", 100 * cpu / seconds, "%"),
        row(BENCH, "the lab's share of one core", 100 * asked["cpu"] / seconds, "%"),
        row(BENCH, "requests per item", requests / meetings, ""),
        row(BENCH, "most requests in flight", counts["most in flight"], "", "allowed", IN_FLIGHT),
        row(BENCH, "ErrorServerBusy caused", counts.get("ErrorServerBusy", 0), ""),
    ]


def _arrived(house: House, size: int) -> Counter[str]:
    """Events by type, once every mailbox's list has been called complete or the time is up."""
    seen = Counter[str]()
    begun = told = time.monotonic()
    while seen[END] < size and (now := time.monotonic()) - begun < MOST_SECONDS:
        time.sleep(LOOK)
        seen.update(kind for kind, _, _ in house.arrivals()["arrivals"])
        if now - told > TELL:
            told = now
            tell(f"  {seen[END]:,} complete, {seen[PUT]:,} meetings at the hub")
    return seen


def _bare(house: House) -> float:
    """Items a second of one connection that asks for the same pages and throws them away."""
    line = Line(house, house.exchange.port)
    begun = time.monotonic()
    for number in range(SAMPLE):
        for payload in _pages(number):
            line.ask(Call(people.ENDPOINT, payload, people.address(number)))
    seconds = time.monotonic() - begun
    line.close()
    return SAMPLE * answers.MEETINGS / seconds


def _pages(number: int) -> list[Any]:
    start, end = people.window()
    width = (end - start) / SLICES
    views = [payloads.calendar_view(_piece(start, width, place)) for place in range(SLICES)]
    keys = range(answers.SINGLES + answers.SERIES)
    ids = [payloads.item(answers.item_id(number, key).decode()) for key in keys]
    items = [payloads.get_content(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    return [payloads.sync_folder_items(None), *views, *items, payloads.sync_folder_items("H4sIAAA.0")]


def _piece(start: datetime, width: timedelta, place: int) -> Window:
    return Window(start + place * width, start + (place + 1) * width)
