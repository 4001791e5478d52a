"""The hub goes away: events wait, bounded, and reach it when it is back, without anybody's help."""

from __future__ import annotations

import pytest

from tests.lab.survival import Scene, scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

OUTBOX = 100
OVERSHOOT = 100
"""What steps that had begun, and a second of not looking, may add to a full outbox in this small office."""


def waiting(on: Scene) -> int:
    """Events that wait for the hub."""
    return int(on.status()["outbox"]["waiting"])


def test_a_hub_that_is_down_gets_everything_when_it_is_back() -> None:
    """While the process is gone, changes wait and status says so; when it is back, lists are equal again in the same epoch."""
    with scene() as on:
        assert on.hub_up()
        on.site.hub.stop()
        on.edit(20)
        on.site.wait(lambda: not on.hub_up(), "status to say that the hub is down", 20)
        on.site.wait(lambda: waiting(on) > 10, "changes to wait", 20)
        hub = on.status()["hub"]
        assert hub["problem"] == "The server can't be reached."
        assert not on.healthy()
        assert on.lists.states() == ["active"] * 4
        on.site.hub.start()
        on.site.wait(on.hub_up, "the hub to be found again", 60)
        on.lists.settle()
        assert waiting(on) == 0
        on.site.wait(on.healthy, "status to be healthy")
        assert on.status()["epoch"] == 1


def test_a_hub_that_hangs_fills_the_outbox_to_its_limit_and_no_further() -> None:
    """A hub that accepts connections and answers nothing: the outbox stops at its limit, Exchange keeps the rest, an alarm says so."""
    with scene(people=6, outbox=str(OUTBOX)) as on:
        on.site.hub.pause()
        try:
            most = 0
            for _ in range(45):
                on.edit(4)
                most = max(most, waiting(on))
            assert OUTBOX <= most <= OUTBOX + OVERSHOOT
            on.site.wait(lambda: 304 in on.alarms(), "the alarm about the outbox", 40)
            on.site.wait(lambda: not on.hub_up(), "the timeout to be noticed", 40)
            assert on.status()["hub"]["problem"] == "The server did not answer in time."
            assert waiting(on) <= OUTBOX + OVERSHOOT
        finally:
            on.site.hub.resume()
        on.lists.settle(90)
        assert waiting(on) == 0
        assert on.status()["epoch"] == 1
