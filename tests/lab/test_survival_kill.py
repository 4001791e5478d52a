"""kill -9 at any moment: nothing is lost and nothing is doubled."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from tests.lab.edits_at_random import BusyDay, Office
from tests.lab.lists import Lists
from tests.lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

PEOPLE = 8
EDITS = 500
KILLS = 50
SEED = 20261121


def kill_at_random(site: Site, dice: random.Random) -> str:
    """Start the daemon, let it live for a moment, kill it; where in its life that was."""
    site.spawn()
    if dice.random() < 0.2:
        time.sleep(dice.uniform(0.2, 1.0))
        site.kill()
        return "while starting"
    site.wait(site.answers, "the daemon to answer", 30)
    time.sleep(dice.uniform(0, 1.2))
    site.kill()
    return "at work"


def test_fifty_kills_during_five_hundred_edits_lose_nothing_and_double_nothing() -> None:
    """The process is killed 50 times while an office edits: at rest each list equals its calendar, no event was applied twice."""
    dice = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    with Site(mailboxes=PEOPLE, exchange={"hosts": "example.com"}) as site:
        people = [site.exchange.address(number) for number in range(1, PEOPLE + 1)]
        lists = Lists(site, people)
        site.start()
        lists.activate()
        site.kill()
        office = Office(site.exchange, people, SEED)
        day = BusyDay(office, EDITS, 0.08)
        day.start()
        moments = Counter(kill_at_random(site, dice) for _ in range(KILLS))
        day.finish(120)
        assert office.done.total() == EDITS
        site.start()
        lists.settle(60)
        status = site.ask("status")
        assert (status["outbox"]["waiting"], status["outbox"]["dead_letters"]) == (0, 0)
        assert status["epoch"] == 1, "a kill makes no new life of the database"
        assert lists.books.applied_twice() == []
        assert lists.books.tally().applied > EDITS
        assert moments["at work"] > KILLS // 2
        assert site.stop() == 0
