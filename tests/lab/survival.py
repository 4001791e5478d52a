"""What the tests of survival share: a small site whose people edit, ready before the first fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.lab.edits_at_random import Office
from tests.lab.lists import Lists
from tests.lab.site import Site

SEED = 20261121
HEARTBEAT = 2
"""Seconds between the lab's heartbeats; three of them missed make a stream broken."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A running site with active mailboxes, equal lists and streams open."""

    site: Site
    people: list[str]
    lists: Lists
    office: Office

    def edit(self, count: int) -> None:
        """So many random edits, one after the other."""
        for _ in range(count):
            self.office.edit()

    def status(self) -> dict[str, Any]:
        """What status shows."""
        shown: dict[str, Any] = self.site.ask("status")
        return shown

    def alarms(self) -> dict[int, dict[str, Any]]:
        """The standing alarms by number."""
        return {one["number"]: one for one in self.status()["alarms"]}

    def held(self) -> list[str]:
        """Why sources or servers are held back."""
        return [str(one["problem"]) for one in self.status()["held"]]

    def hub_up(self) -> bool:
        """Whether the daemon believes that the hub is there."""
        return bool(self.status()["hub"]["up"])

    def all_streamed(self) -> bool:
        """Whether a stream covers everybody."""
        return sum(int(one["streamed"]) for one in self.status()["streams"]) == len(self.people)

    def healthy(self) -> bool:
        """What status says in a word."""
        return bool(self.status()["healthy"])


@contextmanager
def scene(
    people: int = 4,
    *,
    exchange: dict[str, Any] | None = None,
    outbox: str = "100000",
    requests: str = "500/s",
) -> Iterator[Scene]:
    """Everything started, a few meetings in each calendar, all at the hub."""
    options = {"hosts": "example.com", "heartbeat": HEARTBEAT, **(exchange or {})}
    with Site(
        mailboxes=people, exchange=options, heartbeat=f"{3 * HEARTBEAT}s", outbox=outbox, requests=requests
    ) as site:
        addresses = [site.exchange.address(number) for number in range(1, people + 1)]
        lists = Lists(site, addresses)
        made = Scene(site, addresses, lists, Office(site.exchange, addresses, SEED))
        made.edit(3 * people)
        site.start()
        lists.activate()
        site.wait(made.all_streamed, "streams for everybody", 30)
        yield made
        assert lists.books.applied_twice() == [], "an event was applied twice"
