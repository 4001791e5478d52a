"""Chaos: an office at work, and one mishap after the other. After each, the hub must come to equal the calendars by itself.

``python -m tests.lab.chaos --minutes N --seed S --source SOURCE``; scripts/chaos calls it.
"""

from __future__ import annotations

import argparse
import random
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.edits_at_random import BusyDay, Office
from tests.lab.google.mishaps import GoogleMishaps
from tests.lab.google.site import GoogleSite
from tests.lab.lists import Lists
from tests.lab.mishaps import CONNECTOR, PLACES, Mishap, Mishaps
from tests.lab.site import Site, SiteError

PEOPLE = 6
IANA_ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
GOOGLE = {"google": ("off", "1s"), "google-push": ("hub", "1m")}
"""How changes at Google are heard of, and how often calendars are polled, by the name of the source. Notifications that get lost are made good within a minute."""
PAUSE = 0.15
HEARTBEAT = 2
PATIENCE = 150.0
"""Seconds in which everything must be right again after a mishap."""
TOGETHER = (1, 1, 1, 2, 2, 3)
"""How many mishaps come at once."""
THREADS = 4
STORM = 207
GROWTH = 24 * 1024
"""By how many threads, and KiB of resident memory, one life of the connector may differ at rest. Streams come and go with groups."""
YOUNG = 20.0
"""Seconds in which a process still fills its caches; memory is compared from then on."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What the connector's process weighs at rest: age in seconds, threads, resident memory in KiB."""

    pid: int
    age: float
    threads: int
    memory: int


