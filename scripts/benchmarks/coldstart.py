"""From nothing to a complete list at the hub: Autodiscover, check, full read, sealing, sending; beside bare requests for the same pages.

The stand-in answers ErrorServerBusy above 27 requests in flight (EWSMaxConcurrency of the default throttling policy) and thinks 10 ms over each
request. Our own limit on requests, 20 a second unless an administrator raises it, is out of the way.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from connector.model import Window
from connector.source.exchange import payloads
from connector.source.exchange.transport import Call
from scripts.benchmarks.rows import Row, row
from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.errand import Line
from scripts.benchmarks.stage.house import House

BENCH = "coldstart"
IN_FLIGHT = 27
THINK = 0.01
SAMPLE = 20
END = "calendar.snapshot.end"
PUT = "calendar.meeting.put"
SLICES = 3
BATCH = 10


def run(*, full: bool) -> list[Row]:
    """Pace, CPU on each side, and what Exchange felt."""
    size = 10_000 if full else 150
    with House(think=THINK, most=IN_FLIGHT) as house:
        house.seed(range(size), live=False)
        begun = time.monotonic()
        house.start()
        arrived = _until_complete(house, size)
        seconds = time.monotonic() - begun
        cpu, asked = house.reading().cpu, house.figures()
        house.stop()
        bare = _bare(house)
    meetings = arrived[PUT]
    if meetings != size * answers.MEETINGS:
        raise RuntimeError(f"{meetings} meetings arrived, {size * answers.MEETINGS} were there")
    return _rows(size, meetings, seconds, cpu, asked, bare)


def _rows(
    size: int, meetings: int, seconds: float, cpu: float, asked: dict[str, Any], bare: float
) -> list[Row]:
    counts, name = asked["counts"], f"{size:,} mailboxes x {answers.MEETINGS}"
    requests = sum(
        counts.get(one, 0) for one in ("SyncFolderItems", "FindItem", "GetItem", "GetFolder", "ConvertId")
    )
    return [
        row(BENCH, f"{name}: pace", meetings / seconds, "items/s", "the bare requests, http.client", bare),
        row(BENCH, f"{name}: whole time", seconds, "s"),
        row(BENCH, "CPU per item", cpu / meetings * 1e6, "µs"),
        row(BENCH, "our share of one core", 100 * cpu / seconds, "%"),
        row(BENCH, "the lab's share of one core", 100 * asked["cpu"] / seconds, "%"),
        row(BENCH, "requests per mailbox", requests / size, ""),
        row(BENCH, "most requests in flight", counts["most in flight"], "", "allowed", IN_FLIGHT),
        row(BENCH, "ErrorServerBusy caused", counts.get("ErrorServerBusy", 0), ""),
    ]


def _until_complete(house: House, size: int) -> dict[str, int]:
    """Events by type, once every mailbox's list has been called complete."""
    seen: dict[str, int] = {}

    def complete() -> bool:
        for kind, _, _ in house.arrivals()["arrivals"]:
            seen[kind] = seen.get(kind, 0) + 1
        return seen.get(END, 0) >= size

    house.wait(complete, "every list to be complete", seconds=3600)
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