@dataclass(slots=True)
class Tally:
    """What happened."""

    begun: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    weights: list[Weight] = field(default_factory=list)

    def recovered(self, mishaps: list[Mishap], seconds: float) -> None:
        """Everything was right again so many seconds after the mishaps had ended."""
        for mishap in mishaps:
            self.seconds.setdefault(mishap.name, []).append(seconds)

    def table(self) -> str:
        """For people."""
        lines = [f"{'mishap':<34}{'times':>6}{'recovered':>11}{'median':>9}{'slowest':>9}"]
        for name in sorted(self.begun):
            took = self.seconds.get(name, [])
            median, slowest = (statistics.median(took), max(took)) if took else (0.0, 0.0)
            lines.append(f"{name:<34}{self.begun[name]:>6}{len(took):>11}{median:>8.1f}s{slowest:>8.1f}s")
        return "\n".join(lines)

    def heavier(self) -> str:
        """What grew in one life of the process, in a sentence; "" when nothing did."""
        for pid in {one.pid for one in self.weights}:
            life = [one for one in self.weights if one.pid == pid]
            grown = [one for one in life if one.age > YOUNG]
            if max(one.threads for one in life) - min(one.threads for one in life) > THREADS:
                return f"threads of process {pid}: {[one.threads for one in life]}"
            if grown and grown[-1].memory - grown[0].memory > GROWTH:
                return f"memory of process {pid} in KiB: {[one.memory for one in grown]}"
        return ""

    def longest_life(self) -> str:
        """Threads and memory of the process that lived longest."""
        oldest = max(self.weights, key=lambda one: one.age)
        life = [one for one in self.weights if one.pid == oldest.pid]
        threads = [one.threads for one in life]
        memory = " ".join(str(one.memory // 1024) for one in life)
        return (
            f"longest life {oldest.age:.0f} s: {min(threads)} to {max(threads)} threads at rest,"
            f" resident memory in MiB: {memory}"
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it happens: a site, its people's lists, the office that edits, and what can go wrong. Made before the start."""

    site: Site
    lists: Lists
    office: Office
    kinds: tuple[Mishap, ...]


def exchange_stage(site: Site, seed: int, dice: random.Random) -> Stage:
    """People whose calendars are in the lab Exchange."""
    people = [site.exchange.address(number) for number in range(1, PEOPLE + 1)]
    office = Office(site.exchange, people, seed)
    return Stage(site, Lists(site, people), office, Mishaps(site, people, dice).kinds)


def google_stage(site: GoogleSite, seed: int, dice: random.Random) -> Stage:
    """People whose calendars are at the lab Google."""
    people = [site.google.address(number) for number in range(1, PEOPLE + 1)]
    office = Office(site.google, people, seed, IANA_ZONES)
    return Stage(site, Lists(site, people), office, GoogleMishaps(site, people, dice).kinds)


class Chaos:
    """One run on one stage."""

    def __init__(self, stage: Stage, dice: random.Random, only: str = "") -> None:
        self.tally = Tally()
        self.lists = stage.lists
        self._site = stage.site
        self._dice = dice
        self._office = stage.office
        self._kinds = [one for one in stage.kinds if only in one.name]
        self._deck: list[Mishap] = []

    def run(self, seconds: float) -> None:
        """Go on for so long. Raises SiteError when something does not recover."""
        self._site.start()
        self.lists.activate()
        day = BusyDay(self._office, sys.maxsize, PAUSE)
        day.start()
        half, ends = time.monotonic() + seconds / 2, time.monotonic() + seconds
        while time.monotonic() < ends:
            self._round(day, spared=CONNECTOR if time.monotonic() > half else "")
        day.finish(0)
        self._rest([])
        if twice := self.lists.books.applied_twice():
            raise SiteError(f"applied twice: {twice[:5]}")
        if grown := self.tally.heavier():
            raise SiteError(grown)

    def edits(self) -> int:
        """Edits so far."""
        return self._office.done.total()

    def _round(self, day: BusyDay, spared: str) -> None:
        """In the second half the connector's process is spared, so that its weight can be seen over a longer life."""
        mishaps = [one for one in self._draw() if one.where != spared]
        ends = []
        for mishap in mishaps:
            self.tally.begun[mishap.name] += 1
            ends.append(mishap.begin())
            time.sleep(self._dice.uniform(*mishap.lasts))
        for end in reversed(ends):
            end()
        with day.quiet():
            self._rest(mishaps)

    def _draw(self) -> list[Mishap]:
        """The next cards, at most one of a place, so that every kind has its turn."""
        drawn: dict[str, Mishap] = {}
        for _ in range(self._dice.choice(TOGETHER)):
            if not self._deck:
                self._deck = [one for one in self._kinds if self.tally.begun[one.name] < one.most]
                self._dice.shuffle(self._deck)
            card = self._deck.pop()
            drawn.setdefault(card.where, card)
        return sorted(drawn.values(), key=lambda one: PLACES.index(one.where))

    def _rest(self, mishaps: list[Mishap]) -> None:
        """Everything is right again: states, lists, status; and the process weighs what it did."""
        begun = time.monotonic()
        what = " and ".join(one.name for one in mishaps) or "all of it"
        try:
            self.lists.settle(PATIENCE)
            self._site.wait(self._well, f"status to be healthy after: {what}", PATIENCE)
        except SiteError as error:
            raise SiteError(f"after {what}: {error}") from error
        self.tally.recovered(mishaps, time.monotonic() - begun)
        self.tally.weights.append(self._weight())

    def _well(self) -> bool:
        status = self._site.ask("status")
        if status["outbox"]["dead_letters"]:
            raise SiteError("there are dead letters")
        return (status["healthy"] or _stormy(status)) and self.lists.all_active()

    def _weight(self) -> Weight:
        pid = self._site.connector.pid if self._site.connector else 0
        facts = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
        born = float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / 100
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - born
        return Weight(pid, age, int(facts["Threads"]), int(facts["VmRSS"].split()[0]))


def _stormy(status: dict[str, Any]) -> bool:
    """Whether nothing is wrong but that this office edits like no other: its calendars are looked at less often."""
    return (
        {one["number"] for one in status["alarms"]} == {STORM} and not status["held"] and status["hub"]["up"]
    )


@contextmanager
def _staged(source: str, seed: int, dice: random.Random) -> Iterator[Stage]:
    """A site of its own, with nothing started but its servers."""
    if source in GOOGLE:
        push, poll = GOOGLE[source]
        with GoogleSite(users=PEOPLE, push=push, poll=poll, sweep="1m") as google:
            yield google_stage(google, seed, dice)
        return
    exchange = {"groups": 2, "hosts": "example.com,mail.example.com", "heartbeat": HEARTBEAT}
    with Site(mailboxes=PEOPLE, exchange=exchange, heartbeat=f"{3 * HEARTBEAT}s") as site:
        yield exchange_stage(site, seed, dice)


def run(minutes: float, seed: int, only: str = "", source: str = "exchange") -> Chaos:
    """One run; the chaos with its tally. Raises SiteError with what did not recover."""
    dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
    with _staged(source, seed, dice) as stage:
        chaos = Chaos(stage, dice, only)
        try:
            chaos.run(minutes * 60)
        except SiteError:
            print(chaos.tally.table(), flush=True)
            raise
        stage.site.stop()
    return chaos


def main() -> int:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(prog="scripts/chaos")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--only", default="", help="only mishaps whose name has these words in it")
    parser.add_argument("--source", choices=("exchange", *GOOGLE), default="exchange")
    given = parser.parse_args()
    print(f"{given.source}, seed {given.seed}, {given.minutes:g} minutes", flush=True)
    try:
        chaos = run(given.minutes, given.seed, given.only, given.source)
    except SiteError as error:
        print(f"scripts/chaos: seed {given.seed}: {error}", file=sys.stderr)
        return 1
    print(chaos.tally.table())
    took = [second for taken in chaos.tally.seconds.values() for second in taken]
    print(f"{chaos.edits()} edits, {chaos.tally.begun.total()} mishaps, slowest recovery {max(took):.1f} s")
    print(chaos.tally.longest_life())
    return 0


if __name__ == "__main__":
    sys.exit(main())
